package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Reloader serves a certificate from two files and follows them when they are renewed. What it serves is always a whole
// pair that was good when it was read; files that are not are reported and change nothing. It is safe for concurrent use.
type Reloader struct {
	certPath, keyPath string
	observe           func(error)

	current atomic.Pointer[tls.Certificate]

	mu       sync.Mutex // held while the files are read; owns reported
	reported string     // the last fault that was reported, while it lasts
}

// NewReloader reads the pair once; a pair that is not good is an error. observe is told of every change: nil when another
// certificate is being served, otherwise why the files were refused and the old one stays. It may be nil, and it must
// not call Reload. The files are not watched until Run is called.
func NewReloader(certPath, keyPath string, observe func(error)) (*Reloader, error) {
	if observe == nil {
		observe = func(error) {}
	}
	r := &Reloader{certPath: certPath, keyPath: keyPath, observe: observe}
	pair, err := r.load()
	if err != nil {
		return nil, err
	}
	r.current.Store(pair)
	return r, nil
}

// GetCertificate is for tls.Config of a server.
func (r *Reloader) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return r.current.Load(), nil
}

// GetClientCertificate is for tls.Config of a client.
func (r *Reloader) GetClientCertificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return r.current.Load(), nil
}

// NotAfter returns when the certificate that is served expires.
func (r *Reloader) NotAfter() time.Time { return r.current.Load().Leaf.NotAfter }

// Reload reads the files now, for example on SIGHUP. On an error the old certificate stays.
func (r *Reloader) Reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.swap()
	if err != nil {
		r.reported = err.Error()
		r.observe(err)
	}
	return err
}

// Run reads the files every interval until ctx ends; then it returns nil. 0 is every minute. It reads them instead of waiting
// for notifications: those do not cross every kind of mount, and a missed one would be found when the certificate expires. A
// fault that lasts is reported once.
func (r *Reloader) Run(ctx context.Context, interval time.Duration) error {
	if interval <= 0 {
		interval = time.Minute
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			r.poll()
		}
	}
}

func (r *Reloader) poll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.swap(); err != nil && err.Error() != r.reported {
		r.reported = err.Error()
		r.observe(err)
	}
}

// swap serves what the files hold, when it is good and new. r.mu is held.
func (r *Reloader) swap() error {
	pair, err := r.load()
	if err != nil {
		return err
	}
	r.reported = ""
	if sameChain(pair, r.current.Load()) {
		return nil
	}
	r.current.Store(pair)
	r.observe(nil)
	return nil
}

// load reads and judges the pair. Two files cannot be replaced in one step: a new certificate beside the old key does not
// match, is refused here, and is read again at the next turn.
func (r *Reloader) load() (*tls.Certificate, error) {
	leaf, err := LoadLeaf(r.certPath, r.keyPath)
	if err != nil {
		return nil, err
	}
	c, now := leaf.Certificate, time.Now()
	switch {
	case now.After(c.NotAfter):
		return nil, fmt.Errorf("certs: %s expired at %s", r.certPath, c.NotAfter.Format(time.RFC3339))
	case now.Add(skew).Before(c.NotBefore): // whoever made it may have a clock that is ahead of ours
		return nil, fmt.Errorf("certs: %s is valid from %s only", r.certPath, c.NotBefore.Format(time.RFC3339))
	}
	pair := leaf.TLS()
	return &pair, nil
}

func sameChain(a, b *tls.Certificate) bool {
	return slices.EqualFunc(a.Certificate, b.Certificate, bytes.Equal)
}
