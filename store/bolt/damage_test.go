package bolt_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/tenon-auth/tenon/store/bolt"
)

func TestADamagedReplayFileIsNotOpened(t *testing.T) {
	slice := func(tx *bbolt.Tx) *bbolt.Bucket {
		name, _ := tx.Cursor().Seek([]byte("proofs "))
		return tx.Bucket(name)
	}
	number := func(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
	for name, tamper := range map[string]func(*bbolt.Tx) error{
		"a bit of a batch": func(tx *bbolt.Tx) error {
			blob := bytes.Clone(slice(tx).Get(number(2)))
			blob[3] ^= 4
			return slice(tx).Put(number(2), blob)
		},
		"a batch of another length": func(tx *bbolt.Tx) error { return slice(tx).Put(number(2), make([]byte, 30)) },
		"an empty batch":            func(tx *bbolt.Tx) error { return slice(tx).Put(number(2), nil) },
		"a batch is gone":           func(tx *bbolt.Tx) error { return slice(tx).Delete(number(2)) },
		"the last batch is gone":    func(tx *bbolt.Tx) error { return slice(tx).Delete(number(3)) },
		"a slice of no time":        func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("proofs of what")); return err },
		"a bucket in a slice":       func(tx *bbolt.Tx) error { _, err := slice(tx).CreateBucket(number(4)); return err },
		"the mark":                  func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("forgotten"), []byte("?")) },
	} {
		t.Run(name, func(t *testing.T) {
			c := bolt.ReplaysConfig{Path: filepath.Join(t.TempDir(), "replays"), Capacity: 100, Window: window}
			r := replays(t, c)
			until := time.Unix(time.Now().Unix()/10*10+29, 0) // three batches in one slice
			for n := range 3 {
				use(t, r, key(n), until, true)
			}
			if err := r.Tamper(tamper); err != nil {
				t.Fatal(err)
			}
			if err := r.Check(t.Context()); name != "the mark" && !errors.Is(err, bolt.ErrDamaged) {
				t.Errorf("check: %v", err)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			if r, err := bolt.OpenReplays(c); !errors.Is(err, bolt.ErrDamaged) {
				t.Errorf("%v, %v; want ErrDamaged", r, err)
			}
		})
	}
}

func TestCheckFindsAProofThatOutlivesItsSlice(t *testing.T) {
	r := replays(t, bolt.ReplaysConfig{Path: filepath.Join(t.TempDir(), "replays")})
	use(t, r, key(1), time.Now().Add(time.Minute), true)
	err := r.Tamper(func(tx *bbolt.Tx) error {
		name, _ := tx.Cursor().Seek([]byte("proofs "))
		blob := bytes.Clone(tx.Bucket(name).Get(binary.BigEndian.AppendUint64(nil, 1)))
		early, err := tx.CreateBucket([]byte("proofs \x00\x00\x00\x09"))
		if err != nil {
			return err
		}
		n, err := early.NextSequence()
		return errors.Join(err, early.Put(binary.BigEndian.AppendUint64(nil, n), blob))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Check(t.Context()); !errors.Is(err, bolt.ErrDamaged) {
		t.Errorf("check: %v", err)
	}
}

// The file is not broken, only what is in it; still a proof was accepted and is lost.
func TestFencedDoesNotForgetALostWrite(t *testing.T) {
	c := bolt.ReplaysConfig{Path: filepath.Join(t.TempDir(), "replays"), Mode: bolt.Fenced}
	c.Now = func() time.Time { return time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC) }
	if err := replays(t, c).Close(); err != nil {
		t.Fatal(err)
	}
	c.Now = func() time.Time { return time.Date(2026, 11, 22, 11, 0, 0, 0, time.UTC) } // the fence of the new file is over
	r := replays(t, c)
	if _, needed := r.Fence(); needed {
		t.Fatal(r.FenceReason())
	}
	stray := []byte("proofs of what")
	if err := r.Tamper(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket(stray); return err }); err != nil {
		t.Fatal(err)
	}
	use(t, r, key(1), c.Now().Add(time.Minute), true)
	if err := r.Run(t.Context()); !errors.Is(err, bolt.ErrDamaged) {
		t.Errorf("run: %v", err)
	}
	if first, err := r.Use(t.Context(), key(2), c.Now().Add(time.Minute)); first || err == nil {
		t.Errorf("%t, %v: what is accepted cannot be written", first, err)
	}
	if err := r.Tamper(func(tx *bbolt.Tx) error { return tx.DeleteBucket(stray) }); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err == nil {
		t.Error("the close says that all is well")
	}
	if _, needed := replays(t, c).Fence(); !needed {
		t.Error("a proof was accepted and lost, and no fence is needed")
	}
}
