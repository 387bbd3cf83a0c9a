package dpop_test

import (
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/dpop"
)

// loadOne puts one entry back.
func loadOne(m *dpop.Memory, key [16]byte, until time.Time) error {
	return m.Load([]dpop.Entry{{Key: key, Until: uint32(until.Unix())}})
}

// Many at once, in pieces that several load: all are there, none twice, and nothing else is.
func TestMemoryLoadsMany(t *testing.T) {
	const entries, loaders = 50_000, 4
	m := newMemory(t, entries+1, fixed(someTime))
	m.Reserve(entries)
	var group sync.WaitGroup
	for loader := range loaders {
		group.Go(func() {
			var all []dpop.Entry
			for n := loader * entries / loaders; n < (loader+1)*entries/loaders; n++ {
				key := replayKey(n)
				all = append(all, dpop.Entry{Key: [16]byte(key[:]), Until: uint32(someTime.Unix()) + uint32(n%60)})
			}
			if err := m.Load(all); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if m.Len() != entries {
		t.Fatalf("%d entries of %d", m.Len(), entries)
	}
	for n := range entries {
		if use(t, m, replayKey(n), someTime.Add(time.Minute)) {
			t.Fatalf("entry %d was not loaded", n)
		}
	}
	if !use(t, m, replayKey(entries), someTime.Add(time.Minute)) {
		t.Error("an entry that was not loaded was refused")
	}
}

// What a durable engine does on start: marks first, then entries.
func TestMemoryLoad(t *testing.T) {
	m := newMemory(t, 2, fixed(someTime))
	if err := m.SetForgotten(someTime.Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := m.SetForgotten(someTime.Add(-time.Hour)); err != nil || !m.Forgotten().Equal(someTime.Add(5*time.Second)) {
		t.Errorf("the mark was lowered to %s, %v", m.Forgotten(), err)
	}
	m.Reserve(2)
	one, two := replayKey(1), replayKey(2)
	for range 2 { // the same entry twice is one entry
		if err := loadOne(m, [16]byte(one[:]), someTime.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if use(t, m, one, someTime.Add(time.Minute)) {
		t.Error("a loaded entry was first")
	}
	if !use(t, m, two, someTime.Add(time.Minute)) {
		t.Error("an entry that was not loaded was refused")
	}
	if err := loadOne(m, [16]byte{3}, someTime.Add(time.Minute)); !errors.Is(err, dpop.ErrFull) {
		t.Errorf("loaded more than fits: %v", err)
	}
	if err := loadOne(m, [16]byte{4}, someTime.Add(-time.Second)); err != nil || m.Len() != 2 {
		t.Errorf("an expired entry: %v, %d entries", err, m.Len())
	}
	for _, until := range []uint32{0, math.MaxUint32} {
		if err := m.Load([]dpop.Entry{{Key: [16]byte{5}, Until: until}}); err == nil {
			t.Errorf("loaded an entry until %d", until)
		}
	}
}

// An expired entry that is read back is forgotten at once, and the mark says so.
func TestMemoryLoadOfAnExpiredEntryRaisesTheMark(t *testing.T) {
	clock := &handClock{someTime}
	m := newMemory(t, 10, clock.now)
	key, until := replayKey(1), someTime.Add(-time.Second)
	if err := loadOne(m, [16]byte(key[:]), until); err != nil {
		t.Fatal(err)
	}
	clock.advance(-time.Minute)
	if use(t, m, key, until) {
		t.Error("first again after the clock stepped back")
	}
}
