package verifier_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon/verifier"
)

const (
	issuerMetadata = testIssuer + "/.well-known/oauth-authorization-server"
	issuerKeys     = testIssuer + "/jwks"
)

// issuerWeb is the web of an issuer that publishes the keys of these names.
func issuerWeb(names ...string) *fakeWeb {
	w := &fakeWeb{}
	w.set(issuerMetadata, page{body: `{"issuer": "` + testIssuer + `", "jwks_uri": "` + issuerKeys + `"}`})
	w.set(issuerKeys, page{body: keySetJSON(names...)})
	return w
}

func keySetJSON(names ...string) string {
	var set jose.JSONWebKeySet
	for _, name := range names {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: forgedKeys()[name].Public(), KeyID: name})
	}
	return string(must(json.Marshal(set)))
}

func newRemoteKeys(t *testing.T, w *fakeWeb, clock *tellingClock) *verifier.RemoteKeys {
	t.Helper()
	keys, err := verifier.NewRemoteKeys(verifier.RemoteKeysConfig{Issuer: testIssuer, HTTP: w.client(), Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// hasKey asks for a key id.
func hasKey(t *testing.T, source verifier.KeySource, id string) bool {
	t.Helper()
	keys, err := source.Keys(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return len(keys) > 0
}

func TestRemoteKeysAreFetchedOnce(t *testing.T) {
	w, clock := issuerWeb("issuer", "issuer-rsa", "issuer-ed25519"), newClock()
	keys := newRemoteKeys(t, w, clock)
	for _, id := range []string{"issuer", "issuer-rsa", "issuer-ed25519", "issuer"} {
		if !hasKey(t, keys, id) {
			t.Errorf("no key %s", id)
		}
	}
	if n := w.count(issuerKeys); n != 1 {
		t.Errorf("fetched %d times", n)
	}
}

// TestRandomKeyIDs is A08: whoever invents key ids cannot make the verifier ask the issuer for each.
func TestRandomKeyIDs(t *testing.T) {
	w, clock := issuerWeb("issuer"), newClock()
	keys := newRemoteKeys(t, w, clock)
	for i := range 1000 {
		if hasKey(t, keys, fmt.Sprint("invented ", i)) {
			t.Fatal("a key that nobody published")
		}
	}
	if n := w.count(issuerKeys); n != 1 {
		t.Errorf("1000 unknown key ids cost %d fetches, want 1", n)
	}
	clock.advance(10 * time.Second)
	w.set(issuerKeys, page{body: keySetJSON("issuer", "issuer-rsa")})
	if !hasKey(t, keys, "issuer-rsa") || w.count(issuerKeys) != 2 {
		t.Errorf("a new key was not found after the interval: %d fetches", w.count(issuerKeys))
	}
}

func TestManyWaitForOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := issuerWeb("issuer")
		w.hold = make(chan struct{})
		keys := must(verifier.NewRemoteKeys(verifier.RemoteKeysConfig{Issuer: testIssuer, HTTP: w.client()}))
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if found, err := keys.Keys(t.Context(), "issuer"); err != nil || len(found) != 1 {
					t.Errorf("%v, %v", found, err)
				}
			})
		}
		synctest.Wait()
		impatient, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := keys.Keys(impatient, "issuer"); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller that is gone still waits: %v", err)
		}
		close(w.hold)
		all.Wait()
		if n := w.count(issuerKeys); n != 1 {
			t.Errorf("fetched %d times", n)
		}
	})
}

// TestTheFirstCallerMayLeave: the fetch that others wait for does not end with the request that started it.
func TestTheFirstCallerMayLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := issuerWeb("issuer")
		w.hold = make(chan struct{})
		keys := must(verifier.NewRemoteKeys(verifier.RemoteKeysConfig{Issuer: testIssuer, HTTP: w.client()}))
		first, leave := context.WithCancel(t.Context())
		go func() { _, _ = keys.Keys(first, "issuer") }()
		synctest.Wait()
		leave()
		synctest.Wait()
		close(w.hold)
		synctest.Wait()
		if !hasKey(t, keys, "issuer") || w.count(issuerKeys) != 1 {
			t.Errorf("the fetch was given up: %d fetches", w.count(issuerKeys))
		}
	})
}

// TestStaleWhileError is A10 and A11: a withdrawn key is trusted no longer than MaxAge, and while the issuer cannot be reached the
// keys known are good until MaxStale, and then nothing is.
func TestStaleWhileError(t *testing.T) {
	w, clock := issuerWeb("issuer", "withdrawn"), newClock()
	keys := newRemoteKeys(t, w, clock)
	if !hasKey(t, keys, "withdrawn") {
		t.Fatal("no key")
	}
	w.set(issuerKeys, page{body: keySetJSON("issuer")})
	clock.advance(5 * time.Minute)
	if !hasKey(t, keys, "withdrawn") {
		t.Error("asked again before MaxAge")
	}
	clock.advance(time.Second)
	if hasKey(t, keys, "withdrawn") {
		t.Error("a withdrawn key is trusted after MaxAge")
	}
	w.set(issuerKeys, page{err: errors.New("no route")})
	clock.advance(time.Hour)
	if !hasKey(t, keys, "issuer") {
		t.Error("no key before MaxStale")
	}
	clock.advance(time.Second)
	if found, err := keys.Keys(t.Context(), "issuer"); err == nil {
		t.Errorf("after MaxStale: %v", found)
	}
	clock.advance(time.Minute)
	w.set(issuerKeys, page{body: keySetJSON("issuer")})
	if !hasKey(t, keys, "issuer") {
		t.Error("does not recover")
	}
}

func TestAClockThatStepsBackDoesNotKeepKeysForEver(t *testing.T) {
	w, clock := issuerWeb("issuer", "withdrawn"), newClock()
	keys := newRemoteKeys(t, w, clock)
	hasKey(t, keys, "withdrawn")
	w.set(issuerKeys, page{body: keySetJSON("issuer")})
	clock.advance(-24 * time.Hour)
	if hasKey(t, keys, "withdrawn") {
		t.Error("a withdrawn key is trusted for a day")
	}
}

func TestRunFetchesAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := issuerWeb("issuer")
		var failures atomic.Int64
		keys := must(verifier.NewRemoteKeys(verifier.RemoteKeysConfig{Issuer: testIssuer, HTTP: w.client(), Observe: func(err error) {
			if err != nil {
				failures.Add(1)
			}
		}}))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- keys.Run(ctx) }()
		synctest.Wait()
		for range 10 {
			time.Sleep(time.Minute) // of the bubble
		}
		synctest.Wait() // for a fetch that starts just now
		fetched := w.count(issuerKeys)
		if !hasKey(t, keys, "issuer") || w.count(issuerKeys) != fetched || fetched < 4 {
			t.Errorf("%d fetches ahead, and %d after a request", fetched, w.count(issuerKeys))
		}
		w.set(issuerKeys, page{err: errors.New("no route")})
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if failures.Load() == 0 {
			t.Error("Observe was not told that the issuer cannot be reached")
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestHostileKeySets is A09.
func TestHostileKeySets(t *testing.T) {
	redirect := func(to string) page {
		return page{status: http.StatusFound, header: http.Header{"Location": {to}}}
	}
	many := make([]string, 101)
	for i := range many {
		many[i] = "issuer"
	}
	good := keySetJSON("issuer")
	for _, tt := range []struct {
		name string
		page page
		also map[string]page
	}{
		{"not JSON", page{body: "<html>"}, nil},
		{"no keys", page{body: `{"keys": []}`}, nil},
		{"keys twice", page{body: `{"keys": [], ` + good[1:]}, nil},
		{"too many keys", page{body: keySetJSON(many...)}, nil},
		{"too large", page{body: strings.Repeat(" ", 1<<20) + good}, nil},
		{"an error page", page{status: http.StatusInternalServerError, body: good}, nil},
		{"a redirect to http", redirect("http://as.example.com/jwks2"), map[string]page{"http://as.example.com/jwks2": {body: good}}},
		{"a redirect to another host", redirect("https://evil.example/jwks"), map[string]page{"https://evil.example/jwks": {body: good}}},
		{"a redirect to another port", redirect("https://as.example.com:8443/jwks"), map[string]page{"https://as.example.com:8443/jwks": {body: good}}},
		{"a redirect to a metadata service", redirect("https://169.254.169.254/"), map[string]page{"https://169.254.169.254/": {body: good}}},
		{"a circle of redirects", redirect(issuerKeys), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := issuerWeb("issuer")
			w.set(issuerKeys, tt.page)
			for address, p := range tt.also {
				w.set(address, p)
			}
			keys := newRemoteKeys(t, w, newClock())
			if found, err := keys.Keys(t.Context(), "issuer"); err == nil {
				t.Errorf("%v from a hostile key set", found)
			}
			for address := range tt.also {
				if w.count(address) != 0 {
					t.Errorf("%s was asked", address)
				}
			}
		})
	}
	t.Run("a redirect within the origin", func(t *testing.T) {
		w := issuerWeb("issuer")
		w.set(issuerKeys, redirect("/keys"))
		w.set(testIssuer+"/keys", page{body: good})
		if !hasKey(t, newRemoteKeys(t, w, newClock()), "issuer") {
			t.Error("not followed")
		}
	})
}

// TestACompressedKeySetIsBounded sends 20 MiB in 20 KB (A09).
func TestACompressedKeySetIsBounded(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write([]byte(keySetJSON("issuer")))
	_, _ = z.Write(bytes.Repeat([]byte(" "), 20<<20))
	_ = z.Close()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	}))
	t.Cleanup(server.Close)
	keys := must(verifier.NewRemoteKeys(verifier.RemoteKeysConfig{URL: server.URL + "/jwks", HTTP: server.Client()}))
	if found, err := keys.Keys(t.Context(), "issuer"); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("%v, %v", found, err)
	}
}

// TestUnusableKeysAreLeftOut is the rest of A09: one bad key does not take the others with it.
func TestUnusableKeysAreLeftOut(t *testing.T) {
	private := string(must(json.Marshal(jose.JSONWebKey{Key: forgedKeys()["thief"], KeyID: "bad"})))
	weak := string(must(json.Marshal(jose.JSONWebKey{Key: forgedKeys()["weak-rsa"].Public(), KeyID: "bad"})))
	with := func(extra string) string {
		jwk := string(must(json.Marshal(jose.JSONWebKey{Key: forgedKeys()["thief"].Public(), KeyID: "bad"})))
		return strings.TrimSuffix(jwk, "}") + "," + extra + "}"
	}
	for _, tt := range []struct{ name, jwk string }{
		{"symmetric", `{"kty": "oct", "kid": "bad", "k": "AAAA", "alg": "HS256"}`},
		{"private", private},
		{"weak", weak},
		{"small exponent", `{"kty": "RSA", "kid": "bad", "n": "` + must2(keyMember(forgedKeys()["rsa"], "n")) + `", "e": "Aw"}`},
		{"for encryption", with(`"use": "enc"`)},
		{"of another algorithm", with(`"alg": "ES384"`)},
		{"of an unknown algorithm", with(`"alg": "RS256"`)},
		{"an RSA key for RS256", string(must(json.Marshal(jose.JSONWebKey{Key: forgedKeys()["rsa"].Public(), KeyID: "bad", Algorithm: "RS256"})))},
		{"an Ed25519 key for ES256", string(must(json.Marshal(jose.JSONWebKey{Key: forgedKeys()["ed25519"].Public(), KeyID: "bad", Algorithm: "ES256"})))},
		{"on another curve", string(must(json.Marshal(jose.JSONWebKey{Key: forgedKeys()["p384"].Public(), KeyID: "bad"})))},
		{"of an unknown type", `{"kty": "AKP", "kid": "bad", "alg": "ML-DSA-44", "pub": "AAAA"}`},
		{"no object", `"bad"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := issuerWeb("issuer")
			w.set(issuerKeys, page{body: `{"keys": [` + tt.jwk + `, ` + strings.TrimPrefix(keySetJSON("issuer"), `{"keys":[`)})
			keys := newRemoteKeys(t, w, newClock())
			if hasKey(t, keys, "bad") {
				t.Error("the bad key is there")
			}
			if !hasKey(t, keys, "issuer") {
				t.Error("the good key is not there")
			}
		})
	}
}

func must2[T any](v T, ok bool) T {
	if !ok {
		panic("absent")
	}
	return v
}

func TestKeysByURL(t *testing.T) {
	w := &fakeWeb{}
	w.set("https://keys.example.net/set", page{body: keySetJSON("issuer")})
	keys := must(verifier.NewRemoteKeys(verifier.RemoteKeysConfig{URL: "https://keys.example.net/set", HTTP: w.client()}))
	if !hasKey(t, keys, "issuer") {
		t.Error("no key")
	}
}

func TestNewRemoteKeysRefuses(t *testing.T) {
	for name, c := range map[string]verifier.RemoteKeysConfig{
		"nothing":              {},
		"both":                 {Issuer: testIssuer, URL: issuerKeys},
		"no TLS":               {Issuer: "http://as.example.com"},
		"no TLS for the keys":  {URL: "http://as.example.com/jwks"},
		"a query":              {Issuer: testIssuer + "?a"},
		"user information":     {Issuer: "https://user@as.example.com"},
		"negative":             {Issuer: testIssuer, MaxAge: -1},
		"stale less than aged": {Issuer: testIssuer, MaxAge: 2 * time.Hour},
	} {
		if keys, err := verifier.NewRemoteKeys(c); err == nil || keys != nil {
			t.Errorf("%s: %v, %v", name, keys, err)
		}
	}
}

func TestStaticKeysRefuses(t *testing.T) {
	for name, set := range map[string]jose.JSONWebKeySet{
		"nothing":   {},
		"a private": {Keys: []jose.JSONWebKey{{Key: forgedKeys()["issuer"]}}},
		"a weak":    {Keys: []jose.JSONWebKey{{Key: forgedKeys()["issuer"].Public()}, {Key: forgedKeys()["weak-rsa"].Public()}}},
		"a P-384":   {Keys: []jose.JSONWebKey{{Key: forgedKeys()["p384"].Public()}}},
		"a short":   {Keys: []jose.JSONWebKey{{Key: ed25519.PublicKey(make([]byte, 31))}}},
		"a secret":  {Keys: []jose.JSONWebKey{{Key: []byte("secret")}}},
	} {
		if keys, err := verifier.StaticKeys(set); err == nil || keys != nil {
			t.Errorf("%s key: %v, %v", name, keys, err)
		}
	}
}
