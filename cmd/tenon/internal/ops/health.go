package ops

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Health is why the server should get no requests: nothing, when it is ready. A new one is not ready: it is starting.
type Health struct {
	mu     sync.Mutex
	reason map[string]string       // by the part that has it
	checks map[string]func() error // asked at every question
}

// starting is the part that a new Health waits for.
const starting = "start"

// NewHealth makes a Health that is not ready until Clear("start").
func NewHealth() *Health {
	return &Health{reason: map[string]string{starting: "not finished"}, checks: map[string]func() error{}}
}

// Started tells that everything is in place.
func (h *Health) Started() { h.Clear(starting) }

// Draining tells that the server is about to stop; it does not become ready again.
func (h *Health) Draining() { h.Fail("drain", "the server is stopping") }

// Fail makes the server not ready because of a part, until Clear.
func (h *Health) Fail(part, why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reason[part] = why
}

// Clear takes a part's reason back.
func (h *Health) Clear(part string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.reason, part)
}

// Check adds a part that is asked whenever somebody wants to know. It must be quick.
func (h *Health) Check(part string, check func() error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks[part] = check
}

// faults gives a line for each part that is not well.
func (h *Health) faults() []string {
	h.mu.Lock()
	reasons, checks := maps.Clone(h.reason), maps.Clone(h.checks)
	h.mu.Unlock()
	for part, check := range checks { // outside the lock: a check may be stuck in a disk
		if err := check(); err != nil {
			reasons[part] = err.Error()
		}
	}
	var lines []string
	for _, part := range slices.Sorted(maps.Keys(reasons)) {
		lines = append(lines, part+": "+reasons[part])
	}
	return lines
}

// Live answers 200 as long as the process can answer at all.
func (h *Health) Live() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") })
}

// Ready answers 200 when requests may come, otherwise 503 and the reasons.
func (h *Health) Ready() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if faults := h.faults(); len(faults) > 0 {
			http.Error(w, strings.Join(faults, "\n"), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
}
