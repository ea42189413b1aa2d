package store_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/gongular/gongular/examples/bookstore/store"
)

func Example() {
	dir, err := os.MkdirTemp("", "bookstore")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s, err := store.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	ctx := context.Background()
	b, err := s.Create(ctx, store.Book{Title: "Emma", Author: "Jane Austen", ISBN: "978-0-14-143958-7"})
	fmt.Println(b.ID, b.Title, err)
	_, err = s.Create(ctx, store.Book{Title: "Emma", ISBN: "9780141439587"})
	fmt.Println(err)
	for _, b := range s.Search(ctx, "austen", 10) {
		fmt.Println(b.Title)
	}
	// Output:
	// 1 Emma <nil>
	// another book has this ISBN
	// Emma
}

// What the function sees is what it changes: no other update comes between.
func ExampleStore_Update() {
	dir, err := os.MkdirTemp("", "bookstore")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s, err := store.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	ctx := context.Background()
	s.Create(ctx, store.Book{Title: "Emma", Price: 900})
	b, err := s.Update(ctx, 1, func(b *store.Book) error {
		b.Price -= b.Price / 10
		return nil
	})
	fmt.Println(b.Price, err)
	// Output: 810 <nil>
}
