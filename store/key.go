package store

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// A Kind groups records of one sort, like clients or codes. It has 1 to 32 characters of a-z, 0-9, "-" and "_".
type Kind string

// Leaves is the kind of the log's leaves. Its records have [LeafID] as their id. They are appended by [Change.Leaves], leave the
// store by [Change.Prune], the first ones first, and in between nothing of them changes but what is kept aside.
const Leaves Kind = "leaves"

// MaxID is the largest length of an id in bytes. An id is any other sequence of 1 to MaxID bytes.
const MaxID = 1024

// A Key names one record.
type Key struct {
	Kind Kind
	ID   string
}

// String gives kind/id, quoted so that it is fit for a log line.
func (k Key) String() string { return fmt.Sprintf("%s/%q", k.Kind, k.ID) }

// Validate reports what is wrong with the form of a key.
func (k Key) Validate() error {
	if k.ID == "" {
		return errors.Join(k.Kind.Validate(), fmt.Errorf("store: a key of kind %q has no id", k.Kind))
	}
	if len(k.ID) > MaxID {
		return errors.Join(k.Kind.Validate(), fmt.Errorf("store: an id of kind %q has %d bytes, at most %d are allowed", k.Kind, len(k.ID), MaxID))
	}
	return k.Kind.Validate()
}

// Validate reports what is wrong with the form of a kind.
func (k Kind) Validate() error {
	if len(k) < 1 || len(k) > 32 {
		return fmt.Errorf("store: the kind %q has not 1 to 32 characters", string(k))
	}
	for i := range len(k) {
		c := k[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return fmt.Errorf("store: the kind %q has characters outside a-z, 0-9, - and _", string(k))
		}
	}
	return nil
}

// A Record is what is kept under a key. Version is the number of the Change that wrote it; it is read, never chosen. Expires
// is zero for a record that stays until it is deleted; engines keep it to the millisecond, rounded up, in UTC.
//
// Aside is what is kept beside a leaf, and nil otherwise.
type Record struct {
	Key     Key
	Version uint64
	Expires time.Time
	Body    []byte
	Aside   []byte
}

// ExpiredAt reports whether the record is gone at the given time. At the very instant of Expires it is.
func (r Record) ExpiredAt(now time.Time) bool { return !r.Expires.IsZero() && !now.Before(r.Expires) }

// LeafID is the id of the leaf with index i: 16 hexadecimal digits, so that ids sort as indices do.
func LeafID(i uint64) string {
	var id [16]byte
	for at := len(id) - 1; at >= 0; at-- {
		id[at] = "0123456789abcdef"[i&15]
		i >>= 4
	}
	return string(id[:])
}

// ParseLeafID reads what LeafID wrote, and nothing else.
func ParseLeafID(id string) (uint64, error) {
	i, err := strconv.ParseUint(id, 16, 64)
	if err != nil || LeafID(i) != id {
		return 0, fmt.Errorf("store: %q is not the id of a leaf", id)
	}
	return i, nil
}
