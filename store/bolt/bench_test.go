//go:build unix

package bolt_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/store"
	"github.com/tenon-auth/tenon/store/bolt"
)

// crowd runs work b.N times from many callers and reports how long the calls took and what processor time each cost.
func crowd(b *testing.B, callers int, work func(n int)) {
	took := make([]time.Duration, b.N)
	var next atomic.Int64
	var wg sync.WaitGroup
	before := processorTime(b)
	b.ResetTimer()
	for range callers {
		wg.Go(func() {
			for n := int(next.Add(1)) - 1; n < b.N; n = int(next.Add(1)) - 1 {
				begin := time.Now()
				work(n)
				took[n] = time.Since(begin)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
	b.ReportMetric(float64(took[b.N/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[b.N*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// processorTime is what this process has used, in the kernel too.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkReplays has 256 callers present proofs that are all new.
func BenchmarkReplays(b *testing.B) {
	const most = 20_000_000
	for name, open := range map[string]func(b *testing.B) dpop.Replays{
		"sync":   func(b *testing.B) dpop.Replays { return benchReplays(b, bolt.Sync) },
		"fenced": func(b *testing.B) dpop.Replays { return benchReplays(b, bolt.Fenced) },
		"memory": func(b *testing.B) dpop.Replays {
			m, err := dpop.NewMemory(dpop.MemoryConfig{Capacity: most})
			if err != nil {
				b.Fatal(err)
			}
			return m
		},
	} {
		b.Run(name, func(b *testing.B) {
			r := open(b)
			until := time.Now().Add(time.Minute)
			var failures atomic.Int64
			crowd(b, 256, func(n int) {
				if first, err := r.Use(context.Background(), key(n), until); err != nil || !first {
					failures.Add(1)
				}
			})
			if n := failures.Load(); n > 0 {
				b.Errorf("%d of %d proofs were not accepted", n, b.N)
			}
		})
	}
}

func benchReplays(b *testing.B, mode bolt.Mode) dpop.Replays {
	r := replays(b, bolt.ReplaysConfig{Path: filepath.Join(b.TempDir(), "replays"), Mode: mode, Capacity: 20_000_000})
	running(b, r)
	return r
}

// BenchmarkReplaysOpen reads a million live proofs back, as a start does.
func BenchmarkReplaysOpen(b *testing.B) {
	b.Run("1M", func(b *testing.B) {
		const proofs = 1_000_000
		c := bolt.ReplaysConfig{Path: filepath.Join(b.TempDir(), "replays"), Mode: bolt.Fenced, Capacity: 2 * proofs, Window: time.Hour}
		r := replays(b, c)
		stop := running(b, r)
		until := time.Now().Add(30 * time.Minute)
		for n := range proofs {
			use(b, r, key(n), until.Add(time.Duration(n%60)*time.Second), true)
		}
		stop()
		var cpu time.Duration
		for b.Loop() {
			b.StopTimer()
			if err := r.Close(); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			before := processorTime(b)
			r = replays(b, c)
			cpu += processorTime(b) - before
		}
		b.ReportMetric(float64(cpu.Milliseconds())/float64(b.N), "cpu-ms/op")
		if r.Len() != proofs {
			b.Fatalf("%d proofs were read back", r.Len())
		}
		b.ReportMetric(float64(r.Bytes())/proofs, "B/proof")
		info, err := os.Stat(c.Path)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/proofs, "file-B/proof")
	})
}

// BenchmarkCommit compares a Change of one record and one leaf with the least that is durable: 4 KiB appended to a file, and an
// fsync. The two take turns, so that a noisy machine hits both.
func BenchmarkCommit(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("%dcallers", callers), func(b *testing.B) {
			dir := b.TempDir()
			s := open(b, bolt.Config{Path: filepath.Join(dir, "db")})
			raw, err := os.Create(filepath.Join(dir, "raw"))
			if err != nil {
				b.Fatal(err)
			}
			defer raw.Close()
			body := make([]byte, 300)
			page := make([]byte, 4096)
			var rawTime, turnTime time.Duration
			turns := 0
			for done := 0; done < b.N; done += callers {
				b.StopTimer()
				begin := time.Now()
				if _, err := raw.Write(page); err != nil {
					b.Fatal(err)
				}
				if err := raw.Sync(); err != nil {
					b.Fatal(err)
				}
				rawTime += time.Since(begin)
				b.StartTimer()
				begin = time.Now()
				commitTogether(b, s, callers, body)
				turnTime += time.Since(begin)
				turns++
			}
			b.ReportMetric(float64(turnTime)/float64(turns*callers)/(float64(rawTime)/float64(turns)), "x-raw")
			b.ReportMetric(float64(turns*callers)/turnTime.Seconds(), "calls/s")
		})
	}
}

// commitTogether has every caller commit once.
func commitTogether(b *testing.B, s *bolt.Store, callers int, body []byte) {
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			c := insert(fmt.Sprintf("%016x", rand.Uint64()))
			c.Inserts[0].Body, c.Inserts[0].Expires = body, time.Now().Add(time.Minute)
			c.Leaves = []store.Leaf{{Body: body}}
			if _, err := s.Commit(context.Background(), c); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
}
