package client

// For tests: what has no way in through a connection.

// Waiting returns how many answers are waited for.
func (c *Client) Waiting() int {
	l := c.current()
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting)
}
