package issuer_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store"
)

// crowd is how many requests come at once: ten thousand when everything is to be run, else enough to race.
func crowd() int {
	if os.Getenv("TENON_LONG") != "" {
		return 10_000
	}
	return 1_000
}

// An outcome is what became of many requests at once.
type outcome struct {
	refused   map[tenon.Code]int
	accessed  []string       // access tokens
	refreshed map[string]int // refresh tokens, and how often each was given
}

// atOnce sends a message many times, each with a proof and an assertion of its own, all in flight together.
func (f *flow) atOnce(p *party, m message) outcome {
	f.t.Helper()
	requests := make([]*http.Request, crowd())
	makers := make(chan int)
	var made sync.WaitGroup
	for range 4 {
		made.Go(func() {
			for i := range makers {
				requests[i] = p.request(m)
			}
		})
	}
	for i := range requests {
		makers <- i
	}
	close(makers)
	made.Wait()
	done := make(chan struct{})
	go func() { // or the events would hold up the server
		for range requests {
			f.event()
		}
		close(done)
	}()
	out := outcome{refused: map[tenon.Code]int{}, refreshed: map[string]int{}}
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, r := range requests {
		group.Go(func() {
			got, err := answerTo(f.client(nil), r)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				out.refused[tenon.Code(err.Error())]++
			case got.status != http.StatusOK:
				out.refused[got.body.Code]++
			default:
				out.accessed = append(out.accessed, got.body.AccessToken)
				out.refreshed[got.body.Refresh]++
			}
		})
	}
	group.Wait()
	<-done
	return out
}

func answerTo(c *http.Client, r *http.Request) (out reply, err error) {
	answer, err := c.Do(r)
	if err != nil {
		return out, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	out.status = answer.StatusCode
	return out, errors.Join(err, json.Unmarshal(data, &out.body))
}

// One code, ten thousand times at once: one gets tokens, and because the code was used again, they are revoked.
func TestExactlyOneRedemptionOfACode(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	out := f.atOnce(p, f.code(p, nil).redemption())
	if len(out.accessed) != 1 || out.refused[tenon.InvalidGrant] != crowd()-1 {
		t.Fatalf("%d winners; refused: %v", len(out.accessed), out.refused)
	}
	token := f.open(out.accessed[0])
	if !f.revoked(token) {
		t.Error("the token of the one that won lives on")
	}
	for refresh := range out.refreshed {
		p.refused(refreshing(refresh), 400, tenon.InvalidGrant, "ended")
	}
	f.endedOnce(token.claims.Log.Index)
	if n := len(f.entries(0, audit.TokenIssued)); n != 1 {
		t.Errorf("%d tokens are on record", n)
	}
}

// One rotating refresh token, ten thousand times at once by its own key: it is replaced once, and all have the successor.
func TestExactlyOneRotationOfARefreshToken(t *testing.T) {
	f := newFlow(t, setup{profile: issuer.OAuth2})
	p := f.app("app", nil)
	start := f.redeem(p, nil).body.Refresh
	out := f.atOnce(p, refreshing(start))
	if len(out.accessed) != crowd() || len(out.refreshed) != 1 || out.refreshed[start] != 0 {
		t.Fatalf("%d were served, with %d successors; refused: %v", len(out.accessed), len(out.refreshed), out.refused)
	}
	for refresh := range out.refreshed {
		f.ok(p, refreshing(refresh))
	}
}

// Two keys at once with one token: whoever comes first, the other ends the grant.
func TestTwoKeysAtOnce(t *testing.T) {
	f := newFlow(t, setup{profile: issuer.OAuth2})
	p := f.app("app", nil)
	for range 20 {
		start := f.redeem(p, nil)
		requests := []*http.Request{p.request(refreshing(start.body.Refresh))}
		own := p.proofs
		p.proofs = ecKey(t)
		requests = append(requests, p.request(refreshing(start.body.Refresh)))
		p.proofs = own
		if counts := together(t, f.server, requests); counts[""] != 1 || counts["invalid_grant"] != 1 {
			t.Fatalf("%v", counts)
		}
		if n := f.stored("grants"); n != 0 {
			t.Fatalf("%d grants live on", n)
		}
	}
}

// Under fapi2 the token is the same for all of them.
func TestRefreshTogetherUnderFAPI2(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", nil)
	start := f.redeem(p, nil).body.Refresh
	const n = 500
	requests := make([]*http.Request, n)
	for i := range requests {
		requests[i] = p.request(refreshing(start))
	}
	if counts := together(t, f.server, requests); counts[""] != n {
		t.Errorf("%v", counts)
	}
}

// A crash, or a signer that fails, between the commit and the answer: what was spent is spent, no token is out, and the
// person's session survives where it can.
func TestDiedBetweenCommitAndAnswer(t *testing.T) {
	signers := &brokenSigners{}
	for _, profile := range []issuer.Profile{issuer.FAPI2, issuer.OAuth2} {
		t.Run(profile.String(), func(t *testing.T) {
			f := newFlow(t, setup{profile: profile, keyring: func(c *issuer.KeyringConfig) {
				signers.Signers = c.Signers
				c.Signers = signers
			}})
			p := f.app("app", nil)
			token := f.redeem(p, nil).body.Refresh
			signers.set(errors.New("power"))
			p.refused(refreshing(token), 500, tenon.ServerError, "fault")
			g := f.code(p, nil)
			p.refused(g.redemption(), 500, tenon.ServerError, "fault")
			signers.set(nil)
			f.ok(p, refreshing(token))
			p.refused(g.redemption(), 400, tenon.InvalidGrant, "reuse")
		})
	}
}

// While the store does not answer nothing is spent, and the caller is told to come back.
func TestOutageDoesNotCostTheGrant(t *testing.T) {
	hooks := &hookedStore{}
	f := newFlow(t, setup{profile: issuer.OAuth2, edit: func(c *issuer.Config) { hooks.Store, c.Store = c.Store, hooks }})
	p := f.app("app", nil)
	outage := errors.New("disk")
	token := f.redeem(p, nil).body.Refresh
	code := f.code(p, nil).redemption()
	for name, breakIt := range map[string]func(){
		"codes":   func() { hooks.get = failing("codes", outage) },
		"refresh": func() { hooks.get = failing("refresh", outage) },
		"grants":  func() { hooks.get = failing("grants", outage) },
		"people":  func() { hooks.get = failing("people", outage) },
		"commit":  func() { hooks.commit = func(*store.Change) error { return outage } },
		"others": func() {
			hooks.commit = func(*store.Change) error { return &store.Conflict{Key: store.Key{Kind: "grants"}} }
		},
	} {
		t.Run(name, func(t *testing.T) {
			f.server.t = t
			breakIt()
			if name != "refresh" {
				p.refused(code, 503, tenon.Unavailable, "unavailable")
			}
			if name != "codes" {
				p.refused(refreshing(token), 503, tenon.Unavailable, "unavailable")
			}
			*hooks = hookedStore{Store: hooks.Store}
			token = f.ok(p, refreshing(token)).body.Refresh
		})
	}
	f.server.t = t
	f.ok(p, code)
}

func failing(kind store.Kind, err error) func(store.Key) error {
	return func(k store.Key) error {
		if k.Kind == kind {
			return err
		}
		return nil
	}
}

// A grant that ends while a refresh is under way gives no token, whichever comes first.
func TestGrantEndsInTheMiddle(t *testing.T) {
	hooks := &hookedStore{}
	f := newFlow(t, setup{edit: func(c *issuer.Config) { hooks.Store, c.Store = c.Store, hooks }})
	p := f.app("app", nil)
	for name, arrange := range map[string]func(end func()){
		"before the commit": func(end func()) {
			hooks.commit = func(*store.Change) error { hooks.commit = nil; end(); return nil }
		},
		"after the commit": func(end func()) { hooks.after = func(*store.Change) { hooks.after = nil; end() } },
	} {
		t.Run(name, func(t *testing.T) {
			f.server.t = t
			token := f.redeem(p, nil).body.Refresh
			f.ok(p, refreshing(token)) // so that the next one replaces nothing
			grants, err := f.issuer.GrantsOf(t.Context(), f.person.Subject)
			must(t, err)
			arrange(func() {
				_, err := f.admin.Revoke(t.Context(), issuer.Revocation{GrantID: grants[0].ID})
				must(t, err)
			})
			p.refused(refreshing(token), 400, tenon.InvalidGrant, "ended")
		})
	}
}

// A reuse that is noticed but cannot be acted on is not forgotten: the caller is told to come back, and then it is.
func TestReuseDuringAnOutage(t *testing.T) {
	hooks := &hookedStore{}
	f := newFlow(t, setup{edit: func(c *issuer.Config) { hooks.Store, c.Store = c.Store, hooks }})
	p := f.app("app", nil)
	g := f.code(p, nil)
	token := f.open(f.ok(p, g.redemption()).body.AccessToken)
	hooks.commit = func(*store.Change) error { return errors.New("disk") }
	p.refused(g.redemption(), 503, tenon.Unavailable, "unavailable")
	hooks.commit = nil
	p.refused(g.redemption(), 400, tenon.InvalidGrant, "reuse")
	if !f.revoked(token) {
		t.Error("the token lives on")
	}
}
