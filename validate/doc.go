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
//	present            the field was sent, even as zero: see below
//	secret             nothing of the value is shown: see below
//	type(T)            the type is written so: of what an interface holds
//	each(alpha,min(2)) options for the elements: see below
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
// Most look at the form alone: what passes need not exist, nor be what it says.
// Numbers in parentheses are decimal and have 64 bits at most.
//
//	alpha              A-Z a-z
//	alphanum           A-Z a-z 0-9
//	ascii              U+0000 to U+007F
//	base64             standard alphabet with padding (RFC 4648, section 4), no line breaks
//	creditcard         issuer's prefix, length and check digit (ISO/IEC 7812); spaces and hyphens anywhere
//	datauri            data:type/subtype;base64, and base64 (RFC 2397)
//	dialstring         host:port as net.SplitHostPort divides it; host and port as below
//	dns                labels of 63, names of 255 bytes (RFC 1035), with "_" and hyphens at the end; no IPv4
//	email              name@domain.end; no quotes, no limit of length, dots may repeat in the domain
//	float              1.5, 1e5, but also ".", and not "-.5"
//	fullwidth          at least one character that is not of half width, é and control characters too
//	halfwidth          at least one of ASCII's printable ones, or of Unicode's halfwidth forms
//	hexadecimal        0-9 A-F a-f, without 0x
//	hexcolor           3 or 6 hexadecimal digits, with # or without (CSS)
//	host               as ip or dns
//	IMEI               15 or 18 digits (3GPP TS 23.003), or 14 of hexadecimal in lower case; no check digit
//	in(a|b|c)          one of the choices, exactly
//	int                optional sign, digits without leading zeros, of any size
//	ip                 IPv4 or IPv6 as net.ParseIP takes it (RFC 4291), without zone
//	ipv4               IPv4
//	ipv6               IPv6, also with IPv4 at the end
//	isbn10             ISBN of ten characters with its check digit (ISO 2108); spaces and hyphens anywhere
//	isbn13             the same of 13; any EAN-13
//	ISO3166Alpha2      the 249 country codes of two letters, in upper case
//	ISO3166Alpha3      those of three
//	ISO4217            181 currency codes, those of 2018
//	json               what json.Valid takes (RFC 8259)
//	jwt                header, claims, signature in form (RFC 7519); nothing is verified
//	latitude           -90 to 90 in decimal degrees
//	length(2|5)        2 to 5 bytes
//	longitude          -180 to 180 in decimal degrees
//	lowercase          what strings.ToLower leaves alone
//	mac                what net.ParseMAC takes: EUI-48, EUI-64, InfiniBand
//	matches(^a+$)      what the RE2 pattern matches, anywhere unless it says ^ and $
//	maxstringlength(5) 5 characters at most
//	minstringlength(2) 2 characters at least
//	multibyte          at least one character beyond ASCII
//	notnull            all; it is not required
//	null               nothing but the empty value
//	numeric            0-9, no sign
//	port               1 to 65535; plus sign and leading zeros pass
//	printableascii     U+0020 to U+007E
//	range(1|10)        numbers, or texts of numbers, compared as float64
//	requri             what url.ParseRequestURI takes (RFC 9112, section 3.2), //host too
//	requrl             the same with a scheme: any, javascript too
//	rfc3339            what time.Parse takes as time.RFC3339
//	rfc3339WithoutZone the same without zone
//	rgbcolor           rgb(0,0,0) to rgb(255,255,255), spaces around the numbers (CSS)
//	rsapub(2048)       RSA public key of 2048 bits as PKIX (RFC 5280), in PEM (RFC 7468) or base64
//	runelength(2|5)    2 to 5 characters
//	semver             Semantic Versioning 2.0.0, v in front or not
//	ssn                123-45-6789 or 123 45 6789; never issued ones too
//	stringlength(2|5)  as runelength
//	ulid               26 characters of base32 (ULID specification), in either case
//	uppercase          what strings.ToUpper leaves alone
//	url                scheme http, https, ftp, tcp, udp, ws, wss in lower case, or none; 2082 characters
//	utfdigit           decimal digits of any script (Unicode's category Nd), optional sign
//	utfletter          letters of any script (category L); combining marks are none
//	utfletternum       letters and numbers of any script (categories L and N)
//	utfnumeric         numbers of any script, such as ½ and Ⅷ (category N), optional sign
//	uuid               8-4-4-4-12 hexadecimal digits in lower case (RFC 9562), of any version
//	uuidv3             the same of version 3
//	uuidv4             version 4, with its variant
//	uuidv5             version 5, with its variant
//	variablewidth      as fullwidth and halfwidth
//	yyyymmdd           a date as 2024-02-29, with hyphens (RFC 3339)
//
// All are done in time in proportion to the length of the value.
//
// oneof(a|b|c) is in(a|b|c) under another name.
//
// # Sizes
//
//	min(n)  max(n)  len(n)
//
// Of a number they are about its value, which is compared without rounding: n
// may have a minus, and for floats a point. For a time.Duration it may be
// written 1m30s. NaN has no size. Of a string they are about how many
// characters it has, of []byte how many bytes, of a slice, array or map how
// many elements.
//
// They are asked about empty values too, unless the tag says optional: min(1)
// refuses 0, "" and an empty list. Nil pointers and interfaces pass.
//
// # Other fields
//
// These options name fields of the same struct, promoted ones included, by
// their Go names:
//
//	eqfield(Password)  nefield(Old)                        the same value, or not
//	gtfield(From)  gtefield(From)  ltfield(To)  ltefield(To)
//	required_if(Kind|a|b)  required_unless(Kind|a|b)       if the text of Kind is a or b, or neither
//	required_with(A|B)  required_without(A|B)              if any is not empty, or any is empty
//
// Numbers of all kinds are compared exactly, strings by their bytes, times as
// instants. NaN is refused by every comparison, nefield included. eqfield and
// nefield are asked about empty values too, even with optional, and take nil for
// zero. The four others pass if either side is empty: zero, or a nil pointer.
// A zero behind a pointer is compared.
//
// The conditions refuse an empty value as required does. Without holding, they
// let it pass, as optional does.
//
// # Elements
//
// The options in each(…) are about every element of a slice, array or map, as if
// it was a field: required, rules, sizes, type, messages, and each again. All
// elements that are refused are reported, up to 100 in a field, with the index
// or key in their path: Tags.1. Parentheses in each have to be balanced, those
// of messages as well.
//
// # Sent or not
//
// present refuses a field that was not sent; one that was sent as null, zero or
// empty passes. [Plan.Check] is told what was sent, and finds it by the json
// name, as encoding/json does. Where nothing is known of that, as in [Struct],
// only a nil pointer, slice, map or interface was not sent.
//
// # Secrets
//
// Of a secret field, all that is inside it, and a field that is compared with
// it, no error shows a value or a map key: [FieldError.Value] is empty, and the
// value is called "the value" in messages, "***" in those of the tag.
//
// # Order
//
// Of a field, one error is reported: the first of present, conditions, required,
// rules of one's own (all of these are asked), type, comparisons, sizes, the
// rest from left to right, each, Validate. What is inside a struct comes before
// what its tag says.
//
// # Rules of one's own
//
// [Validator.RegisterText] adds a rule like those above. [Validator.Register] and
// [Validator.RegisterParams] add one that sees the value whole, of any kind, with
// the struct around it, and that may look things up: it gets the context of
// [Validator.StructContext], and may fail, which is the error of the call, and
// says nothing of the value. Such rules go before the others, are not asked
// about empty values, and cannot be negated.
//
// # Validate methods
//
// A type with a method Validate() error, of the value or the pointer, has its
// values asked after their tags, and after all inside them, if there was no
// error: structs always, others if they are not empty, nil pointers never. The
// text of the error is the message. [Errors] and a [FieldError] are taken over
// with their paths, and empty Errors are none. The value may be a copy.
//
// The method must not have its receiver asked again. [Struct] does not do that,
// and may be called; [Value] of the receiver, or a value around it, would have
// no end, and is refused after some thousand calls. A method that is promoted
// from an embedded struct is asked of that.
//
// # Kinds
//
// Strings are checked as they are, numbers as the text that fmt.Sprint makes of
// them, []byte as text. If a type of these kinds has a String, Error or Format
// method, what fmt.Sprint makes of it is checked: 3s for a time.Duration.
// For bool, uintptr and structs there are no rules about text. Func, chan and
// complex fields cannot have a tag other than "-" and type, nor can maps whose
// keys are no strings have required or such rules.
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
// Values may be nested 32 structs deep. At most 1,000 errors are reported.
//
// # Compatibility
//
// Tags mean what they mean to govalidator, down to the texts of errors, but
// for what is better refused, or better checked: all elements instead of
// the first, structs behind pointers in collections, nil interfaces, bytes,
// texts that are no numbers under range, urls that a browser would run, line
// breaks under email and jwt, IPv6 under ipv4, a second comma under datauri, and
// leading zeros in the parameters of lengths.
package validate
