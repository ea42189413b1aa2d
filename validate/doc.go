// Package validate checks values by the valid tags of their fields.
//
// A tag lists what the value of a field has to be. All fields of a struct are
// checked, and those of the structs inside it, through pointers, interfaces,
// slices, arrays and maps:
//
//	type User struct {
//		Name  string   `json:"name" valid:"required,alphanum,length(2|32)"`
//		Email string   `valid:"required,email~we have to be able to write to you"`
//		Age   int      `valid:"range(18|150)"`
//		Tags  []string `valid:"lowercase"`
//		Home  *Address
//	}
//
//	err := validate.Struct(user) // nil, or Errors: one for each field that was refused
//
// A type is compiled once, by [Validator.Compile], into a [Plan] that is safe
// for concurrent use. Mistakes in tags are found then, and not by values. The
// package knows nothing of HTTP.
//
// # Tags
//
// The tag is a list of options, divided by commas, that are tried from left to
// right up to the first that refuses. White space around an option is ignored.
// No tag, an empty one, and one that the struct tag's syntax hides ask nothing
// of the field itself; what lies inside it is checked all the same. The tag "-"
// says that the field is passed over with all that is inside.
//
//	required           the value is not empty
//	optional           the value may be empty: the default, see Validator.FieldsRequiredByDefault
//	!alpha             the opposite; not for required and optional
//	alpha~text         text is the message. Its first %s stands for the value, its
//	                   second for the option. It ends at the next comma.
//
// A value is empty if it is the zero value, or a slice or map without elements.
// An empty value passes each option but required, even !null. Pointers are
// empty if nil, else what they point at is checked. So are interfaces.
//
// A comma may stand inside parentheses, as in matches(^[a-z]{1,3}$), if these
// are balanced. An option holds letters and digits of any script and
// printable ASCII, but neither ";" nor the back quote; the pattern of matches
// has no "~".
//
// # Rules
//
// Letters and digits are those of ASCII unless said otherwise. No rule trims.
//
//	alpha              A-Z a-z
//	alphanum           A-Z a-z 0-9
//	ascii              U+0000 to U+007F
//	email              name@domain.end; no quotes, no limit of length, dots may repeat in the domain
//	float              1.5, 1e5, but also ".", and not "-.5"
//	hexadecimal        0-9 A-F a-f, without 0x
//	in(a|b|c)          one of the choices, exactly
//	int                optional sign, digits without leading zeros, of any size
//	ip                 IPv4 or IPv6, without zone
//	length(2|5)        2 to 5 bytes
//	lowercase          what strings.ToLower leaves alone
//	matches(^a+$)      what the RE2 pattern matches, anywhere unless it says ^ and $
//	notnull            all; it is not required
//	null               nothing but the empty value
//	numeric            0-9, no sign
//	range(1|10)        numbers, or texts of numbers, compared as float64
//	runelength(2|5)    2 to 5 characters
//	uppercase          what strings.ToUpper leaves alone
//	url                scheme http, https, ftp, tcp, udp, ws, wss in lower case, or none; 2082 characters
//	utfletter          letters of any script
//	uuid               8-4-4-4-12 hexadecimal digits in lower case
//
// # Kinds
//
// Strings are checked as they are, numbers as the text that fmt.Sprint makes of
// them, []byte as text. If a type of these kinds has a String, Error or Format
// method, what fmt.Sprint makes of it is checked: 3s for a time.Duration.
// For bool, uintptr and structs there are only required and optional. Func,
// chan and complex fields, and maps whose keys are no strings, cannot have a
// tag other than "-".
//
// The tag of a slice, array or map is about its elements, and required about
// the collection as well. All elements are checked. The first that is refused
// is the field's error; structs in it have their own, with the index or key in
// the path. Of collections in collections only the innermost index is shown.
// Elements that are structs are not themselves subject to the tag, pointers to
// structs are.
//
// Interfaces are checked by what they hold. If that has mistakes in its
// tags, or is nothing the option can be applied to, the field is refused.
//
// Values may be nested 32 structs deep.
//
// # Compatibility
//
// Tags mean what they mean to govalidator, down to the texts of errors, but
// for what is better refused, or better checked: all elements instead of
// the first, structs behind pointers in collections, nil interfaces, bytes,
// texts that are no numbers under range, and urls that a browser would run.
package validate
