package bench_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/bench"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/terminal"
)

var update = flag.Bool("update", false, "write the golden files")

// found is a report of round numbers.
func found() *bench.Report {
	ratio := &bench.Ratio{Value: 1.12, Of: "one bare ES256 verification"}
	return &bench.Report{
		Machine: bench.Machine{
			Date: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), Go: "go1.26.0", System: "linux/amd64", CPU: "Example 9000", CPUs: 4,
			GOMAXPROCS: 1, Dir: "/dev/shm/tenon-bench-1", Filesystem: "tmpfs", InMemory: true,
		},
		Figures: []bench.Figure{
			{Section: "Bare signatures", Name: "ES256 verify", Callers: 1, PerSecond: 20000, P50: 50 * time.Microsecond, P99: 70 * time.Microsecond, CPU: 51 * time.Microsecond},
			{Section: "Bare signatures", Name: "PS256 verify", Callers: 1, PerSecond: 5000, P50: 200 * time.Microsecond, P99: 1500 * time.Microsecond, CPU: 202 * time.Microsecond},
			{
				Section: "Verifier, one caller", Name: "replay memory in this process", Callers: 1, PerSecond: 1234567, P50: 56 * time.Microsecond, P99: 78 * time.Millisecond, CPU: 560 * time.Nanosecond, Ratio: ratio,
				Budgets: []bench.Budget{bench.AtMost(1.15, "x one bare verification", 1.12)},
			},
			{
				Section: "Verifier, one caller", Name: "durable replay memory, sync", Callers: 1, PerSecond: 1, P50: 2 * time.Second, P99: 3 * time.Second, Ratio: &bench.Ratio{Of: ratio.Of},
				Budgets: []bench.Budget{bench.AtLeast(0.75, "of the throughput with memory only", 0.5)},
			},
		},
		Facts: []bench.Fact{{Name: "Memory per live proof", Value: 41.25, Unit: "bytes", Budget: bench.AtMost(48, "bytes", 41.25)}},
	}
}

func TestReportOnATerminal(t *testing.T) {
	for name, term := range map[string]terminal.Terminal{"unicode": {Unicode: true}, "ascii": {}} {
		var out bytes.Buffer
		if err := found().Write(&out, term); err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), out.String()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestBudgets(t *testing.T) {
	for name, c := range map[string]struct {
		budget bench.Budget
		met    bool
	}{
		"below at most":    {bench.AtMost(1.15, "", 1.1), true},
		"exactly at most":  {bench.AtMost(1.15, "", 1.15), true},
		"above at most":    {bench.AtMost(1.15, "", 1.16), false},
		"not known":        {bench.AtMost(1.15, "", 0), false},
		"above at least":   {bench.AtLeast(0.75, "", 0.8), true},
		"exactly at least": {bench.AtLeast(0.75, "", 0.75), true},
		"below at least":   {bench.AtLeast(0.75, "", 0.7), false},
	} {
		if c.budget.Met != c.met {
			t.Errorf("%s: %+v", name, c.budget)
		}
	}
}

func TestNumbersForPeople(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "-", 123: "0.12 us", 56 * time.Microsecond: "56 us", 1234 * time.Microsecond: "1.23 ms", 45678 * time.Microsecond: "46 ms",
	} {
		if got := bench.Took(d); got != want {
			t.Errorf("%d ns is %q, want %q", d, got, want)
		}
	}
	for f, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 1234567.4: "1,234,567"} {
		if got := bench.Thousands(f); got != want {
			t.Errorf("%v is %q, want %q", f, got, want)
		}
	}
}
