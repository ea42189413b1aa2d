package inject

// Who needs whom: worked out once for each state of a Set, mistakes included.

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Check returns all that is wrong with the providers as they are now, joined
// and sorted by their text; nil if nothing is:
//
//   - a parameter that nothing is provided for, with what comes near it;
//   - a circle, with the whole way round: *A -> *B -> *A;
//   - a [Singleton] that needs what is provided [PerRequest] or [PerUse].
//
// Fields are not the Set's to check; see [Bound.Missing].
func (s *Set[C]) Check() error {
	return errors.Join(s.state().graph().mistakes...)
}

// A graph says of every provider that is called where its arguments come from.
// It is only read once made.
type graph[C any] struct {
	nodes    map[*provider[C]]*node[C]
	mistakes []error
}

// A node is a provider with its parameters resolved.
type node[C any] struct {
	*provider[C]
	args []arg[C] // one for each of params

	// err is why the provider cannot be called: something is missing, here or
	// further down. No provider is called in vain, and none without end.
	err     error
	settled bool // whether further down was looked at; only used while linking
	mark    mark // likewise
}

// An arg is where the argument for a dependencyParam comes from.
type arg[C any] struct {
	value reflect.Value // a constant, or
	node  *node[C]      // one that has to be asked
}

// A mark is how far the search for circles has come with a node.
type mark uint8

const (
	unseen mark = iota
	onPath
	done
)

// graph returns the graph of st, which is made on first need.
func (st *state[C]) graph() *graph[C] {
	st.linkOnce.Do(func() { st.linked = link(st) })
	return st.linked
}

// link makes the graph of st.
func link[C any](st *state[C]) *graph[C] {
	g := &graph[C]{nodes: make(map[*provider[C]]*node[C])}
	var nodes []*node[C] // in the order of their keys, for messages that do not change
	for _, k := range st.sortedKeys() {
		if p := st.providers[k]; p.call != nil {
			n := &node[C]{provider: p, args: make([]arg[C], len(p.params))}
			g.nodes[p] = n
			nodes = append(nodes, n)
		}
	}
	for _, n := range nodes {
		g.resolve(st, n)
	}
	for _, n := range nodes {
		g.findCircles(n, nil)
	}
	for _, n := range nodes {
		n.settle()
	}
	slices.SortFunc(g.mistakes, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return g
}

// resolve finds out where the arguments of n come from.
func (g *graph[C]) resolve(st *state[C], n *node[C]) {
	for i, p := range n.params {
		if p.kind != dependencyParam {
			continue
		}
		from, err := st.find(p.typ, DefaultName)
		switch {
		case err != nil:
		case from.call == nil:
			n.args[i].value = from.value
		case n.scope == Singleton && from.scope != Singleton:
			err = fmt.Errorf("a singleton cannot need what is provided %v", from.scope)
		default:
			n.args[i].node = g.nodes[from]
		}
		if err != nil {
			n.fail(Error{p.typ, DefaultName, err})
			hint := ""
			if err == ErrNoSuchDependency {
				hint = st.hint(p.typ, DefaultName)
			}
			g.mistakes = append(g.mistakes,
				fmt.Errorf("provider of %v: parameter %d, %v: %w%s", n.key, i+1, p.typ, err, hint))
		}
	}
}

// findCircles walks what n needs. path is how it got here.
//
// Every circle has at least one node that fails here: the one by which the walk
// comes back to its own path lies on it.
func (g *graph[C]) findCircles(n *node[C], path []*node[C]) {
	switch n.mark {
	case done:
		return
	case onPath:
		circle := path[slices.Index(path, n):]
		err := describeCircle(circle)
		for _, member := range circle {
			member.fail(err)
		}
		g.mistakes = append(g.mistakes, err)
		return
	}
	n.mark = onPath
	path = append(path, n)
	for _, a := range n.args {
		if a.node != nil {
			g.findCircles(a.node, path)
		}
	}
	n.mark = done
}

// describeCircle names all members of a circle, beginning with the first by
// name, so that its text does not depend on where it was entered.
func describeCircle[C any](circle []*node[C]) error {
	names := make([]string, len(circle))
	for i, n := range circle {
		names[i] = n.key.String()
	}
	first := slices.Index(names, slices.Min(names))
	names = slices.Concat(names[first:], names[:first], names[first:first+1])
	return errors.New("circle of dependencies: " + strings.Join(names, " -> "))
}

// settle makes n fail if something that it needs does, and returns why.
func (n *node[C]) settle() error {
	if n.settled || n.err != nil {
		return n.err // a circle is cut here: a member of it fails already
	}
	n.settled = true
	for _, a := range n.args {
		if a.node == nil {
			continue
		}
		if err := a.node.settle(); err != nil {
			n.fail(Error{a.node.key.typ, a.node.key.name, err})
		}
	}
	return n.err
}

// fail notes why n cannot be called; the first reason stays.
func (n *node[C]) fail(err error) {
	if n.err == nil {
		n.err = err
	}
}
