package bench

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A sample is a number of operations and what they took.
type sample struct {
	each []time.Duration // one operation each
	wall time.Duration   // all of them, by the clock; less than the sum of each when they ran side by side
	cpu  time.Duration   // all of them, in CPU time of the whole process
}

// A stopwatch measures clock and CPU.
type stopwatch struct {
	start time.Time
	cpu   time.Duration
}

func startWatch() stopwatch { return stopwatch{cpu: cpuTime(), start: time.Now()} }

func (w stopwatch) stop(s *sample) {
	s.wall += time.Since(w.start)
	s.cpu += cpuTime() - w.cpu
}

// run does an operation n times, one after the other.
func (s *sample) run(n int, operation func(i int) error) error {
	watch := startWatch()
	defer watch.stop(s)
	for i := range n {
		start := time.Now()
		if err := operation(i); err != nil {
			return err
		}
		s.each = append(s.each, time.Since(start))
	}
	return nil
}

// A crowd is callers side by side who share operations: each does its own one after the other.
type crowd struct {
	callers int
	count   int           // operations of all of them
	limit   time.Duration // nobody begins another one after this; 0: no limit
}

// run has the crowd do its operations, until the first error of anybody.
func (c crowd) run(ctx context.Context, s *sample, operation func(caller, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	taken := make([][]time.Duration, c.callers)
	var all sync.WaitGroup
	watch := startWatch()
	for caller := range c.callers {
		all.Go(func() {
			for i := caller; i < c.count && ctx.Err() == nil; i += c.callers {
				start := time.Now()
				if c.limit > 0 && start.Sub(watch.start) > c.limit {
					return
				}
				if err := operation(caller, i); err != nil {
					cancel(err)
					return
				}
				taken[caller] = append(taken[caller], time.Since(start))
			}
		})
	}
	all.Wait()
	watch.stop(s)
	for _, durations := range taken {
		s.each = append(s.each, durations...)
	}
	return context.Cause(ctx)
}

// percentile gives the duration that p percent of the operations do not exceed. It sorts the sample.
func (s *sample) percentile(p float64) time.Duration {
	if len(s.each) == 0 {
		return 0
	}
	slices.Sort(s.each)
	return s.each[min(len(s.each)-1, int(float64(len(s.each))*p/100))]
}

// perSecond is the throughput.
func (s *sample) perSecond() float64 {
	if s.wall <= 0 {
		return 0
	}
	return float64(len(s.each)) / s.wall.Seconds()
}

// cpuEach is the CPU time of one operation; 0 where the system does not tell.
func (s *sample) cpuEach() time.Duration {
	if len(s.each) == 0 {
		return 0
	}
	return s.cpu / time.Duration(len(s.each))
}
