package validate

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
)

// Rules about data in a text form.

// isJSON takes what json.Valid takes: one value of RFC 8259, of any type, with
// white space around it. It may be nested 10000 deep. Names may repeat, and
// invalid UTF-8 may stand in strings.
func isJSON(s string) bool { return json.Valid([]byte(s)) }

// isBase64 takes base64 in the standard alphabet, padded to groups of four (RFC
// 4648, section 4), without line breaks. The unused bits of the last group need not
// be zero.
func isBase64(s string) bool {
	if s == "" || len(s)%4 != 0 {
		return false
	}
	s = strings.TrimSuffix(strings.TrimSuffix(s, "="), "=")
	for i := range len(s) {
		if !isLetter(s[i]) && !isDigit(s[i]) && s[i] != '+' && s[i] != '/' {
			return false
		}
	}
	return true
}

// isBase64URL takes base64 in the alphabet for URLs without padding (RFC 4648,
// sections 5 and 3.2), and nothing at all.
func isBase64URL(s string) bool {
	for i := range len(s) {
		if !isLetter(s[i]) && !isDigit(s[i]) && s[i] != '-' && s[i] != '_' {
			return false
		}
	}
	return len(s)%4 != 1
}

// isDataURI takes the URLs of RFC 2397 that have a type and base64:
//
//	datauri = "data:" 1*char "/" 1*char ";base64," base64
//	char    = any character but newline and comma
//
// Type and parameters may thus be anything. A second comma is refused, as it is
// in no base64.
func isDataURI(s string) bool {
	head, data, ok := strings.Cut(s, ",")
	if !ok {
		return false
	}
	kind, isData := strings.CutPrefix(head, "data:")
	kind, hasEnd := strings.CutSuffix(kind, ";base64")
	return isData && hasEnd && len(kind) > 2 &&
		strings.IndexByte(kind[1:len(kind)-1], '/') >= 0 && strings.IndexByte(kind, '\n') < 0 &&
		isBase64(data)
}

// isJWT takes the compact form of RFC 7519, which is that of RFC 7515, section 7.1:
// header, claims and signature in base64url, by dots. Header and claims hold JSON,
// of any type, and the signature is not empty. Whether it is right is not
// checked, nor whether the header names an algorithm. Line breaks are refused,
// though the decoder would skip them.
func isJWT(s string) bool {
	header, rest, _ := strings.Cut(s, ".")
	claims, signature, ok := strings.Cut(rest, ".")
	return ok && signature != "" && isBase64URL(signature) && isBase64URLOfJSON(header) && isBase64URLOfJSON(claims)
}

func isBase64URLOfJSON(s string) bool {
	if !isBase64URL(s) {
		return false
	}
	var buf [1024]byte // enough for most
	data, err := base64.RawURLEncoding.AppendDecode(buf[:0], []byte(s))
	return err == nil && json.Valid(data)
}

// isRSAPublicKey takes a public key of RSA in the form of PKIX (RFC 5280, section
// 4.1), either as the first block of PEM in s (RFC 7468, section 13), which has to
// be a PUBLIC KEY, or as standard base64 without anything around. Line breaks may
// stand anywhere in base64. The modulus has the given number of bits, rounded up
// to whole bytes. Certificates and the bare form of PKCS #1 are refused.
func isRSAPublicKey(s string, bits uint64) bool {
	var der []byte
	if block, _ := pem.Decode([]byte(s)); block != nil {
		if block.Type != "PUBLIC KEY" {
			return false
		}
		der = block.Bytes
	} else {
		var err error
		if der, err = base64.StdEncoding.DecodeString(s); err != nil {
			return false
		}
	}
	// The exponent and all that is around the modulus have less than 100 bytes.
	// A key of another size need not be parsed.
	if uint64(len(der)) > bits/8+100 {
		return false
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return false
	}
	rsaKey, ok := key.(*rsa.PublicKey)
	return ok && bits%8 == 0 && uint64(rsaKey.N.BitLen()+7)/8 == bits/8
}
