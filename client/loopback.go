package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"
	"time"
)

// defaultLoopback is registered as it is; the server lets the port vary (RFC 8252 §7.3).
const defaultLoopback = "http://127.0.0.1/callback"

// Login logs a person in at this machine (RFC 8252): it listens on loopback, lets open show an address in the person's
// browser, and waits for the answer until ctx ends. A RedirectURI with a port listens on that port, one without on any.
func (c *Client) Login(ctx context.Context, l Login, open func(address string) error) (*Session, error) {
	if l.RedirectURI == "" {
		l.RedirectURI = defaultLoopback
	}
	u, err := parseLoopback(l.RedirectURI)
	if err != nil {
		return nil, fmt.Errorf("client: RedirectURI: %w", err)
	}
	port := u.Port()
	if port == "" {
		port = "0"
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	u.Host = listener.Addr().String()
	l.RedirectURI = u.String()
	attempt, err := c.Begin(ctx, l)
	if err != nil {
		listener.Close()
		return nil, err
	}
	d := newDoorstep(u, attempt.State)
	defer d.serve(listener)()
	if err := open(attempt.Address); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	select {
	case visit := <-d.visits:
		session, err := c.Finish(ctx, attempt, visit.response)
		visit.verdict <- err
		return session, err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// parseLoopback reads an address of this machine: by number, because a name may lead elsewhere (RFC 8252 §8.3).
func parseLoopback(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, errors.New("is not a URL")
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if u.Scheme != "http" || err != nil || !ip.IsLoopback() || u.User != nil || u.Fragment != "" || u.RawQuery != "" || u.Opaque != "" {
		return nil, fmt.Errorf("%q is not of the form http://127.0.0.1/path or http://[::1]/path", u.Redacted())
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}

// A doorstep waits for the browser that brings the answer. Any program on this machine, and any page that the browser has
// open, can knock too: what does not belong to this login is turned away, and the waiting goes on.
type doorstep struct {
	host, path, state string
	visits            chan visit
	taken             atomic.Bool // the answer has come
}

type visit struct {
	response url.Values
	verdict  chan error // what to tell the browser
}

func newDoorstep(u *url.URL, state string) *doorstep {
	return &doorstep{host: u.Host, path: u.Path, state: state, visits: make(chan visit)}
}

// serve opens the door; what it gives closes it, after the browser has got its page.
func (d *doorstep) serve(listener net.Listener) (shut func()) {
	server := &http.Server{Handler: d, ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 32 << 10}
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.Serve(listener)
	}()
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			server.Close()
		}
		<-done
	}
}

func (d *doorstep) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("Referrer-Policy", "no-referrer") // FAPI 2.0 §6.5: the answer is in this page's address
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Connection", "close")
	if r.Host != d.host || r.URL.Path != d.path || r.Method != http.MethodGet {
		showPage(w, http.StatusNotFound, "Nothing here", "A login is waiting for its answer at another address.")
		return
	}
	response, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(response["state"]) != 1 || response.Get("state") != d.state {
		showPage(w, http.StatusBadRequest, "Not this login", "This answer belongs to another login. The one that is under way goes on waiting.")
		return
	}
	if !d.taken.CompareAndSwap(false, true) {
		showPage(w, http.StatusConflict, "Once is enough", "The answer of this login is here already. You can close this window.")
		return
	}
	v := visit{response, make(chan error, 1)}
	select {
	case d.visits <- v:
	case <-r.Context().Done():
		return
	}
	select {
	case err = <-v.verdict:
	case <-r.Context().Done():
		return
	}
	if err != nil {
		showPage(w, http.StatusBadRequest, "You are not logged in", "The program that asked says why. You can close this window.")
		return
	}
	showPage(w, http.StatusOK, "You are logged in", "You can close this window and go back to the program that asked.")
}

// showPage writes a page of words that are ours.
func showPage(w http.ResponseWriter, status int, title, text string) {
	w.WriteHeader(status)
	io.WriteString(w, `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">`+
		`<meta name="color-scheme" content="light dark"><title>`+title+`</title></head><body><main><h1>`+title+`</h1><p>`+text+`</p></main></body></html>`)
}
