package store

import (
	"errors"
	"fmt"
)

// MaxBody is the largest body of a record or a leaf in bytes.
const MaxBody = 1 << 20

// A Change is what one Commit does, as a whole or not at all. It may be committed once; a caller who tries again builds it
// again from fresh readings.
type Change struct {
	// Inserts must not exist yet; an expired record does not count. Key.ID may be empty when the Change appends leaves: the
	// record is then named by LeafID of the first of them, and can be found from a log index.
	Inserts []Record
	// Replaces must exist with the given Version.
	Replaces []Record
	// Deletes must exist with the given Version. Their bodies are not looked at.
	Deletes []Record
	// Leaves are appended to the log in this order.
	Leaves [][]byte
}

// A Receipt says what a Commit did.
type Receipt struct {
	First   uint64 // the index of the first leaf appended; without meaning when the Change had no leaves
	Version uint64 // the Version that every record written by the Change now has
}

// Empty reports whether the Change does nothing.
func (c *Change) Empty() bool {
	return len(c.Inserts)+len(c.Replaces)+len(c.Deletes)+len(c.Leaves) == 0
}

// Validate reports everything that is wrong with the form of a Change, whatever the store holds. Engines call it before
// anything else; what it finds is a fault of the caller's code and never a Conflict.
func (c *Change) Validate() error {
	var faults []error
	seen := make(map[Key]bool)
	look := func(what string, r Record) {
		if seen[r.Key] {
			faults = append(faults, fmt.Errorf("store: the change names %v twice", r.Key))
		}
		seen[r.Key] = true
		if err := c.check(what, r); err != nil {
			faults = append(faults, err)
		}
	}
	for _, r := range c.Inserts {
		look("insert", r)
	}
	for _, r := range c.Replaces {
		look("replace", r)
	}
	for _, r := range c.Deletes {
		look("delete", r)
	}
	for i, leaf := range c.Leaves {
		if len(leaf) > MaxBody {
			faults = append(faults, fmt.Errorf("store: leaf %d of the change has %d bytes, at most %d are allowed", i, len(leaf), MaxBody))
		}
	}
	return errors.Join(faults...)
}

// check judges one record by what is to be done with it.
func (c *Change) check(what string, r Record) error {
	if what != "delete" && r.Key.Kind == Leaves {
		return fmt.Errorf("store: cannot %s a leaf; leaves are appended only", what) // or the log could be rewritten
	}
	if len(r.Body) > MaxBody {
		return fmt.Errorf("store: %v has %d bytes, at most %d are allowed", r.Key, len(r.Body), MaxBody)
	}
	if what == "insert" && r.Key.ID == "" && len(c.Leaves) > 0 {
		return r.Key.Kind.Validate()
	}
	return r.Key.Validate()
}
