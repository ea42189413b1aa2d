// Package msgpack encodes Go values as MessagePack and decodes them again.
//
// MessagePack carries what JSON carries, in fewer bytes, and bytes, integers of
// 64 bits and points in time besides:
//
//	type User struct {
//		Name  string    `msgpack:"name"`
//		Photo []byte    `msgpack:"photo,omitempty"`
//		Since time.Time `json:"since"`
//	}
//
//	data, err := msgpack.Marshal(user)
//	err = msgpack.Unmarshal(data, &user)
//
// A type is compiled when it is first met, into a plan that each value then
// walks. All functions are safe for concurrent use. Messages may come from
// anyone: what a message makes Unmarshal allocate is bounded by its length,
// see Limits.
//
// # Go to MessagePack
//
// Each value takes the smallest format that holds it. The first row that fits
// a type is the one that counts:
//
//	nil pointer, interface, slice, map   nil
//	time.Time                            extension -1 in 32, 64 or 96 bits; nanoseconds are kept, the zone is not
//	time.Duration                        integer: nanoseconds
//	RawMessage                           as it is; nil if it is empty
//	Ext                                  extension
//	Marshaler                            what it returns, which has to be one value
//	encoding.TextMarshaler               str
//	error                                str: its text
//	bool                                 bool
//	int, uint and their sizes, uintptr   integer, by value: int64(5) is one byte
//	float32, float64                     float of that size, never narrowed
//	string                               str; each byte that is not UTF-8 becomes U+FFFD
//	[]byte, [N]byte                      bin
//	other slices and arrays              array
//	map                                  map; keys are strings, integers, or interfaces that hold
//	                                     these, nil, bool or a number; sorted
//	struct                               map; fields in the order they are declared
//	pointer, interface                   what it points to or holds
//
// Methods with pointer receivers are called as well, if need be on a copy. Their
// panics are the caller's.
// Channels, functions, complex numbers, unsafe pointers and other keys are
// errors that name the type. So are values that contain themselves.
//
// Sorted means strings by their bytes and integers by value. Keys of mixed
// kinds stand in the order nil, false, true, integers, floats, strings.
//
// # MessagePack to Go
//
//	nil            makes pointers, maps, slices and interfaces nil; leaves anything else alone
//	bool           bool
//	integer        int, uint and their sizes, floats; time.Time as Unix seconds; time.Duration
//	float          floats; where an integer is wanted, a float without a fraction is one
//	str            string, []byte, [N]byte, encoding.TextUnmarshaler; time.Time by RFC 3339;
//	               time.Duration by time.ParseDuration
//	bin            []byte, [N]byte, string
//	array          slices, which are replaced; Go arrays of exactly the length
//	map            structs; maps, which are added to
//	extension      Ext; -1 is also a time.Time, in UTC
//	all of these   RawMessage, Unmarshaler, any
//
// Numbers that do not fit are errors: nothing wraps around, nothing is cut off.
// Pointers are allocated where they are nil. All bytes are copied: nothing that
// was decoded refers to the message.
//
// An Unmarshaler is given nil too, unless it stands behind a pointer, which
// then becomes nil.
//
// Into an interface without methods go:
//
//	nil         nil
//	bool        bool
//	integer     int64, or uint64 if it is greater than that
//	float       float64
//	str         string: the bytes as they are, UTF-8 or not
//	bin         []byte
//	array       []any
//	map         map[string]any if all keys are str, else map[any]any
//	extension   time.Time for -1, Ext for any other
//
// Keys of a map[any]any are nil, bool, int64, uint64, float64 or string. An
// array, map, bin, extension or NaN as a key is an error.
//
// # Fields
//
// A field's name is that of its msgpack tag, else of its json tag, else its own.
//
//	`msgpack:"name"`             the name
//	`msgpack:"name,omitempty"`   left out if false, 0, nil, or of length 0
//	`msgpack:",omitempty"`       the same, by the name of the json tag or its own
//	`msgpack:"-"`                no part of the message
//	`msgpack:"-,"`               the name "-"
//	`json:"name,omitempty"`      where there is no msgpack tag; other options mean nothing
//
// Unexported fields are no part of the message. Fields of embedded structs are
// fields of the outer struct, by the rules of encoding/json, unless the embedded
// one is given a name. An option that is not known, and a name that two fields
// of one struct share, are errors.
//
// A key in the message belongs to the field of exactly that name, else to one
// that differs in case only. Other keys are skipped with what they hold, keys
// that are no text too. A field that is missing in the message is left alone.
// If a key occurs twice the last one counts; a struct or map that is decoded into
// twice keeps what the second time does not name.
//
// # Limits
//
//	nesting              100 arrays and maps inside one another, in both directions
//	values               1,048,576 in one message that is decoded, keys among them
//	strings, bytes       no longer than what is left of the message
//	arrays, maps         no more entries than what is left of the message can hold; room is made for at
//	                     most 1,024 of them, or 64 KiB, and more as they arrive
//	after the message    nothing
//	pointers             1,000 on the way to a value that is encoded
//
// They hold for what is skipped as well. A [Decoder] has a limit of bytes besides.
//
// # Formats
//
//	0x00-0x7f  positive fixint      0xcc-0xcf  uint 8, 16, 32, 64
//	0x80-0x8f  fixmap               0xd0-0xd3  int 8, 16, 32, 64
//	0x90-0x9f  fixarray             0xd4-0xd8  fixext 1, 2, 4, 8, 16
//	0xa0-0xbf  fixstr               0xd9-0xdb  str 8, 16, 32
//	0xc0       nil                  0xdc-0xdd  array 16, 32
//	0xc1       never used           0xde-0xdf  map 16, 32
//	0xc2-0xc3  false, true          0xe0-0xff  negative fixint
//	0xc4-0xc6  bin 8, 16, 32
//	0xc7-0xc9  ext 8, 16, 32
//	0xca-0xcb  float 32, 64
//
// All are decoded, also where a smaller one would have done.
package msgpack
