package msgpack

// Limits, for tests of both sides of them.
const (
	MaxDepth  = maxDepth
	MaxValues = maxValues
	MaxHops   = maxHops
)

// Skip passes over the value that data begins with, and returns its size.
func Skip(data []byte) (int, error) {
	d := newDecoder(data)
	err := d.skip()
	return d.off, err
}

// Scan is Skip as a Decoder does it, if data arrives step bytes at a time: size
// is 0 if it has not all arrived.
func Scan(data []byte, step int) (size int, err error) {
	s := scan{budget: maxValues - 1, open: []uint64{1}}
	for n := 0; ; n = min(n+step, len(data)) {
		done, err := s.advance(data[:n], 1<<40)
		if done || err != nil {
			return s.off, err
		}
		if n == len(data) {
			return 0, nil
		}
	}
}

// Fold is how a name is looked up without regard to case.
func Fold(name string) string { return string(appendFold(nil, []byte(name))) }
