package validate_test

import (
	"net/netip"
	"strings"
)

// The structs of the benchmarks, with tags for ours and govalidator (valid), for
// validator/v10 (validate), and checks as one writes them by hand, that list the
// fields which are wrong.

type account struct {
	Name  string  `valid:"required,alphanum,length(2|32)" validate:"required,alphanum,min=2,max=32"`
	Email string  `valid:"required,email" validate:"required,email"`
	ID    string  `valid:"uuid" validate:"omitempty,uuid"`
	Age   int     `valid:"range(18|150)" validate:"omitempty,min=18,max=150"`
	Score float64 `valid:"range(1|10)" validate:"omitempty,min=1,max=10"`
	Role  string  `valid:"in(admin|user|guest)" validate:"omitempty,oneof=admin user guest"`
	IP    string  `valid:"ip" validate:"omitempty,ip"`
	Code  string  `valid:"hexadecimal" validate:"omitempty,hexadecimal"`
}

func (a *account) check() (wrong []string) {
	if len(a.Name) < 2 || len(a.Name) > 32 || !each(a.Name, isAlphanum) {
		wrong = append(wrong, "Name")
	}
	if !isEmail(a.Email) {
		wrong = append(wrong, "Email")
	}
	if a.ID != "" && !isUUID(a.ID) {
		wrong = append(wrong, "ID")
	}
	if a.Age != 0 && (a.Age < 18 || a.Age > 150) {
		wrong = append(wrong, "Age")
	}
	if a.Score != 0 && (a.Score < 1 || a.Score > 10) {
		wrong = append(wrong, "Score")
	}
	switch a.Role {
	case "", "admin", "user", "guest":
	default:
		wrong = append(wrong, "Role")
	}
	if a.IP != "" {
		if ip, err := netip.ParseAddr(a.IP); err != nil || ip.Zone() != "" {
			wrong = append(wrong, "IP")
		}
	}
	if !each(a.Code, isHex) {
		wrong = append(wrong, "Code")
	}
	return wrong
}

type member struct {
	Name  string   `valid:"required,alphanum,length(2|32)" validate:"required,alphanum,min=2,max=32"`
	Email string   `valid:"required,email" validate:"required,email"`
	Age   int      `valid:"range(18|150)" validate:"omitempty,min=18,max=150"`
	Tags  []string `valid:"lowercase" validate:"dive,omitempty,lowercase"`
}

func (m *member) check() (wrong []string) {
	if len(m.Name) < 2 || len(m.Name) > 32 || !each(m.Name, isAlphanum) {
		wrong = append(wrong, "Name")
	}
	if !isEmail(m.Email) {
		wrong = append(wrong, "Email")
	}
	if m.Age != 0 && (m.Age < 18 || m.Age > 150) {
		wrong = append(wrong, "Age")
	}
	for _, tag := range m.Tags {
		if strings.ToLower(tag) != tag {
			wrong = append(wrong, "Tags")
			break
		}
	}
	return wrong
}

type (
	order struct {
		Number   string `valid:"required,alphanum" validate:"required,alphanum"`
		Customer customer
	}
	customer struct {
		Name string `valid:"required,alpha" validate:"required,alpha"`
		Home *place
	}
	place struct {
		City string `valid:"required,alpha" validate:"required,alpha"`
		Zip  int    `valid:"range(1|9999)" validate:"omitempty,min=1,max=9999"`
	}
)

func (o *order) check() (wrong []string) {
	if o.Number == "" || !each(o.Number, isAlphanum) {
		wrong = append(wrong, "Number")
	}
	if o.Customer.Name == "" || !each(o.Customer.Name, isAlpha) {
		wrong = append(wrong, "Customer.Name")
	}
	if home := o.Customer.Home; home != nil {
		if home.City == "" || !each(home.City, isAlpha) {
			wrong = append(wrong, "Customer.Home.City")
		}
		if home.Zip != 0 && (home.Zip < 1 || home.Zip > 9999) {
			wrong = append(wrong, "Customer.Home.Zip")
		}
	}
	return wrong
}

type (
	batch struct {
		Items []item `validate:"dive"`
	}
	item struct {
		SKU   string `valid:"required,alphanum" validate:"required,alphanum"`
		Count int    `valid:"range(1|1000)" validate:"omitempty,min=1,max=1000"`
	}
)

func (l *batch) check() (wrong []string) {
	for i := range l.Items {
		it := &l.Items[i]
		if it.SKU == "" || !each(it.SKU, isAlphanum) {
			wrong = append(wrong, "SKU")
		}
		if it.Count != 0 && (it.Count < 1 || it.Count > 1000) {
			wrong = append(wrong, "Count")
		}
	}
	return wrong
}

func each(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return true
}

func isAlpha(c byte) bool    { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool    { return '0' <= c && c <= '9' }
func isAlphanum(c byte) bool { return isAlpha(c) || isDigit(c) }
func isHex(c byte) bool      { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

func isUUID(s string) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isDigit(c) && !('a' <= c && c <= 'f') && (c != '-' || i != 8 && i != 13 && i != 18 && i != 23) {
			return false
		}
	}
	return true
}

// isEmail takes the addresses of ASCII that ours takes: words divided by single
// dots, an @, labels divided by dots of which the last has no digit at its ends.
func isEmail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || strings.Contains(s, "=?") && strings.Contains(s, "?=") {
		return false
	}
	for i := range len(local) {
		if c := local[i]; c == '.' {
			if i == 0 || i == len(local)-1 || local[i-1] == '.' {
				return false
			}
		} else if !isAlphanum(c) && strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) < 0 {
			return false
		}
	}
	domain = strings.TrimSuffix(domain, ".")
	dot := strings.LastIndexByte(domain, '.')
	if dot < 1 || dot == len(domain)-1 || !isAlphanum(domain[0]) || !isAlphanum(domain[dot-1]) || !isAlpha(domain[dot+1]) || !isAlpha(domain[len(domain)-1]) {
		return false
	}
	for i := range len(domain) {
		if c := domain[i]; !isAlphanum(c) && c != '-' && c != '_' && c != '~' && (c != '.' || i > dot) {
			return false
		}
	}
	return true
}
