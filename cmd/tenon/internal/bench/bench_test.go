package bench_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/bench"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/child"
)

func TestRunMeasuresEverything(t *testing.T) {
	dir := t.TempDir()
	var progress []string
	report, err := bench.Run(t.Context(), bench.Config{
		For: 2 * time.Second, Dir: dir, Caller: caller(), Live: 10_000,
		Progress: func(what string) { progress = append(progress, what) },
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range report.Figures {
		section, _, _ := strings.Cut(f.Section, ",")
		got = append(got, section+": "+f.Name)
		if f.Count == 0 || f.PerSecond <= 0 || f.P50 <= 0 || f.P99 < f.P50 || f.Callers < 1 {
			t.Errorf("%s, %s: %+v", f.Section, f.Name, f)
		}
		if runtime.GOOS == "linux" && f.CPU <= 0 {
			t.Errorf("%s, %s: no CPU time", f.Section, f.Name)
		}
		for _, b := range f.Budgets {
			if b.Value <= 0 || b.Limit <= 0 || b.Text == "" {
				t.Errorf("%s, %s: budget %+v", f.Section, f.Name, b)
			}
		}
	}
	const memory, sync, fenced = "replay memory in this process", "durable replay memory, sync", "durable replay memory, fenced"
	want := []string{
		"Bare signatures: ES256 verify", "Bare signatures: PS256 verify", "Bare signatures: Ed25519 verify", "Bare signatures: ES256 sign",
		"Verifier: " + memory, "Verifier: " + sync, "Verifier: " + fenced,
		"HTTP API behind the middleware: " + memory, "HTTP API behind the middleware: " + sync,
		"HTTP API behind the middleware: " + fenced, "HTTP API behind the middleware: no verifier at all",
		"Token endpoint: client_credentials",
		"A person's grant: code flow: PAR, consent, token", "A person's grant: refresh", "A person's grant: introspection of a JWT", "A person's grant: userinfo",
		"Replay memory alone: " + memory, "Replay memory alone: " + sync, "Replay memory alone: " + fenced,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(progress) != 7 || slices.Contains(progress, "") {
		t.Errorf("progress was %q", progress)
	}
	if len(report.Facts) != 2 || report.Facts[0].Value <= 0 || report.Facts[1].Value <= 0 {
		t.Errorf("facts are %+v", report.Facts)
	}
	if m := report.Machine; m.CPUs < 1 || m.GOMAXPROCS < 1 || m.Go == "" || m.Date.IsZero() || m.Filesystem == "" {
		t.Errorf("the machine is %+v", m)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := json.Marshal(report); err != nil { // a ratio of nothing would be infinite
		t.Error(err)
	}
}

func TestRunSaysWhatIsWrong(t *testing.T) {
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for name, c := range map[string]struct {
		ctx context.Context
		cfg bench.Config
	}{
		"too short":               {t.Context(), bench.Config{For: time.Second, Caller: caller()}},
		"no such folder":          {t.Context(), bench.Config{Dir: "/nonexistent", Caller: caller()}},
		"no caller":               {t.Context(), bench.Config{Dir: t.TempDir()}},
		"stopped":                 {stopped, bench.Config{Dir: t.TempDir(), Caller: caller(), Live: 100}},
		"the caller does not run": {t.Context(), bench.Config{For: 2 * time.Second, Dir: t.TempDir(), Caller: child.Program{Path: "/bin/false"}, Live: 100}},
	} {
		if report, err := bench.Run(c.ctx, c.cfg); err == nil || report != nil {
			t.Errorf("%s: %v, %v", name, report, err)
		}
		if c.cfg.Dir != "" && c.cfg.Dir != "/nonexistent" {
			if left, err := os.ReadDir(c.cfg.Dir); err != nil || len(left) > 0 {
				t.Errorf("%s: left behind: %v, %v", name, left, err)
			}
		}
	}
}

func TestCrowdSharesTheWork(t *testing.T) {
	seen := make([]int, 100)
	n, err := bench.RunCrowd(t.Context(), 7, len(seen), 0, func(_, i int) error {
		seen[i]++
		return nil
	})
	if err != nil || n != len(seen) || slices.ContainsFunc(seen, func(times int) bool { return times != 1 }) {
		t.Errorf("%d operations, %v: %v", n, err, seen)
	}
}

func TestCrowdStopsAtTheFirstError(t *testing.T) {
	wrong := errors.New("wrong")
	n, err := bench.RunCrowd(t.Context(), 4, 1_000_000, 0, func(_, i int) error {
		if i == 10 {
			return wrong
		}
		return nil
	})
	if !errors.Is(err, wrong) || n >= 1_000_000-1 {
		t.Errorf("%d operations, %v", n, err)
	}
}

func TestCrowdKeepsItsLimit(t *testing.T) {
	start := time.Now()
	n, err := bench.RunCrowd(t.Context(), 2, 1_000_000_000, time.Millisecond, func(int, int) error {
		if time.Since(start) > 10*time.Second {
			return errors.New("the crowd goes on")
		}
		return nil
	})
	if err != nil || n == 0 {
		t.Errorf("%d operations, %v", n, err)
	}
}

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(100 - i)
	}
	for _, c := range []struct {
		each []time.Duration
		p    float64
		want time.Duration
	}{
		{hundred, 50, 51},
		{hundred, 99, 100},
		{hundred, 0, 1},
		{hundred, 100, 100},
		{[]time.Duration{7}, 99, 7},
		{nil, 50, 0},
	} {
		if got := bench.Percentile(slices.Clone(c.each), c.p); got != c.want {
			t.Errorf("percentile %v of %d durations is %d, want %d", c.p, len(c.each), got, c.want)
		}
	}
}

func TestCPUTimeAdvancesWithWork(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("not every system tells CPU time")
	}
	before := bench.CPUTime()
	for x := 0; bench.CPUTime() == before; x++ { // ends because this is work
	}
}
