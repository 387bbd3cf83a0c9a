package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/tenon-auth/tenon/store/bolt"
)

const (
	startName = "starting.db"
	starts    = 3 // the middle one counts
)

// starting measures how long an API waits for its replay memory when it starts with many proofs that are still acceptable,
// and what each of them takes in memory.
func starting(ctx context.Context, b *bench, _ time.Duration) error {
	if err := b.fill(ctx); err != nil {
		return err
	}
	var opened sample
	bytes := 0.0
	for range starts {
		runtime.GC()
		start := time.Now()
		replays, err := b.openReplays(startName, bolt.Sync)
		if err != nil {
			return err
		}
		opened.each = append(opened.each, time.Since(start))
		live := replays.Len()
		bytes = float64(replays.Bytes()) / float64(live)
		if err := replays.Close(); err != nil {
			return err
		}
		if live != b.live {
			return errors.New("the replay memory forgot proofs over a restart")
		}
	}
	milliseconds := opened.percentile(50).Seconds() * 1000
	b.report.Facts = append(b.report.Facts,
		Fact{fmt.Sprintf("Start with %s live proofs", thousands(float64(b.live))), milliseconds, "ms", atMost(300, "ms", milliseconds)},
		Fact{"Memory per live proof", bytes, "bytes", atMost(48, "bytes", bytes)},
	)
	return nil
}

// fill makes the file with the proofs. It is opened fenced, which is the quickest way to write many.
func (b *bench) fill(ctx context.Context) error {
	replays, err := b.openReplays(startName, bolt.Fenced)
	if err != nil {
		return err
	}
	stop := keep(ctx, []memory{{replays: replays, run: replays.Run, close: replays.Close}})
	until := time.Now().Add(b.service.checker.Window())
	var ignored sample
	crowd := crowd{callers: 8, count: b.live}
	err = crowd.run(ctx, &ignored, func(int, int) error {
		_, err := replays.Use(ctx, randomKey(), until)
		return err
	})
	return errors.Join(err, stop())
}
