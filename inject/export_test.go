package inject

// ParseTag gives the fuzz test the parts of a tag.
func ParseTag(text string) (key string, optional, none bool, err error) {
	t, err := parseTag(text)
	return t.key, t.optional, t.none, err
}
