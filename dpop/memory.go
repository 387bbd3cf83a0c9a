package dpop

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// MemoryConfig says how much a [Memory] may hold.
type MemoryConfig struct {
	Capacity int              // proofs remembered at once, at most; required. Each takes 48 bytes or less
	Now      func() time.Time // nil means time.Now
}

// A Memory is a bounded [Replays] in this process. What is in it is gone with the process: an API that must refuse a replay
// after a crash needs a durable one, which can be built on Memory with [Memory.Load] and [Memory.SetForgotten].
//
// Entries are never given up before their time. Those whose time is over make room when room is needed. The latest time
// that any of them was good for is kept as a mark: whatever is good only until then is never new again, so that a clock that
// steps backwards does not bring old proofs back to life.
type Memory struct {
	capacity  int64
	now       func() time.Time
	seed      [2]uint64    // random, so that nobody can choose proofs that fall on one slot
	count     atomic.Int64 // entries in all tables
	forgotten atomic.Uint32
	cursor    atomic.Uint32 // where reclaim goes on
	tables    []table
}

var _ Replays = (*Memory)(nil)

// NewMemory returns an empty memory.
func NewMemory(c MemoryConfig) (*Memory, error) {
	if c.Capacity <= 0 {
		return nil, fmt.Errorf("dpop: a replay memory with a capacity of %d can accept nothing", c.Capacity)
	}
	m := &Memory{capacity: int64(c.Capacity), now: c.Now, tables: make([]table, tableCount(c.Capacity))}
	if m.now == nil {
		m.now = time.Now
	}
	var seed [16]byte
	rand.Read(seed[:])
	m.seed = [2]uint64{binary.LittleEndian.Uint64(seed[:]), binary.LittleEndian.Uint64(seed[8:])}
	return m, nil
}

// tableCount is a power of two: enough tables that callers rarely wait for one another and that a rebuild is short, not so
// many that a small memory is all overhead.
func tableCount(capacity int) int {
	n := 1
	for n < 256 && n*64 < capacity {
		n *= 2
	}
	return n
}

// Use implements [Replays]. The error is [ErrFull] or says that until is out of range.
func (m *Memory) Use(_ context.Context, key [32]byte, until time.Time) (first bool, err error) {
	last, err := lastSecond(until)
	if err != nil {
		return false, err
	}
	now := m.second()
	if last < now {
		return false, nil
	}
	return m.add([16]byte(key[:]), last, now)
}

// add inserts unless the key is there. When the memory is full it looks for expired entries before it gives up.
func (m *Memory) add(key [16]byte, until, now uint32) (first bool, err error) {
	first, err = m.insert(key, until, now)
	for errors.Is(err, ErrFull) && m.reclaim(now) {
		first, err = m.insert(key, until, now)
	}
	return first, err
}

func (m *Memory) insert(key [16]byte, until, now uint32) (first bool, err error) {
	hash := m.hash(key)
	t := &m.tables[m.tableOf(hash)]
	t.mu.Lock()
	defer t.mu.Unlock()
	return m.insertInto(t, hash, Entry{key, until}, now)
}

// insertInto wants the table's lock.
func (m *Memory) insertInto(t *table, hash uint64, e Entry, now uint32) (first bool, err error) {
	// Asked under the lock: whoever dropped this very entry held it, and raised the mark before letting go.
	if e.Until <= m.forgotten.Load() {
		return false, nil // an entry like this may have been forgotten
	}
	place, found := t.look(hash, &e.Key, now)
	if found {
		return false, nil
	}
	if place != nil && place.until != 0 { // expired: its place is free, the number of entries stays
		m.forget(place.until)
		t.set(place, e.Key, e.Until)
		return true, nil
	}
	if m.count.Add(1) > m.capacity {
		m.count.Add(-1)
		return false, ErrFull
	}
	if t.crowded() {
		m.rebuild(t, now, 1)
		place, _ = t.look(hash, &e.Key, now)
	}
	t.set(place, e.Key, e.Until)
	return true, nil
}

// rebuild wants the table's lock.
func (m *Memory) rebuild(t *table, now uint32, extra int) (dropped int) {
	dropped, forgotten := t.rebuild(now, extra, m.hash)
	m.forget(forgotten)
	m.count.Add(int64(-dropped))
	return dropped
}

// reclaim rebuilds tables in turn until one of them had expired entries to drop. It says false when none has.
func (m *Memory) reclaim(now uint32) bool {
	for range m.tables {
		t := &m.tables[m.cursor.Add(1)&uint32(len(m.tables)-1)]
		if m.sweep(t, now) > 0 {
			return true
		}
	}
	return false
}

// Sweep drops every expired entry and returns how many there were. Nothing needs it to be correct; it gives memory back after
// a burst.
func (m *Memory) Sweep() int {
	dropped := 0
	for i := range m.tables {
		dropped += m.sweep(&m.tables[i], m.second())
	}
	return dropped
}

func (m *Memory) sweep(t *table, now uint32) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.used == 0 || t.earliest >= now {
		return 0
	}
	return m.rebuild(t, now, 0)
}

// Forgotten returns the mark: entries that were good until then or less long may have been dropped. It is zero when nothing was.
func (m *Memory) Forgotten() time.Time {
	if mark := m.forgotten.Load(); mark > 0 {
		return time.Unix(int64(mark), 0)
	}
	return time.Time{}
}

// SetForgotten raises the mark to t, for a durable engine that dropped entries on its own or remembers the mark of an earlier
// process. It never lowers it.
func (m *Memory) SetForgotten(t time.Time) error {
	last, err := lastSecond(t)
	if err == nil {
		m.forget(last)
	}
	return err
}

func (m *Memory) forget(until uint32) {
	for {
		mark := m.forgotten.Load()
		if until <= mark || m.forgotten.CompareAndSwap(mark, until) {
			return
		}
	}
}

// Len returns how many entries are held. Those that have expired count until their place is taken or [Memory.Sweep] drops them.
func (m *Memory) Len() int { return int(m.count.Load()) }

// Bytes returns the size of all tables.
func (m *Memory) Bytes() int {
	const slotSize = 20
	slots := 0
	for i := range m.tables {
		t := &m.tables[i]
		t.mu.Lock()
		slots += len(t.slots)
		t.mu.Unlock()
	}
	return slots * slotSize
}

// hash mixes the key with the seed. The key is a piece of a SHA-256 value, but one that its sender could choose by trying.
func (m *Memory) hash(key [16]byte) uint64 {
	high, low := bits.Mul64(binary.LittleEndian.Uint64(key[:])^m.seed[0], binary.LittleEndian.Uint64(key[8:])^m.seed[1])
	return high ^ low
}

// tableOf is the number of the table for a hash.
func (m *Memory) tableOf(hash uint64) int { return int(hash & uint64(len(m.tables)-1)) }

func (m *Memory) second() uint32 {
	return uint32(min(max(m.now().Unix(), 0), math.MaxUint32))
}

// lastSecond drops the fraction, as second does: what is not after until is then not in a later second either.
func lastSecond(t time.Time) (uint32, error) {
	s := t.Unix()
	if s <= 0 || s >= math.MaxUint32 {
		return 0, outOfRange(t)
	}
	return uint32(s), nil
}

func outOfRange(t time.Time) error {
	return fmt.Errorf("dpop: %s is out of range for a replay memory", t)
}
