package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"time"
)

// rememberers is how many callers use the replay memory at once.
const rememberers = 256

// roundProofs is a round of proofs to remember: larger than roundRequests, because one is remembered in microseconds.
const roundProofs = 1 << 14

func randomKey() (key [32]byte) {
	rand.Read(key[:]) // never fails
	return key
}

// remembering measures the replay memories alone, with random keys, as those of honest proofs are.
func remembering(ctx context.Context, b *bench, budget time.Duration) (err error) {
	list, err := b.memories("remembering ")
	if err != nil {
		return err
	}
	stop := keep(ctx, list)
	defer func() { err = errors.Join(err, stop()) }()

	used := make([]sample, len(list))
	for end := time.Now().Add(budget); time.Now().Before(end) && ctx.Err() == nil; {
		for i, m := range list {
			if err := rememberBlock(ctx, m, &used[i]); err != nil {
				return err
			}
		}
	}
	for i, m := range list {
		b.report.add(newFigure("Replay memory alone, inserts of 256 callers", m.name, rememberers, &used[i]))
	}
	return ctx.Err()
}

var errNotFirst = errors.New("a proof that was never used before is called a replay")

func rememberBlock(ctx context.Context, m memory, s *sample) error {
	keys := make([][32]byte, roundProofs)
	for i := range keys {
		keys[i] = randomKey()
	}
	until := time.Now().Add(time.Minute)
	crowd := crowd{rememberers, len(keys), roundLimit}
	return crowd.run(ctx, s, func(_, i int) error {
		first, err := m.replays.Use(ctx, keys[i], until)
		if err == nil && !first {
			err = errNotFirst
		}
		return err
	})
}
