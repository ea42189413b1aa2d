package main

import (
	"slices"
	"sync"
)

// Notes are lists of texts by name. They are safe for concurrent use.
type notes struct {
	mu      sync.Mutex
	lists   map[string][]string
	changed chan struct{} // closed, and replaced, with every change
	closed  bool
}

func newNotes() *notes {
	return &notes{lists: map[string][]string{}, changed: make(chan struct{})}
}

// add appends a text to a list, and returns its number, from 1 upwards.
func (n *notes) add(list, text string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lists[list] = append(n.lists[list], text)
	if !n.closed {
		close(n.changed)
		n.changed = make(chan struct{})
	}
	return len(n.lists[list])
}

// since returns the texts of a list after the first i of them, and a channel
// that is closed when there may be more; it is nil when there will be none.
func (n *notes) since(list string, i int) (texts []string, changed <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.closed {
		changed = n.changed
	}
	all := n.lists[list]
	return slices.Clone(all[min(max(i, 0), len(all)):]), changed
}

// close ends the waiting for changes.
func (n *notes) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.closed {
		n.closed = true
		close(n.changed)
	}
}
