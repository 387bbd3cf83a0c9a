package bolt

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/tenon-auth/tenon/store"
)

// A stage is a group whose commits wait until the test lets them go on.
type stage struct {
	group[int]
	next    chan error // what the commit that waits now answers
	batches [][]int    // written by leaders, read when all have come home
}

func newStage(most int) *stage {
	s := &stage{next: make(chan error)}
	s.most = most
	s.commit = func(batch []int) error {
		s.batches = append(s.batches, slices.Clone(batch))
		return <-s.next
	}
	return s
}

// send starts a caller and returns where its answer will be.
func (s *stage) send(ctx context.Context, job int) <-chan error {
	answer := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				answer <- errors.New("panicked")
			}
		}()
		answer <- s.do(ctx, job)
	}()
	synctest.Wait()
	return answer
}

func TestThoseWhoComeMeanwhileShareTheNextBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(3)
		var answers []<-chan error
		for job := range 6 {
			answers = append(answers, s.send(t.Context(), job))
		}
		refused := errors.New("the second batch fails")
		s.next <- nil
		s.next <- refused
		s.next <- nil
		for job, answer := range answers {
			if err := <-answer; (err != nil) != (job >= 1 && job <= 3) {
				t.Errorf("job %d: %v", job, err)
			}
		}
		want := [][]int{{0}, {1, 2, 3}, {4, 5}} // the first alone, then three at most
		if !slices.EqualFunc(s.batches, want, slices.Equal) {
			t.Errorf("batches %v, want %v", s.batches, want)
		}
		last := s.send(t.Context(), 6) // the group is at rest again and starts anew
		s.next <- nil
		if err := <-last; err != nil {
			t.Error(err)
		}
	})
}

func TestCancelledWhileWaitingIsACertainNo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(9)
		first := s.send(t.Context(), 0)
		ctx, cancel := context.WithCancel(t.Context())
		second, third := s.send(ctx, 1), s.send(t.Context(), 2)
		cancel()
		if err := <-second; !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUncertain) {
			t.Errorf("the cancelled caller: %v, want a certain no", err)
		}
		s.next <- nil
		s.next <- nil
		if err := errors.Join(<-first, <-third); err != nil {
			t.Error(err)
		}
		if want := [][]int{{0}, {2}}; !slices.EqualFunc(s.batches, want, slices.Equal) {
			t.Errorf("batches %v, want %v", s.batches, want)
		}
	})
}

func TestCancelledWhileBeingWrittenIsUncertain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(9)
		ctx, cancel := context.WithCancel(t.Context())
		first, second := s.send(ctx, 0), s.send(t.Context(), 1)
		third := s.send(ctx, 2)
		s.next <- nil // now 1 leads, and 2 is in its batch
		synctest.Wait()
		cancel()
		if err := <-third; !errors.Is(err, store.ErrUncertain) || !errors.Is(err, context.Canceled) {
			t.Errorf("the cancelled follower: %v, want uncertain", err)
		}
		s.next <- nil
		if err := errors.Join(<-first, <-second); err != nil {
			t.Error(err)
		}
	})
}

func TestALeaderThatDoesNotComeBackTakesNobodyWithIt(t *testing.T) {
	for name, leave := range map[string]func(){
		"panic":   func() { panic("in the middle") },
		"go exit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(2)
				work := s.commit
				s.commit = func(batch []int) error {
					err := work(batch)
					if batch[0] == 1 {
						leave()
					}
					return err
				}
				s.send(t.Context(), 0)
				s.send(t.Context(), 1) // the leader that fails
				follower, next := s.send(t.Context(), 2), s.send(t.Context(), 3)
				for range 3 {
					s.next <- nil
				}
				if err := <-follower; !errors.Is(err, store.ErrUncertain) {
					t.Errorf("the follower: %v, want uncertain", err)
				}
				if err := <-next; err != nil {
					t.Errorf("the next batch: %v", err)
				}
			})
		})
	}
}

// Asked to lead at the very instant its ctx ends, a caller must not go away: everybody behind it would wait for ever.
func TestALeaderIsNotWithdrawn(t *testing.T) {
	s := &seat[int]{wake: make(chan turn, 1)}
	g := group[int]{waiting: []*seat[int]{s}, led: true}
	s.wake <- toLead
	if g.withdraw(s) {
		t.Error("the next leader has gone away")
	}
}

// Callers come, wait and go away at random; everyone gets an answer, and what is said to be done is done once.
func TestGroupUnderLoad(t *testing.T) {
	var mu sync.Mutex
	counts := map[int]int{}
	g := group[int]{most: 8, commit: func(batch []int) error {
		mu.Lock()
		defer mu.Unlock()
		for _, job := range batch {
			counts[job]++
		}
		runtime.Gosched()
		return nil
	}}
	answers := make([]error, 4000)
	var wg sync.WaitGroup
	for job := range answers {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			if job%3 == 0 {
				go cancel()
			}
			defer cancel()
			answers[job] = g.do(ctx, job)
		})
	}
	wg.Wait()
	if g.led || len(g.waiting) > 0 {
		t.Fatal("everybody has gone home, and the group is not at rest")
	}
	for job, err := range answers {
		n := counts[job]
		switch {
		case n > 1:
			t.Errorf("job %d was done %d times", job, n)
		case err == nil && n != 1:
			t.Errorf("job %d was not done and got no error", job)
		case err != nil && !errors.Is(err, store.ErrUncertain) && n != 0:
			t.Errorf("job %d was done, its caller heard: %v", job, err)
		}
	}
}
