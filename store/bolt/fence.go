package bolt

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// A fence is why this process may not know of every proof that was accepted. An empty reason: it knows of all.
type fence struct{ reason string }

var (
	stateKey = []byte("state") // one byte: how the file was left
	epochKey = []byte("epoch") // drawn anew by every open and every clean close; the note beside the file has the same
	placeKey = []byte("place") // which file of the file system it was
	fenceKey = []byte("fence") // second until which a fence that was found necessary stands
)

// How a file was left. A file that says it is open belongs to a process that did not close it.
const (
	leftClosed byte = iota
	leftOpenSync
	leftOpenFenced
)

// stillFenced is the reason that does not put off the end of a fence.
const stillFenced = "an earlier start needed a fence, and its window is not over"

// takeOver judges how the file was left, and writes that it is now open in the given mode. A fence that is needed is noted with
// its end, so that a restart in between does not lose it.
func (f *file) takeOver(mode Mode, now time.Time, window time.Duration) (fence, error) {
	var found fence
	epoch := newEpoch()
	err := f.update(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(metaBucket)
		found.reason = f.judge(meta, now)
		if found.reason != "" && found.reason != stillFenced {
			end := uint64(seconds(now.Add(window)))
			if err := meta.Put(fenceKey, binary.BigEndian.AppendUint64(nil, end)); err != nil {
				return err
			}
		}
		return errors.Join(meta.Put(stateKey, []byte{leftOpenSync + byte(mode)}), meta.Put(epochKey, epoch), meta.Put(placeKey, f.place()))
	})
	if err != nil {
		return fence{}, err
	}
	return found, writeEpoch(f.path, epoch)
}

// handBack writes that the file was closed in good order.
func (f *file) handBack() error {
	epoch := newEpoch()
	err := f.update(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(metaBucket)
		return errors.Join(meta.Put(stateKey, []byte{leftClosed}), meta.Put(epochKey, epoch))
	})
	if err != nil {
		return err
	}
	return writeEpoch(f.path, epoch)
}

// judge says why the file may lack proofs that were accepted, or nothing. What it cannot see: a snapshot of the whole disk that
// is put back.
func (f *file) judge(meta *bbolt.Bucket, now time.Time) string {
	state := meta.Get(stateKey)
	end, err := optional(meta.Get(fenceKey))
	switch {
	case err != nil:
		return "the file has lost the end of an earlier fence"
	case len(state) != 1:
		return "the file is new: nobody knows what was accepted before it"
	case !bytes.Equal(meta.Get(epochKey), readEpoch(f.path)):
		return "the file is not the one that was closed or written last: it was put back from a copy, or the note beside it was"
	case !bytes.Equal(meta.Get(placeKey), f.place()):
		return "the file was copied or moved: the original may have gone on"
	case state[0] == leftOpenFenced:
		return "the process before this one stopped without writing all that it had accepted"
	case int64(end) >= now.Unix():
		return stillFenced
	}
	return ""
}

// place identifies the file within its system, as far as the system can.
func (f *file) place() []byte {
	info, err := f.handle.Stat()
	if err != nil {
		return nil
	}
	return placeOf(info)
}

func newEpoch() []byte {
	epoch := make([]byte, 16)
	rand.Read(epoch)
	return epoch
}

// epochPath is the note beside the file. It does not travel with a copy of the file, and so tells an older copy from the
// original. When a crash parts the two, the result is a fence, never a hole.
func epochPath(path string) string { return path + ".epoch" }

func writeEpoch(path string, epoch []byte) error {
	note, err := os.OpenFile(epochPath(path), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("store/bolt: %w", err)
	}
	_, err = fmt.Fprintf(note, "%x\n", epoch)
	if err := errors.Join(err, note.Sync(), note.Close()); err != nil {
		return fmt.Errorf("store/bolt: %w", err)
	}
	return nil
}

func readEpoch(path string) []byte {
	note, err := os.ReadFile(epochPath(path))
	if err != nil {
		return nil
	}
	epoch, err := hex.DecodeString(strings.TrimSpace(string(note)))
	if err != nil {
		return nil
	}
	return epoch
}
