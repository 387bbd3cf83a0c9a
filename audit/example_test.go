package audit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/store"
	"github.com/tenon-auth/tenon/store/bolt"
)

// An entry is part of the Change that records the deed, so there is never one without the other. The publisher does the rest.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "log")
	check(err)
	defer os.RemoveAll(dir)
	db, err := bolt.Open(bolt.Config{Path: filepath.Join(dir, "db")})
	check(err)
	defer db.Close()

	book, err := audit.OpenBook(ctx, audit.BookConfig{Store: db, Origin: "as.example/log"})
	check(err)
	signer, err := audit.LoadOrCreateKey(filepath.Join(dir, "key"), book.Origin())
	check(err)
	publisher, err := audit.OpenPublisher(ctx, audit.PublisherConfig{Book: book, Dir: filepath.Join(dir, "log"), Signer: signer})
	check(err)
	defer publisher.Close() // a server keeps publisher.Run going instead of calling Publish

	change := &store.Change{Inserts: []store.Record{{Key: store.Key{Kind: "clients", ID: "tpp-4711"}, Body: []byte(`{}`)}}}
	check(book.Add(ctx, change, audit.Entry{Type: audit.ClientChanged, Client: "tpp-4711"}))
	receipt, err := db.Commit(ctx, change)
	check(err)
	fmt.Println("the registration is entry", receipt.First)

	check(publisher.Publish(ctx))
	fmt.Println("the checkpoint covers", publisher.Newest().Size, "entries")
	proof, err := publisher.Receipt(ctx, receipt.First)
	check(err)
	parsed, err := audit.ParseReceipt(proof)
	check(err)
	fmt.Println("the receipt has", len(parsed.Proof), "hashes for entry", parsed.Index)
	// Output:
	// the registration is entry 2
	// the checkpoint covers 3 entries
	// the receipt has 1 hashes for entry 2
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
