package dpop

import (
	"math/bits"
	"sync"
)

// A slot is 20 bytes: half of a SHA-256 value, which leaves 128 bits against collisions, and the last second at which the
// entry counts. A slot with until 0 is empty.
type slot struct {
	key   [16]byte
	until uint32 // seconds since 1970, good until the year 2106
}

// The share of slots that may be taken before a table is rebuilt, and that is taken by live entries right after. Between
// them the cost of a live entry moves between 20/0.74 = 27 and 20/0.52 = 39 bytes, and a search passes over few slots.
const (
	maxLoadPercent = 74
	newLoadPercent = 52
	minSlots       = 16
)

// A table is an open-addressing hash table with linear probing. Entries are never deleted one by one: expired ones keep their
// slot until an insertion takes it over or a rebuild drops them.
type table struct {
	mu       sync.Mutex // owns everything below
	slots    []slot
	used     int    // slots that are not empty
	earliest uint32 // no entry expires before this second; a lower bound, exact after a rebuild
}

// look finds the live entry for key. Without one it returns where the key belongs: the first expired slot on its way, else
// the empty one at the end. There is always an empty one, as the load stays below 100 %, but in a table without slots.
func (t *table) look(hash uint64, key *[16]byte, now uint32) (place *slot, found bool) {
	if len(t.slots) == 0 {
		return nil, false
	}
	high, _ := bits.Mul64(hash, uint64(len(t.slots))) // hash scaled to the table, without a division
	for i := int(high); ; i++ {
		if i == len(t.slots) {
			i = 0
		}
		s := &t.slots[i]
		switch {
		case s.until == 0:
			if place == nil {
				place = s
			}
			return place, false
		case s.until < now:
			if place == nil {
				place = s
			}
		case s.key == *key:
			return s, true
		}
	}
}

// set puts an entry into a place that look returned.
func (t *table) set(place *slot, key [16]byte, until uint32) {
	if place.until == 0 {
		t.used++
	}
	if t.used == 1 || until < t.earliest {
		t.earliest = until
	}
	*place = slot{key, until}
}

// crowded reports whether one more entry would make searches long.
func (t *table) crowded() bool { return (t.used+1)*100 > len(t.slots)*maxLoadPercent }

// rebuild moves the live entries into a table of the right size for them and extra more. It returns how many were dropped and
// the latest second that one of those was good for.
func (t *table) rebuild(now uint32, extra int, hash func([16]byte) uint64) (dropped int, forgotten uint32) {
	old, before := t.slots, t.used
	live := 0
	for i := range old {
		switch {
		case old[i].isLive(now):
			live++
		case old[i].until > forgotten:
			forgotten = old[i].until
		}
	}
	t.slots = make([]slot, max(minSlots, (live+extra)*100/newLoadPercent))
	t.used, t.earliest = 0, 0
	for i := range old {
		if !old[i].isLive(now) {
			continue
		}
		place, twice := t.look(hash(old[i].key), &old[i].key, now)
		if twice { // a second entry for a jti came when the first had expired, and then the clock stepped back
			old[i].until = max(old[i].until, place.until)
		}
		t.set(place, old[i].key, old[i].until)
	}
	return before - t.used, forgotten
}

func (s *slot) isLive(now uint32) bool { return s.until > 0 && s.until >= now }
