package dpop

import (
	"math"
	"time"
)

// An Entry is a used proof as a durable engine keeps it.
type Entry struct {
	Key   [16]byte // the first half of its key
	Until uint32   // the last second at which it could be accepted, since 1970
}

// Reserve makes room for n entries at once, so that a start does not grow the tables step by step.
func (m *Memory) Reserve(n int) {
	share := min(n, int(m.capacity)) / len(m.tables)
	for i := range m.tables {
		t := &m.tables[i]
		t.mu.Lock()
		if len(t.slots)*maxLoadPercent < share*100 {
			m.rebuild(t, m.second(), share-t.used)
		}
		t.mu.Unlock()
	}
}

// Load puts entries back that Use accepted before. What has expired is not kept but raises the mark, and what the mark covers is
// not kept either. Several goroutines may load at once.
//
// It is meant for many entries at a time. They go into one table after the other: a table fits into a processor's cache, all of
// them together do not.
func (m *Memory) Load(entries []Entry) error {
	now := m.second()
	sorted, ends := m.byTable(entries)
	begin := 0
	for i, end := range ends {
		if err := m.loadTable(&m.tables[i], sorted[begin:end], now); err != nil {
			return err
		}
		begin = end
	}
	return nil
}

// loadTable puts entries into the table they belong to. It takes the lock once: a lock for each would have every insertion wait
// until the one before has reached memory.
func (m *Memory) loadTable(t *table, entries []Entry, now uint32) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range entries {
		if e.Until == 0 || e.Until == math.MaxUint32 {
			return outOfRange(time.Unix(int64(e.Until), 0))
		}
		if e.Until < now {
			m.forget(e.Until)
		} else if _, err := m.insertInto(t, m.hash(e.Key), e, now); err != nil {
			return err
		}
	}
	return nil
}

// byTable returns the entries in the order of their tables, and where those of each table end.
func (m *Memory) byTable(entries []Entry) (sorted []Entry, ends []int) {
	ends = make([]int, len(m.tables)+1) // first how many there are, one place further on; then where the next one goes
	for i := range entries {
		ends[m.tableOf(m.hash(entries[i].Key))+1]++
	}
	for i := range m.tables {
		ends[i+1] += ends[i]
	}
	sorted = make([]Entry, len(entries))
	for i := range entries {
		table := m.tableOf(m.hash(entries[i].Key))
		sorted[ends[table]] = entries[i]
		ends[table]++
	}
	return sorted, ends[:len(m.tables)]
}
