package verifier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// A document is something that is fetched from the issuer when it is needed and kept for a while: a key set, a status list. However
// many requests need it, one fetch is under way at a time, and two fetches are never closer than an interval.
type document[T any] struct {
	fetch    func(context.Context) (T, error)
	maxAge   time.Duration // fetched again when older
	maxStale time.Duration // used that long when it cannot be fetched again, and then no more
	interval time.Duration // between the starts of two fetches
	observe  func(error)   // may be nil
	now      func() time.Time

	kept atomic.Pointer[edition[T]] // the last good one, nil when there was none

	mu     sync.Mutex    // owns what is below
	tried  time.Time     // when the last fetch started
	failed error         // how it ended
	flight chan struct{} // closed when the fetch under way ends; nil when none is
}

// An edition is one good fetch of a document. It is never changed.
type edition[T any] struct {
	value   T
	fetched time.Time // when the fetch started: what is in it was true then or later
}

// age is how old the edition is. A clock that stepped back makes it too old, not young for ever.
func (e *edition[T]) age(now time.Time) time.Duration {
	if age := now.Sub(e.fetched); age >= 0 {
		return age
	}
	return time.Duration(1<<63 - 1)
}

// fetchTimeout bounds one fetch with everything that belongs to it.
const fetchTimeout = 10 * time.Second

// fresh gives the document if it need not be fetched again.
func (d *document[T]) fresh() (T, bool) {
	if e := d.kept.Load(); e != nil && e.age(d.now()) <= d.maxAge {
		return e.value, true
	}
	var none T
	return none, false
}

// get gives the document: fresh, or fetched now, or when that fails one that is not older than maxStale.
func (d *document[T]) get(ctx context.Context) (T, error) {
	if value, ok := d.fresh(); ok {
		return value, nil
	}
	return d.renew(ctx)
}

// renew fetches the document although it may be fresh, unless it was fetched an interval ago or less.
func (d *document[T]) renew(ctx context.Context) (T, error) {
	err := d.refresh(ctx)
	if e := d.kept.Load(); e != nil && e.age(d.now()) <= d.maxStale {
		return e.value, nil
	}
	var none T
	if err == nil {
		err = errors.New("the document is too old")
	}
	return none, err
}

// refresh starts a fetch, or joins the one under way, and waits for its end or for the end of ctx. The fetch itself does not end with
// ctx: others wait for it too.
func (d *document[T]) refresh(ctx context.Context) error {
	flight := d.depart(ctx)
	if flight != nil {
		select {
		case <-flight:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failed
}

// depart gives the fetch under way, after starting it if it may start now; nil means that it may not.
func (d *document[T]) depart(ctx context.Context) chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.flight != nil {
		return d.flight
	}
	now := d.now()
	interval := d.interval
	if d.kept.Load() == nil {
		interval = min(interval, time.Second) // nothing works without a first one
	}
	if since := now.Sub(d.tried); !d.tried.IsZero() && since >= 0 && since < interval {
		return nil
	}
	d.tried, d.flight = now, make(chan struct{})
	go d.fly(context.WithoutCancel(ctx), now, d.flight)
	return d.flight
}

// fly runs one fetch.
func (d *document[T]) fly(ctx context.Context, start time.Time, flight chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	value, err := d.fetch(ctx)
	if err == nil {
		d.kept.Store(&edition[T]{value, start})
	}
	if d.observe != nil {
		d.observe(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failed, d.flight = err, nil
	close(flight)
}

// maxDocument bounds what is read of an answer, after decompression.
const maxDocument = 1 << 20

// A site fetches documents. It follows redirects within the origin of the first URL only, so that neither the issuer nor
// somebody in its place can send the verifier to an address inside its own network.
type site struct{ client *http.Client }

// newSite makes a site of a client, which may be nil. The client itself is not changed.
func newSite(client *http.Client) site {
	if client == nil {
		client = &http.Client{}
	}
	own := *client
	own.CheckRedirect = func(next *http.Request, before []*http.Request) error {
		if len(before) > 3 {
			return errors.New("more than 3 redirects")
		}
		return sameOrigin(before[0].URL, next.URL)
	}
	return site{&own}
}

// errNotFound is the answer 404.
var errNotFound = errors.New("404 Not Found")

// read fetches a document. The address is https: what was configured, discovered or named by a token has been checked for that.
// accept is the media type to ask for.
func (s site) read(ctx context.Context, address, accept string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", accept)
	request.Header.Set("Cache-Control", "no-cache") // what a cache on the way holds may be as old as what is to be replaced
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotFound {
		return nil, fmt.Errorf("%s: %w", address, errNotFound)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", address, response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	if err == nil && len(body) > maxDocument {
		err = fmt.Errorf("%s: larger than %d bytes", address, maxDocument)
	}
	return body, err
}

// sameOrigin refuses a URL that is not https or has another host or port than the first.
func sameOrigin(first, other *url.URL) error {
	if other.Scheme != "https" || other.Scheme != first.Scheme || other.Host != first.Host {
		return fmt.Errorf("%s is not under the origin of %s", other.Redacted(), first.Redacted())
	}
	return nil
}
