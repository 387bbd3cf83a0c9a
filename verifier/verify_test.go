package verifier_test

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/mtls"
	"github.com/tenon-auth/tenon/verifier"
)

// request makes a Request of the attack form.
func (s *stage) request(r attackRequest) verifier.Request {
	s.t.Helper()
	p, err := s.present(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return verifier.Request{Method: p.method, Target: p.target, Authorization: []string{p.lines[0][1]}, Proofs: []string{p.proof}}
}

func TestNewReportsEveryFault(t *testing.T) {
	_, err := verifier.New(verifier.Config{Origin: "http://api.example.com/", TokenRules: verifier.TokenRules{Algorithms: []dpop.Algorithm{"RS256"}}})
	for _, fault := range []string{"Issuer", "Audience", "Origin", "Keys", "Revocation", "neither DPoP nor Certificates", "RS256"} {
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%q is not among the faults: %v", fault, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	good := newStage(t, attackConfig{}).verifierConfig()
	if _, err := verifier.New(good); err != nil {
		t.Fatal(err)
	}
	origin := func(origin string) func(*verifier.Config) {
		return func(c *verifier.Config) { c.Origin = origin }
	}
	for name, change := range map[string]func(*verifier.Config){
		"no replay memory":              func(c *verifier.Config) { c.Replays = nil },
		"no revocation":                 func(c *verifier.Config) { c.Revocation = nil },
		"no algorithms":                 func(c *verifier.Config) { c.Algorithms = []dpop.Algorithm{} },
		"an origin without TLS":         origin("http://api.example.com"),
		"an origin without a scheme":    origin("api.example.com"),
		"an origin with a slash":        origin("https://api.example.com/pay/"),
		"an origin with a query":        origin("https://api.example.com?a"),
		"an origin with an empty query": origin("https://api.example.com?"),
		"an origin with a fragment":     origin("https://api.example.com#a"),
		"an origin with a user":         origin("https://user@api.example.com"),
		"an origin with dots":           origin("https://api.example.com/a/../b"),
		"an origin without a host":      origin("https:///a"),
		"no origin":                     origin(""),
	} {
		c := good
		change(&c)
		if v, err := verifier.New(c); err == nil || v != nil {
			t.Errorf("%s: %v, %v", name, v, err)
		}
	}
}

// TestVerifyGivesNoAccessWithAnError is A15: whoever forgets to look at the error finds no token in the other hand.
func TestVerifyGivesNoAccessWithAnError(t *testing.T) {
	s := newStage(t, attackConfig{})
	r := s.request(attackRequest{})
	if access, err := s.verifiers[0].Verify(t.Context(), r); err != nil || access == nil {
		t.Fatalf("%v, %v", access, err)
	}
	if access, err := s.verifiers[0].Verify(t.Context(), r); err == nil || access != nil {
		t.Errorf("%v, %v", access, err)
	}
}

func TestAccess(t *testing.T) {
	s := newStage(t, attackConfig{})
	jkt, _, _ := keyTemplate("jkt", "client")
	access, err := s.verifiers[0].Verify(t.Context(), s.request(attackRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	c := access.Claims
	if c.Issuer != testIssuer || c.Subject != "client-1" || c.ClientID != "client-1" || c.ID != "token-1" || c.Scope.String() != "payments" ||
		!slices.Equal(c.Audience, []string{testOrigin}) || !c.Expires.Equal(base.Add(300*time.Second)) || access.Thumbprint != jkt || access.CertificateThumbprint != "" {
		t.Errorf("%+v", access)
	}
}

// TestAHandlerCannotWidenTheNextRequest: the cache gives each request its own copy.
func TestAHandlerCannotWidenTheNextRequest(t *testing.T) {
	s := newStage(t, attackConfig{})
	edit := &forgery{Claims: members(`{"status": {"status_list": {"idx": 1, "uri": "https://as.example.com/status/0"}}}`)}
	token := s.forger(presentation{}).token(edit)
	ask := func() *verifier.Access {
		f := s.forger(presentation{method: "POST", target: "/payments"})
		r := verifier.Request{Method: "POST", Target: "/payments", Authorization: []string{"DPoP " + token}, Proofs: []string{f.proof(nil, token)}}
		access, err := s.verifiers[0].Verify(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return access
	}
	first := ask()
	first.Claims.Scope[0], first.Claims.Audience[0], first.Claims.Status.Index = "admin", "everything", 7
	if second := ask(); second.Allows("admin") || second.Claims.Audience[0] != testOrigin || second.Claims.Status.Index != 1 {
		t.Errorf("the edit of one request is seen by the next: %+v", second.Claims)
	}
}

func TestEvents(t *testing.T) {
	jkt, _, _ := keyTemplate("jkt", "client")
	for _, tt := range []struct {
		name    string
		config  attackConfig
		request attackRequest
		want    verifier.Event // without its durations and error
		replay  bool           // the memory was asked
	}{
		{
			"let through",
			attackConfig{},
			attackRequest{Proof: &forgery{Claims: members(`{"iat": "{now-7}"}`)}},
			verifier.Event{Method: "POST", ClientID: "client-1", Thumbprint: jkt, Offset: -7 * time.Second, HasOffset: true},
			true,
		},
		{
			"a bad token",
			attackConfig{},
			attackRequest{Token: &forgery{Signature: "flipped"}},
			verifier.Event{Method: "POST", Code: tenon.InvalidToken, Reason: "signature"},
			false,
		},
		{
			"a bad proof",
			attackConfig{},
			attackRequest{Proof: &forgery{Signature: "flipped"}},
			verifier.Event{Method: "POST", ClientID: "client-1", Thumbprint: jkt, Code: tenon.InvalidDPoPProof, Reason: "signature"},
			false,
		},
		{
			"a clock that is far off",
			attackConfig{},
			attackRequest{Proof: &forgery{Claims: members(`{"iat": "{now-94}"}`)}},
			verifier.Event{
				Method: "POST", ClientID: "client-1", Thumbprint: jkt, Code: tenon.InvalidDPoPProof, Reason: "iat",
				Offset: -94 * time.Second, HasOffset: true,
			},
			false,
		},
		{
			"revoked",
			attackConfig{Revocation: "revoked"},
			attackRequest{},
			verifier.Event{Method: "POST", ClientID: "client-1", Thumbprint: jkt, Code: tenon.InvalidToken, Reason: "revoked", HasOffset: true},
			false,
		},
		{
			"no memory",
			attackConfig{Replays: "down"},
			attackRequest{},
			verifier.Event{Method: "POST", ClientID: "client-1", Thumbprint: jkt, Code: tenon.Unavailable, Reason: "unavailable", HasOffset: true},
			true,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, tt.config)
			_, err := s.verifiers[0].Verify(t.Context(), s.request(tt.request))
			got := s.lastEvent()
			if got.Duration <= 0 || (got.Replay > 0) != tt.replay || got.Err != err {
				t.Errorf("durations %s and %s, error %v; Verify gave %v", got.Duration, got.Replay, got.Err, err)
			}
			got.Duration, got.Replay, got.Err = 0, 0, nil
			if got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}

// countingKeys counts how often keys are looked at, and can withdraw them.
type countingKeys struct {
	verifier.KeySource
	withdrawn, down atomic.Bool
	lookups         atomic.Int64
}

func (k *countingKeys) Keys(ctx context.Context, id string) ([]*verifier.Key, error) {
	k.lookups.Add(1)
	switch {
	case k.down.Load():
		return nil, errors.New("no answer")
	case k.withdrawn.Load():
		return nil, nil
	}
	return k.KeySource.Keys(ctx, id)
}

// TestRememberedTokens: a token in the cache is good no longer than its key, and nothing when the keys cannot be known.
func TestRememberedTokens(t *testing.T) {
	s := newStage(t, attackConfig{})
	keys := &countingKeys{KeySource: s.keys()}
	c := s.verifierConfig()
	c.Keys = keys
	v := must(verifier.New(c))
	token := s.forger(presentation{}).token(nil)
	ask := func() string {
		f := s.forger(presentation{method: "POST", target: "/payments"})
		_, err := v.Verify(t.Context(), verifier.Request{Method: "POST", Target: "/payments", Authorization: []string{"DPoP " + token}, Proofs: []string{f.proof(nil, token)}})
		if err == nil {
			return "accepted"
		}
		return s.lastEvent().Reason
	}
	expect := func(when, want string) {
		t.Helper()
		if got := ask(); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	expect("first", "accepted")
	expect("remembered", "accepted")
	keys.down.Store(true)
	expect("keys unknown", "unavailable")
	keys.down.Store(false)
	keys.withdrawn.Store(true)
	before := keys.lookups.Load()
	expect("key withdrawn", "key")
	if n := keys.lookups.Load() - before; n != 2 { // for what was remembered, and then for verifying anew
		t.Errorf("%d lookups: the token was not remembered", n)
	}
	keys.withdrawn.Store(false)
	expect("key back", "accepted")
	s.setClock(base.Add(299 * time.Second))
	expect("last second", "accepted")
	s.setClock(base.Add(300 * time.Second))
	expect("expired", "expired")
}

// TestAKeyReplacedUnderItsID: a remembered token needs the very key that signed it, not one of the same id.
func TestAKeyReplacedUnderItsID(t *testing.T) {
	s := newStage(t, attackConfig{})
	other := must(verifier.NewKey("issuer", dpop.ES256, forgedKeys()["unpublished"].Public()))
	replaced := &swappingKeys{KeySource: s.keys(), other: other}
	c := s.verifierConfig()
	c.Keys = replaced
	v := must(verifier.New(c))
	first, second := s.request(attackRequest{}), s.request(attackRequest{})
	second.Authorization = first.Authorization
	if _, err := v.Verify(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	replaced.swapped.Store(true)
	if _, err := v.Verify(t.Context(), second); !errors.Is(err, tenon.InvalidToken) || s.lastEvent().Reason != "signature" {
		t.Errorf("a token of a replaced key: %v", err)
	}
}

type swappingKeys struct {
	verifier.KeySource
	other   *verifier.Key
	swapped atomic.Bool
}

func (k *swappingKeys) Keys(ctx context.Context, id string) ([]*verifier.Key, error) {
	if k.swapped.Load() {
		return []*verifier.Key{k.other}, nil
	}
	return k.KeySource.Keys(ctx, id)
}

// TestManyTokens fills the cache many times over, with and without one.
func TestManyTokens(t *testing.T) {
	for name, size := range map[string]int{"tiny": 1, "none": -1} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, attackConfig{})
			c := s.verifierConfig()
			c.CacheSize = size
			v := must(verifier.New(c))
			for range 2 {
				for i := range 40 {
					r := s.request(attackRequest{Token: &forgery{Claims: members(`{"jti": "` + strings.Repeat("x", i+1) + `"}`)}})
					if _, err := v.Verify(t.Context(), r); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}

// TestOneOfTenThousand sends one proof ten thousand times at once to two verifiers that share a memory. (R02, R03)
func TestOneOfTenThousand(t *testing.T) {
	s := newStage(t, attackConfig{})
	r := s.request(attackRequest{})
	var accepted, replayed atomic.Int64
	var all sync.WaitGroup
	start := make(chan struct{})
	for worker := range 100 {
		all.Go(func() {
			<-start
			for range 100 {
				_, err := s.verifiers[worker%2].Verify(t.Context(), r)
				refusal, _ := errors.AsType[*tenon.Error](err)
				switch {
				case err == nil:
					accepted.Add(1)
				case refusal != nil && refusal.Reason == "replay":
					replayed.Add(1)
				}
			}
		})
	}
	close(start)
	all.Wait()
	if accepted.Load() != 1 || replayed.Load() != 9999 {
		t.Errorf("%d accepted and %d refused as replays", accepted.Load(), replayed.Load())
	}
}

// usedReplays counts how often the memory is asked.
type usedReplays struct {
	dpop.Replays
	asked atomic.Int64
}

func (r *usedReplays) Use(ctx context.Context, key [32]byte, until time.Time) (bool, error) {
	r.asked.Add(1)
	return r.Replays.Use(ctx, key, until)
}

// TestRefusedRequestsLeaveNothingBehind is X01: whatever is wrong with a request, the memory is not asked, so nobody can fill it
// without a good token and a good proof.
func TestRefusedRequestsLeaveNothingBehind(t *testing.T) {
	s := newStage(t, attackConfig{})
	memory := &usedReplays{Replays: s.replays}
	c := s.verifierConfig()
	c.Replays = memory
	v := must(verifier.New(c))
	for i, r := range []attackRequest{
		{Token: &forgery{Signature: "flipped"}},
		{Token: &forgery{Claims: members(`{"exp": "{now}"}`)}},
		{Token: &forgery{Claims: members(`{"aud": "other"}`)}},
		{Scheme: "Bearer"},
		{Proof: &forgery{Key: "thief"}},
		{Proof: &forgery{Signature: "flipped"}},
		{Proof: &forgery{Claims: members(`{"htm": "GET"}`)}},
		{Proof: &forgery{Claims: members(`{"htu": "https://evil.example/"}`)}},
		{Proof: &forgery{Claims: members(`{"ath": "AAAA"}`)}},
		{Proof: &forgery{Claims: members(`{"iat": "{now-61}"}`)}},
		{Target: "/a/../b"},
	} {
		if _, err := v.Verify(t.Context(), s.request(r)); err == nil {
			t.Errorf("request %d was let through", i)
		}
	}
	if memory.asked.Load() != 0 {
		t.Errorf("the memory was asked %d times", memory.asked.Load())
	}
	if _, err := v.Verify(t.Context(), s.request(attackRequest{})); err != nil || memory.asked.Load() != 1 {
		t.Errorf("a good request: %v, and the memory was asked %d times", err, memory.asked.Load())
	}
}

// TestRevocationIsAskedAfterTheProof: a stranger with a stolen token does not make the verifier fetch status lists.
func TestRevocationIsAskedAfterTheProof(t *testing.T) {
	s := newStage(t, attackConfig{Revocation: "down"})
	if _, err := s.verifiers[0].Verify(t.Context(), s.request(attackRequest{Proof: &forgery{Key: "thief"}})); !errors.Is(err, tenon.InvalidToken) {
		t.Errorf("%v", err)
	}
}

// TestEveryBitOfATokenCounts is S14: each bit of a token flipped, one after the other.
func TestEveryBitOfATokenCounts(t *testing.T) {
	s := newStage(t, attackConfig{})
	token := s.forger(presentation{}).token(nil)
	for i := range len(token) * 6 {
		at := i / 6
		if token[at] == '.' {
			continue
		}
		spoilt := token[:at] + flipBit(token[at], i%6) + token[at+1:]
		r := verifier.Request{Method: "POST", Target: "/payments", Authorization: []string{"DPoP " + spoilt}}
		_, err := s.verifiers[0].Verify(t.Context(), r)
		refusal, ok := errors.AsType[*tenon.Error](err)
		if !ok || refusal.Code != tenon.InvalidToken {
			t.Fatalf("bit %d of character %d (%s): %v", i%6, at, spoilt, err)
		}
	}
}

// flipBit flips one of the six bits of a base64url character.
func flipBit(c byte, bit int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)^1<<bit])
}

// TestTheExampleOfRFC9449 parses the token of RFC 9449 §6.1. Its issuer's key is not published, and it is no JWT access token.
func TestTheExampleOfRFC9449(t *testing.T) {
	const token = "eyJhbGciOiJFUzI1NiIsImtpZCI6IkJlQUxrYiJ9.eyJzdWIiOiJzb21lb25lQGV4YW1wbGUuY29tIiwiaXNzIjoiaHR0cHM6Ly9zZXJ2ZXIuZXhhbXBsZS5jb20iLCJuYmYiOjE1NjIyNjI2MTEsImV4cCI6MTU2MjI2NjIxNiwiY25mIjp7ImprdCI6IjBaY09DT1JaTll5LURXcHFxMzBqWnlKR0hUTjBkMkhnbEJWM3VpZ3VBNEkifX0.3Tyo8VTcn6u_PboUmAOYUY1kfAavomW_YwYMkmRNizLJoQzWy2fCo79Zi5yObpIzjWb5xW4OGld7ESZrh0fsrA"
	s := newStage(t, attackConfig{})
	_, err := s.verifiers[0].Verify(t.Context(), verifier.Request{Method: "GET", Target: "/", Authorization: []string{"DPoP " + token}})
	if refusal, ok := errors.AsType[*tenon.Error](err); !ok || refusal.Reason != "typ" {
		t.Errorf("%v", err)
	}
}

// TestDefaults: the zero values of Config are the documented ones.
func TestDefaults(t *testing.T) {
	s := newStage(t, attackConfig{})
	c := s.verifierConfig()
	c.Now, c.Observe, c.DPoP, c.Replays = nil, nil, nil, nil
	c.Certificates = mtls.TLS{}
	v := must(verifier.New(c))
	token := encode(`{"typ":"at+jwt","alg":"ES256","kid":"issuer"}`) + ".e30." + base64.RawURLEncoding.EncodeToString(make([]byte, 64))
	if _, err := v.Verify(t.Context(), verifier.Request{Method: "GET", Target: "/", Authorization: []string{"Bearer " + token}}); !errors.Is(err, tenon.InvalidToken) {
		t.Errorf("%v", err)
	}
}
