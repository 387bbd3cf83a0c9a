package verifier_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A fakeWeb answers requests by their URL, without a network.
type fakeWeb struct {
	mu    sync.Mutex // owns what is below
	pages map[string]page
	asked []string
	hold  chan struct{} // when set, answers wait until it is closed
}

// A page is what an address answers.
type page struct {
	status int // 0 means 200
	header http.Header
	body   string
	err    error
}

// RoundTrip implements [http.RoundTripper].
func (w *fakeWeb) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.asked = append(w.asked, r.URL.String())
	p, ok := w.pages[r.URL.String()]
	hold := w.hold
	w.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if !ok {
		p = page{status: http.StatusNotFound}
	}
	if p.err != nil {
		return nil, p.err
	}
	if p.header == nil {
		p.header = http.Header{}
	}
	status := p.status
	if status == 0 {
		status = http.StatusOK
	}
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status), Header: p.header, Body: io.NopCloser(strings.NewReader(p.body)), Request: r}, nil
}

func (w *fakeWeb) client() *http.Client { return &http.Client{Transport: w} }

func (w *fakeWeb) set(address string, p page) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pages == nil {
		w.pages = map[string]page{}
	}
	w.pages[address] = p
}

// count tells how often an address was asked.
func (w *fakeWeb) count(address string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, asked := range w.asked {
		if asked == address {
			n++
		}
	}
	return n
}

// A tellingClock is a clock that a test moves.
type tellingClock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *tellingClock { return &tellingClock{now: base} }

func (c *tellingClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *tellingClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
