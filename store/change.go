package store

import (
	"errors"
	"fmt"
	"slices"
)

// MaxBody is the largest body of a record or a leaf in bytes.
const MaxBody = 1 << 20

// A Change is what one Commit does, as a whole or not at all. It may be committed once; a caller who tries again builds it
// again from fresh readings.
type Change struct {
	// Inserts must not exist yet; an expired record does not count. Key.ID may be empty when the Change appends leaves: the
	// record is then named by LeafID of the first of them, and can be found from a log index.
	Inserts []Record
	// Replaces must exist with the given Version. Of a leaf only Aside is replaced; its Body must be left out.
	Replaces []Record
	// Deletes must exist with the given Version. Their bodies are not looked at. Leaves go by Prune.
	Deletes []Record
	// Leaves are appended to the log in this order.
	Leaves []Leaf
	// Prune is the index of a leaf before which all leave the store, with what is beside them. The last of those must still be
	// there. Zero removes none.
	Prune uint64
}

// A Leaf is an entry for the log, and what is kept beside it as long as it is in the store. The Body never changes; Aside may be
// replaced.
type Leaf struct{ Body, Aside []byte }

// A Receipt says what a Commit did.
type Receipt struct {
	First   uint64 // the index of the first leaf appended; without meaning when the Change had no leaves
	Version uint64 // the Version that every record written by the Change now has
}

// Empty reports whether the Change does nothing.
func (c *Change) Empty() bool {
	return len(c.Inserts)+len(c.Replaces)+len(c.Deletes)+len(c.Leaves) == 0 && c.Prune == 0
}

// fewRecords is up to how many records comparing each with each costs less than a set of their keys.
const fewRecords = 8

// Validate reports everything that is wrong with the form of a Change, whatever the store holds. Engines call it before
// anything else; what it finds is a fault of the caller's code and never a Conflict.
func (c *Change) Validate() error {
	var faults []error
	seen := c.keys()
	look := func(what string, records []Record) {
		for i := range records {
			if seen.twice(records[i].Key) {
				faults = append(faults, fmt.Errorf("store: the change names %v twice", records[i].Key))
			}
			if err := c.check(what, &records[i]); err != nil {
				faults = append(faults, err)
			}
		}
	}
	look("insert", c.Inserts)
	look("replace", c.Replaces)
	look("delete", c.Deletes)
	for i, leaf := range c.Leaves {
		if size := max(len(leaf.Body), len(leaf.Aside)); size > MaxBody {
			faults = append(faults, fmt.Errorf("store: leaf %d of the change has %d bytes, at most %d are allowed", i, size, MaxBody))
		}
	}
	return errors.Join(faults...)
}

// A keySet holds the keys that were met.
type keySet struct {
	few  []Key
	many map[Key]bool // in the place of few when there are more
}

func (c *Change) keys() *keySet {
	n := len(c.Inserts) + len(c.Replaces) + len(c.Deletes)
	if n > fewRecords {
		return &keySet{many: make(map[Key]bool, n)}
	}
	return &keySet{few: make([]Key, 0, fewRecords)}
}

// twice takes a key into the set and reports whether it was there.
func (s *keySet) twice(k Key) bool {
	if s.many == nil {
		there := slices.Contains(s.few, k)
		s.few = append(s.few, k)
		return there
	}
	there := s.many[k]
	s.many[k] = true
	return there
}

// check judges one record by what is to be done with it.
func (c *Change) check(what string, r *Record) error {
	leaf := r.Key.Kind == Leaves
	switch {
	case leaf && (what != "replace" || len(r.Body) > 0):
		return fmt.Errorf("store: cannot %s a leaf; leaves are appended, and pruned from the first", what) // or the log could be rewritten
	case !leaf && len(r.Aside) > 0:
		return fmt.Errorf("store: %v has something aside; only leaves have", r.Key)
	case max(len(r.Body), len(r.Aside)) > MaxBody:
		return fmt.Errorf("store: %v has %d bytes, at most %d are allowed", r.Key, max(len(r.Body), len(r.Aside)), MaxBody)
	case leaf && !r.Expires.IsZero():
		return fmt.Errorf("store: %v cannot expire", r.Key)
	case what == "insert" && r.Key.ID == "" && len(c.Leaves) > 0:
		return r.Key.Kind.Validate()
	}
	return r.Key.Validate()
}
