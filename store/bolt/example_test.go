package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/tenon-auth/tenon/store"
	"github.com/tenon-auth/tenon/store/bolt"
)

// A code is spent and the log says so, in one step: whoever comes second changes nothing.
func Example() {
	dir, err := os.MkdirTemp("", "tenon")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s, err := bolt.Open(bolt.Config{Path: filepath.Join(dir, "tenon.db")})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()

	spend := func() *store.Change {
		return &store.Change{
			Inserts: []store.Record{{Key: store.Key{Kind: "spent", ID: "code 7"}, Expires: time.Now().Add(time.Minute)}},
			Leaves:  []store.Leaf{{Body: []byte("code 7 was spent")}},
		}
	}
	ctx := context.Background()
	receipt, err := s.Commit(ctx, spend())
	fmt.Println("leaf", receipt.First, err)
	_, err = s.Commit(ctx, spend())
	var conflict *store.Conflict
	fmt.Println(errors.As(err, &conflict), conflict.Key)
	// Output:
	// leaf 0 <nil>
	// true spent/"code 7"
}

// A replay memory is asked for a fence right after it was opened.
func ExampleOpenReplays() {
	dir, err := os.MkdirTemp("", "tenon")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	r, err := bolt.OpenReplays(bolt.ReplaysConfig{
		Path:     filepath.Join(dir, "replays.db"),
		Capacity: 1_000_000,
		Window:   70 * time.Second, // Checker.Window
	})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	if window, needed := r.Fence(); needed {
		fmt.Println("only our own nonces for", window) // nonces.Fence(window)
	}
	key := [32]byte{1, 2, 3} // Proof.ReplayKey
	until := time.Now().Add(time.Minute)
	for range 2 {
		first, err := r.Use(context.Background(), key, until)
		fmt.Println(first, err)
	}
	// Output:
	// only our own nonces for 1m10s
	// true <nil>
	// false <nil>
}
