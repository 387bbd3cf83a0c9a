package bench

import (
	"bufio"
	"context"
	"io"
	"time"
)

// Head reads the head of an answer as a caller does.
func Head(r io.Reader) (status, length int, err error) { return (&wire{r: bufio.NewReader(r)}).head() }

// Percentile gives a percentile of durations.
func Percentile(each []time.Duration, p float64) time.Duration {
	return (&sample{each: each}).percentile(p)
}

// RunCrowd tells how many operations a crowd finished.
func RunCrowd(ctx context.Context, callers, count int, limit time.Duration, operation func(caller, i int) error) (int, error) {
	var s sample
	err := crowd{callers, count, limit}.run(ctx, &s, operation)
	return len(s.each), err
}

var (
	Took      = took
	Thousands = thousands
	AtMost    = atMost
	AtLeast   = atLeast
	CPUTime   = cpuTime
)
