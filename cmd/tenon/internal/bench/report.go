package bench

import (
	"fmt"
	"time"
)

// A Report is what one run found.
type Report struct {
	Machine Machine  `json:"machine"`
	Figures []Figure `json:"figures"`
	Facts   []Fact   `json:"facts"`
}

// A Figure is one kind of operation.
type Figure struct {
	Section   string        `json:"section"`
	Name      string        `json:"name"`
	Callers   int           `json:"callers"`
	Count     int           `json:"operations"`
	PerSecond float64       `json:"per_second"`
	P50       time.Duration `json:"p50_ns"`
	P99       time.Duration `json:"p99_ns"`
	CPU       time.Duration `json:"cpu_ns"` // of one operation; 0 where the system does not tell
	Ratio     *Ratio        `json:"ratio,omitempty"`
	Budgets   []Budget      `json:"budgets,omitempty"`
}

// A Ratio compares the CPU time of a figure with that of bare operations that were measured in turns with it.
type Ratio struct {
	Value float64 `json:"value"` // 0 when it is not known
	Of    string  `json:"of"`
}

// A Budget is what Tenon promises of a figure.
type Budget struct {
	Text  string  `json:"text"`
	Value float64 `json:"value"`
	Limit float64 `json:"limit"`
	Met   bool    `json:"met"`
}

// A Fact is a figure that is one number.
type Fact struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Budget Budget  `json:"budget"`
}

// atMost is not met by a value that is not known.
func atMost(limit float64, of string, value float64) Budget {
	return Budget{fmt.Sprintf("at most %v %s", limit, of), value, limit, value > 0 && value <= limit}
}

// atLeast is for shares.
func atLeast(limit float64, of string, value float64) Budget {
	return Budget{fmt.Sprintf("at least %.2f %s", limit, of), value, limit, value >= limit}
}

// oneVerification is the yardstick of the verifier.
const oneVerification = "one bare ES256 verification"

// compare sets the figure's ratio: its CPU time to that of bare operations.
func (f *Figure) compare(with string, bare time.Duration) { f.Ratio = &Ratio{ratio(f.CPU, bare), with} }

func newFigure(section, name string, callers int, s *sample) Figure {
	return Figure{
		Section: section, Name: name, Callers: callers, Count: len(s.each),
		PerSecond: s.perSecond(), P50: s.percentile(50), P99: s.percentile(99), CPU: s.cpuEach(),
	}
}

func (r *Report) add(f Figure) { r.Figures = append(r.Figures, f) }

// ratio is 0 when one of the two is not known.
func ratio(a, b time.Duration) float64 {
	if a <= 0 || b <= 0 {
		return 0
	}
	return float64(a) / float64(b)
}
