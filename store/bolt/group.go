package bolt

import (
	"context"
	"fmt"
	"sync"

	"github.com/tenon-auth/tenon/store"
)

// A group lets callers who arrive while a batch is being committed share the next one. There is no goroutine and no timer:
// the first waiting caller leads, commits what is waiting at that moment for everybody, and then hands the lead to the first
// who came in between. A batch is therefore as large as the last commit was slow.
type group[T any] struct {
	// commit does the work of one batch and leaves each result in its member. Its error is the answer of all of them. Only
	// one caller is in it at a time.
	commit func(batch []T) error
	most   int // how many a batch may hold; those who come after wait for the next

	mu      sync.Mutex
	waiting []*seat[T] // in order of arrival
	led     bool       // somebody is committing, or has been asked to lead
}

// A seat is one caller's place. Its turn is told once through wake: to lead, or that the work is done.
type seat[T any] struct {
	job  T
	err  error     // written before wake by the leader
	wake chan turn // holds one
}

type turn int

const (
	toLead turn = iota
	done
)

// errPanicked is the answer of those whose leader did not come back.
var errPanicked = fmt.Errorf("%w: the commit panicked", store.ErrUncertain)

// do waits until a batch with job in it has been committed. When ctx ends before a batch has taken the job, it is withdrawn,
// and the error says that nothing was done. Once a batch has it, the error is store.ErrUncertain: the batch goes on without
// its caller.
func (g *group[T]) do(ctx context.Context, job T) error {
	if err := ctx.Err(); err != nil {
		return notCommitted(err)
	}
	s := &seat[T]{job: job, wake: make(chan turn, 1)}
	g.mu.Lock()
	g.waiting = append(g.waiting, s)
	if !g.led {
		g.led = true
		s.wake <- toLead
	}
	g.mu.Unlock()

	select {
	case t := <-s.wake:
		return g.take(s, t)
	case <-ctx.Done():
	}
	if g.withdraw(s) {
		return notCommitted(ctx.Err())
	}
	select {
	case t := <-s.wake: // asked to lead, or done, at the same instant: others may depend on it
		return g.take(s, t)
	default:
		return fmt.Errorf("%w: %w", store.ErrUncertain, ctx.Err())
	}
}

func notCommitted(cause error) error {
	return fmt.Errorf("store/bolt: nothing was committed: %w", cause)
}

func (g *group[T]) take(s *seat[T], t turn) error {
	if t == toLead {
		g.lead()
	}
	return s.err
}

// withdraw takes s out of the queue, unless a batch has it already or it has been asked to lead.
func (g *group[T]) withdraw(s *seat[T]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(s.wake) > 0 {
		return false
	}
	for i, other := range g.waiting {
		if other == s {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// lead commits one batch, the leader's own job among it, and passes the lead on. If the work panics or ends its goroutine,
// the others still get an error and the next leader still gets its turn; the panic goes on in the leader's caller.
func (g *group[T]) lead() {
	g.mu.Lock()
	n := min(len(g.waiting), g.most)
	batch := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	g.mu.Unlock()

	err := errPanicked
	defer func() {
		for _, s := range batch {
			s.err = err
		}
		g.handOver()
		for _, s := range batch[1:] { // the first is the leader
			s.wake <- done
		}
	}()
	jobs := make([]T, n)
	for i, s := range batch {
		jobs[i] = s.job
	}
	err = g.commit(jobs)
}

func (g *group[T]) handOver() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.waiting = nil // the array behind it would hold on to every batch
		g.led = false
		return
	}
	g.waiting[0].wake <- toLead
}
