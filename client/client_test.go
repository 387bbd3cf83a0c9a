package client_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/client"
)

func TestTokenRequestWithAssertionAndProof(t *testing.T) {
	issuer := newFakeIssuer(t)
	cfg := issuer.config(t)
	cfg.Scope = tenon.Scope{"accounts", "payments"}
	cfg.Resource = []string{"https://api.example.com", "https://pay.example.com"}
	token, err := newClient(t, cfg).Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if token.AccessToken != "token-1" || token.TokenType != "DPoP" || !token.Valid() {
		t.Errorf("token %q of type %q, valid %v", token.AccessToken, token.TokenType, token.Valid())
	}

	requests := issuer.requests()
	if len(requests) != 1 {
		t.Fatalf("%d token requests, want 1", len(requests))
	}
	r := requests[0]
	if want := issuer.front.URL + "/token"; r.url != want { // RFC 8705 §5: DPoP only uses the top-level URL
		t.Errorf("asked at %s, want %s", r.url, want)
	}
	assertion := r.form.Get("client_assertion")
	r.form.Del("client_assertion")
	want := map[string][]string{
		"grant_type":            {"client_credentials"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"scope":                 {"accounts payments"},
		"resource":              {"https://api.example.com", "https://pay.example.com"},
	}
	if diff := cmp.Diff(want, map[string][]string(r.form)); diff != "" {
		t.Errorf("form (-want +got):\n%s", diff)
	}

	header := jwtPart(t, assertion, 0)
	if diff := cmp.Diff(map[string]any{"typ": "client-authentication+jwt", "alg": "ES256", "kid": "k1"}, header); diff != "" {
		t.Errorf("assertion header (-want +got):\n%s", diff)
	}
	claims := jwtPart(t, assertion, 1)
	if claims["iss"] != "tpp-4711" || claims["sub"] != "tpp-4711" {
		t.Errorf("iss %v, sub %v", claims["iss"], claims["sub"])
	}
	if claims["aud"] != issuer.front.URL { // FAPI 2.0 §5.3.3.1 (5): the issuer as a string
		t.Errorf("aud is %v, want the issuer as a string", claims["aud"])
	}
	if lifetime := claims["exp"].(float64) - claims["iat"].(float64); lifetime <= 0 || lifetime > 300 {
		t.Errorf("assertion lives %v s", lifetime)
	}
	if id, _ := claims["jti"].(string); len(id) < 16 {
		t.Errorf("jti %q", id)
	}

	if len(r.proofs) != 1 {
		t.Fatalf("%d DPoP fields", len(r.proofs))
	}
	proof := jwtPart(t, r.proofs[0], 1)
	if proof["htm"] != "POST" || proof["htu"] != r.url || proof["ath"] != nil {
		t.Errorf("proof for htm %v htu %v with ath %v", proof["htm"], proof["htu"], proof["ath"])
	}
}

// RFC 9449 §8 and lessons of others: the retry carries the nonce, and an assertion and a proof of its own.
func TestNonceChallengeIsAnsweredOnceWithEverythingFresh(t *testing.T) {
	issuer := newFakeIssuer(t)
	issuer.answer = func(w http.ResponseWriter, n int, r *http.Request) {
		if n == 1 {
			w.Header().Set("DPoP-Nonce", "nonce-1")
			writeJSON(w, 400, `{"error":"use_dpop_nonce"}`)
			return
		}
		grantToken(w, n, r)
	}
	if _, err := newClient(t, issuer.config(t)).Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	requests := issuer.requests()
	if len(requests) != 2 {
		t.Fatalf("%d token requests, want 2", len(requests))
	}
	first, second := jwtPart(t, requests[0].proofs[0], 1), jwtPart(t, requests[1].proofs[0], 1)
	if first["nonce"] != nil || second["nonce"] != "nonce-1" {
		t.Errorf("nonces %v, %v", first["nonce"], second["nonce"])
	}
	if first["jti"] == second["jti"] {
		t.Error("the retry reuses the proof's jti")
	}
	one, two := jwtPart(t, requests[0].form.Get("client_assertion"), 1), jwtPart(t, requests[1].form.Get("client_assertion"), 1)
	if one["jti"] == two["jti"] {
		t.Error("the retry reuses the assertion's jti")
	}
}

func TestNonceChallengesWithoutEndAreNotFollowed(t *testing.T) {
	for name, nonce := range map[string]func(n int) string{
		"a new nonce each time": func(n int) string { return "nonce-" + string(rune('a'+n)) },
		"the same nonce":        func(int) string { return "nonce" },
	} {
		t.Run(name, func(t *testing.T) {
			issuer := newFakeIssuer(t)
			issuer.answer = func(w http.ResponseWriter, n int, r *http.Request) {
				w.Header().Set("DPoP-Nonce", nonce(n))
				writeJSON(w, 400, `{"error":"use_dpop_nonce"}`)
			}
			_, err := newClient(t, issuer.config(t)).Token(t.Context())
			if !errors.Is(err, tenon.UseDPoPNonce) {
				t.Errorf("error %v, want use_dpop_nonce", err)
			}
			if n := len(issuer.requests()); n != 2 {
				t.Errorf("%d token requests, want 2", n)
			}
		})
	}
	t.Run("no nonce at all", func(t *testing.T) {
		issuer := newFakeIssuer(t)
		issuer.answer = func(w http.ResponseWriter, n int, r *http.Request) {
			writeJSON(w, 400, `{"error":"use_dpop_nonce"}`)
		}
		newClient(t, issuer.config(t)).Token(t.Context())
		if n := len(issuer.requests()); n != 1 {
			t.Errorf("%d token requests, want 1: nothing was learnt", n)
		}
	})
}

// RFC 9449 §8.2: a nonce that comes with a token is used from the next request on.
func TestNonceOfASuccessIsUsedNext(t *testing.T) {
	issuer := newFakeIssuer(t)
	issuer.answer = func(w http.ResponseWriter, n int, r *http.Request) {
		w.Header().Set("DPoP-Nonce", "next")
		if n == 1 {
			writeJSON(w, 503, `{"error":"temporarily_unavailable"}`)
			return
		}
		grantToken(w, n, r)
	}
	c := newClient(t, issuer.config(t))
	if _, err := c.Token(t.Context()); !errors.Is(err, tenon.Unavailable) {
		t.Fatalf("error %v, want temporarily_unavailable", err)
	}
	if _, err := c.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	if proof := jwtPart(t, issuer.requests()[1].proofs[0], 1); proof["nonce"] != "next" {
		t.Errorf("nonce %v, want the one given before", proof["nonce"])
	}
}

func TestManyCallersShareOneRequest(t *testing.T) {
	issuer := newFakeIssuer(t)
	gate := make(chan struct{})
	issuer.answer = func(w http.ResponseWriter, n int, r *http.Request) {
		<-gate
		grantToken(w, n, r)
	}
	c := newClient(t, issuer.config(t))
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			token, err := c.Token(t.Context())
			if err != nil || token.AccessToken != "token-1" {
				t.Errorf("token %v, error %v", token, err)
			}
		})
	}
	close(gate)
	wg.Wait()
	if n := len(issuer.requests()); n != 1 {
		t.Errorf("%d token requests, want 1", n)
	}
}

func TestTokenBelongsToTheCaller(t *testing.T) {
	c := newClient(t, newFakeIssuer(t).config(t))
	token, err := c.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	token.AccessToken = "changed"
	again, err := c.TokenSource(t.Context()).Token()
	if err != nil || again.AccessToken != "token-1" {
		t.Errorf("token %q, error %v: a caller changed the shared token", again.AccessToken, err)
	}
}

// RFC 9449 §5 and FAPI 2.0 §5.3.3.1 (1): a token that is not bound as wanted is discarded.
func TestTokenOfTheWrongTypeIsDiscarded(t *testing.T) {
	certificate := newCertificate(t, "tpp")
	for _, c := range []struct {
		tokenType string
		key, want bool // with a DPoP key; accepted
	}{
		{"DPoP", true, true},
		{"dPoP", true, true}, // compared without regard to case
		{"Bearer", true, false},
		{"bearer", true, false},
		{"mac", true, false},
		{"Bearer", false, true},
		{"bearer", false, true},
		{"DPoP", false, false},
		{"N_A", false, false},
	} {
		t.Run(c.tokenType, func(t *testing.T) {
			issuer := newFakeIssuer(t)
			issuer.answer = func(w http.ResponseWriter, n int, r *http.Request) {
				writeJSON(w, 200, `{"access_token":"t","token_type":"`+c.tokenType+`","expires_in":60}`)
			}
			cfg := issuer.certificateConfig(certificate)
			if c.key {
				cfg = issuer.config(t)
			}
			token, err := newClient(t, cfg).Token(t.Context())
			if c.want && err != nil {
				t.Errorf("refused: %v", err)
			}
			if !c.want && (!errors.Is(err, client.ErrNotBound) || token != nil) {
				t.Errorf("token %v, error %v, want ErrNotBound", token, err)
			}
		})
	}
}

func TestMalformedTokenResponseIsRefused(t *testing.T) {
	for name, body := range map[string]string{
		"no access_token":           `{"token_type":"DPoP","expires_in":60}`,
		"line break in the token":   `{"access_token":"a\nb","token_type":"DPoP","expires_in":60}`,
		"space in the token":        `{"access_token":"a b","token_type":"DPoP","expires_in":60}`,
		"no token_type":             `{"access_token":"t","expires_in":60}`,
		"two access_tokens":         `{"access_token":"t","access_token":"u","token_type":"DPoP","expires_in":60}`,
		"expires_in of zero":        `{"access_token":"t","token_type":"DPoP","expires_in":0}`,
		"expires_in below zero":     `{"access_token":"t","token_type":"DPoP","expires_in":-5}`,
		"expires_in in quotes":      `{"access_token":"t","token_type":"DPoP","expires_in":"60"}`,
		"token that is no string":   `{"access_token":1,"token_type":"DPoP","expires_in":60}`,
		"another case of the names": `{"Access_Token":"t","token_type":"DPoP","expires_in":60}`,
		"not JSON":                  `access_token=t&token_type=DPoP`,
		"longer than the limit":     `{"access_token":"t","token_type":"DPoP"}` + strings.Repeat(" ", 200<<10),
	} {
		t.Run(name, func(t *testing.T) {
			issuer := newFakeIssuer(t)
			issuer.answer = func(w http.ResponseWriter, n int, r *http.Request) { writeJSON(w, 200, body) }
			if token, err := newClient(t, issuer.config(t)).Token(t.Context()); err == nil {
				t.Errorf("accepted: %v", token)
			}
		})
	}
}

func TestRefusalSaysWhatWasSentAndWhatToChange(t *testing.T) {
	issuer := newFakeIssuer(t)
	issuer.answer = func(w http.ResponseWriter, n int, r *http.Request) {
		w.Header().Set("Date", "Sun, 22 Nov 2026 10:00:00 GMT")
		writeJSON(w, 401, `{"error":"invalid_client","error_description":"unknown \u001b[31m client"}`)
	}
	cfg := issuer.config(t)
	now := time.Date(2026, 11, 22, 10, 0, 5, 0, time.UTC)
	cfg.Now = func() time.Time { return now }
	_, err := newClient(t, cfg).Token(t.Context())

	var refusal *client.Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("error %v, want a *Refusal", err)
	}
	if !errors.Is(err, tenon.InvalidClient) {
		t.Errorf("error %v, want invalid_client", err)
	}
	if refusal.Cause() != client.CauseClient || refusal.Advice() == "" {
		t.Errorf("cause %q, advice %q", refusal.Cause(), refusal.Advice())
	}
	want := &client.Refusal{
		Endpoint: true, Method: "POST", URL: issuer.front.URL + "/token", Status: 401,
		Code: tenon.InvalidClient, Description: "unknown ?[31m client",
		At: now, ServerTime: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
		Sent: client.SentProof{Method: "POST", URL: issuer.front.URL + "/token", IssuedAt: now, Thumbprint: cfg.Key.Thumbprint()},
	}
	if diff := cmp.Diff(want, refusal); diff != "" {
		t.Errorf("refusal (-want +got):\n%s", diff)
	}

	var retrieve *oauth2.RetrieveError // what programs written for x/oauth2 look for
	if !errors.As(err, &retrieve) || retrieve.ErrorCode != "invalid_client" || retrieve.Response.StatusCode != 401 {
		t.Errorf("as *oauth2.RetrieveError: %v", retrieve)
	}
}

func TestEventsTellOfEveryAttempt(t *testing.T) {
	issuer := newFakeIssuer(t)
	issuer.answer = func(w http.ResponseWriter, n int, r *http.Request) {
		switch n {
		case 1:
			writeJSON(w, 400, `{"error":"invalid_scope"}`)
		case 2:
			w.Header().Set("DPoP-Nonce", "x")
			writeJSON(w, 400, `{"error":"use_dpop_nonce"}`)
		default:
			grantToken(w, n, r)
		}
	}
	cfg := issuer.config(t)
	var events []client.Event
	cfg.Observe = func(_ context.Context, e client.Event) { events = append(events, e) }
	c := newClient(t, cfg)
	c.Token(t.Context())
	c.Token(t.Context())
	if len(events) != 2 {
		t.Fatalf("%d events, want 2", len(events))
	}
	if e := events[0]; e.Code != tenon.InvalidScope || e.Tries != 1 || e.Err == nil || e.Endpoint != issuer.front.URL+"/token" {
		t.Errorf("first event %+v", e)
	}
	if e := events[1]; e.Code != "" || e.Tries != 2 || e.Err != nil {
		t.Errorf("second event %+v", e)
	}
}

// FAPI 2.0 §5.3.2.1 (13) leaves a client whose clock is wrong outside; LearnClock brings it in, up to a cap.
func TestClockIsLearntUpToTheCap(t *testing.T) {
	for _, c := range []struct {
		name   string
		behind time.Duration
		learn  time.Duration
		want   bool
	}{
		{"not asked to learn", 90 * time.Second, 0, false},
		{"within the cap", 90 * time.Second, 5 * time.Minute, true},
		{"beyond the cap", 10 * time.Minute, 5 * time.Minute, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			issuer := newFakeIssuer(t)
			issuer.answer = func(w http.ResponseWriter, n int, r *http.Request) {
				for _, jwt := range []string{r.Header.Get("DPoP"), r.PostForm.Get("client_assertion")} {
					iat := time.Unix(int64(jwtPart(t, jwt, 1)["iat"].(float64)), 0)
					if time.Since(iat).Abs() > 60*time.Second {
						writeJSON(w, 400, `{"error":"invalid_dpop_proof","error_description":"proof iat is off"}`)
						return
					}
				}
				grantToken(w, n, r)
			}
			cfg := issuer.config(t)
			cfg.Now = func() time.Time { return time.Now().Add(-c.behind) }
			cfg.LearnClock = c.learn
			_, err := newClient(t, cfg).Token(t.Context())
			if c.want {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			var refusal *client.Refusal
			if !errors.As(err, &refusal) || refusal.Cause() != client.CauseClock {
				t.Fatalf("error %v, want a refusal for the clock", err)
			}
			if ahead, known := refusal.Skew(); !known || (ahead+c.behind).Abs() > 5*time.Second {
				t.Errorf("skew %v, want about %v", ahead, -c.behind)
			}
		})
	}
}

// A server on another host than the metadata's teaches its time by the refusal itself.
func TestClockIsLearntFromARefusal(t *testing.T) {
	issuer := newFakeIssuer(t)
	issuer.change = func(m map[string]any) { m["token_endpoint"] = issuer.alias.URL + "/token" }
	issuer.answer = func(w http.ResponseWriter, n int, r *http.Request) {
		iat := time.Unix(int64(jwtPart(t, r.Header.Get("DPoP"), 1)["iat"].(float64)), 0)
		if time.Since(iat).Abs() > 60*time.Second {
			writeJSON(w, 400, `{"error":"invalid_dpop_proof"}`)
			return
		}
		grantToken(w, n, r)
	}
	cfg := issuer.config(t)
	cfg.Now = func() time.Time { return time.Now().Add(-90 * time.Second) }
	cfg.LearnClock = 5 * time.Minute
	if _, err := newClient(t, cfg).Token(t.Context()); err != nil {
		t.Errorf("refused: %v", err)
	}
	if n := len(issuer.requests()); n != 2 {
		t.Errorf("%d token requests, want 2", n)
	}
}
