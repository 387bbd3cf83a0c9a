package verifier_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/verifier"
)

const listURI = testIssuer + "/status/0"

// deflate compresses a list as the specification has it.
func deflate(list []byte) string {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	_, _ = z.Write(list)
	_ = z.Close()
	return base64.RawURLEncoding.EncodeToString(out.Bytes())
}

// goodList is the forgery that is a good status list token: 16 statuses of one bit, of which 0, 3, 4, 5, 7, 8, 9, 13 and 15 are set.
func goodList() *forgery {
	return &forgery{
		Key:    "issuer",
		Header: members(`{"typ": "statuslist+jwt", "alg": "ES256", "kid": "issuer"}`),
		Claims: members(`{"sub": "` + listURI + `", "iat": "{now}", "exp": "{now+3600}", "status_list": {"bits": 1, "lst": "eNrbuRgAAhcBXQ"}}`),
	}
}

// listPage makes the page of a status list that differs from the good one as changed says.
func listPage(now time.Time, changed *forgery) page {
	f := &forger{now: now, vars: map[string]string{}}
	return page{body: f.make(goodList(), changed)}
}

func newStatusLists(t *testing.T, w *fakeWeb, clock *tellingClock) *verifier.StatusLists {
	t.Helper()
	stage := &stage{t: t}
	lists, err := verifier.NewStatusLists(verifier.StatusListsConfig{Issuer: testIssuer, Keys: stage.keys(), HTTP: w.client(), Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	return lists
}

func statusClaims(index uint64) *tenon.Claims {
	return &tenon.Claims{Status: &tenon.StatusReference{Index: index, URI: listURI}}
}

// TestStatuses reads the two lists of the examples in Token Status List §4.
func TestStatuses(t *testing.T) {
	for _, tt := range []struct {
		bits     int
		lst      string
		statuses []int
	}{
		{1, "eNrbuRgAAhcBXQ", []int{1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1}},
		{2, "eNo76fITAAPfAgc", []int{1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3}},
		{4, deflate([]byte{0x10, 0x0c}), []int{0, 1, 12, 0}},
		{8, deflate([]byte{0, 255, 1}), []int{0, 255, 1}},
	} {
		t.Run(fmt.Sprint(tt.bits, " bits"), func(t *testing.T) {
			w, clock := &fakeWeb{}, newClock()
			w.set(listURI, listPage(base, &forgery{Claims: members(fmt.Sprintf(`{"status_list": {"bits": %d, "lst": %q}}`, tt.bits, tt.lst))}))
			lists := newStatusLists(t, w, clock)
			for index, status := range tt.statuses {
				revoked, err := lists.Revoked(t.Context(), "", statusClaims(uint64(index)))
				if err != nil || revoked != (status != 0) {
					t.Errorf("index %d: %v, %v; its status is %d", index, revoked, err, status)
				}
			}
			for _, index := range []uint64{uint64(len(tt.statuses)), 1 << 20, 1<<64 - 1} {
				if _, err := lists.Revoked(t.Context(), "", statusClaims(index)); !errors.Is(err, tenon.InvalidToken) {
					t.Errorf("index %d, which is out of range: %v", index, err) // Token Status List §8.3
				}
			}
		})
	}
}

// TestStatusReferencesThatAreRefused: what is wrong with the token is told as such, and nothing is fetched for it.
func TestStatusReferencesThatAreRefused(t *testing.T) {
	w := &fakeWeb{}
	lists := newStatusLists(t, w, newClock())
	for name, ref := range map[string]*tenon.StatusReference{
		"none":              nil,
		"another host":      {URI: "https://evil.example/status/0"},
		"another port":      {URI: "https://as.example.com:8443/status/0"},
		"no TLS":            {URI: "http://as.example.com/status/0"},
		"a similar host":    {URI: "https://as.example.com.evil.example/status/0"},
		"user information":  {URI: "https://as.example.com@evil.example/status/0"},
		"a relative URI":    {URI: "/status/0"},
		"no URI":            {URI: "::"},
		"an inside address": {URI: "https://169.254.169.254/"},
	} {
		revoked, err := lists.Revoked(t.Context(), "", &tenon.Claims{Status: ref})
		refusal, ok := errors.AsType[*tenon.Error](err)
		if !ok || revoked || refusal.Code != tenon.InvalidToken || refusal.Reason != "revoked" {
			t.Errorf("%s: %v, %v", name, revoked, err)
		}
	}
	if len(w.asked) != 0 {
		t.Errorf("asked for %v", w.asked)
	}
}

// TestListsThatAreNotBelieved: what is wrong with a list is no fault of the token, so it is no refusal, and the request gets 503.
func TestListsThatAreNotBelieved(t *testing.T) {
	change := func(text string) *forgery { return &forgery{Claims: members(text)} }
	list := func(text string) *forgery { return change(`{"status_list": ` + text + `}`) }
	bomb := deflate(make([]byte, 4<<20+1))
	for _, tt := range []struct {
		name    string
		changed *forgery
	}{
		{"typ JWT", &forgery{Header: members(`{"typ": "JWT"}`)}},
		{"an access token", &forgery{Header: members(`{"typ": "at+jwt"}`)}},
		{"alg none", &forgery{Header: members(`{"alg": "none"}`)}},
		{"alg HS256", &forgery{Header: members(`{"alg": "HS256"}`), Signature: "hmac of jwk"}},
		{"signed by a thief", &forgery{SignedBy: "thief"}},
		{"an unknown key", &forgery{Header: members(`{"kid": "nobody"}`)}},
		{"a jwk of its own", &forgery{Key: "thief", Header: members(`{"jwk": "{jwk thief}"}`)}},
		{"a spoilt signature", &forgery{Signature: "flipped"}},
		{"of another address", change(`{"sub": "` + testIssuer + `/status/1"}`)},
		{"of another issuer", change(`{"iss": "https://evil.example"}`)},
		{"without sub", change(`{"sub": null}`)},
		{"without iat", change(`{"iat": null}`)},
		{"from the future", change(`{"iat": "{now+11}"}`)},
		{"expired", change(`{"exp": "{now}"}`)},
		{"exp is a string", change(`{"exp": "soon"}`)},
		{"without a list", change(`{"status_list": null}`)},
		{"bits 3", list(`{"bits": 3, "lst": "eNrbuRgAAhcBXQ"}`)},
		{"bits 0", list(`{"bits": 0, "lst": "eNrbuRgAAhcBXQ"}`)},
		{"bits missing", list(`{"lst": "eNrbuRgAAhcBXQ"}`)},
		{"lst missing", list(`{"bits": 1}`)},
		{"lst empty", list(`{"bits": 1, "lst": ""}`)},
		{"lst with padding", list(`{"bits": 1, "lst": "eNrbuRgAAhcBXQ=="}`)},
		{"lst cut off", list(`{"bits": 1, "lst": "eNrbuRg"}`)},
		{"lst not compressed", list(`{"bits": 1, "lst": "uaM"}`)},
		{"lst with a wrong checksum", list(`{"bits": 1, "lst": "eNrbuRgAAhcBXA"}`)},
		{"a bomb", list(`{"bits": 1, "lst": "` + bomb + `"}`)},
		{"bits twice", &forgery{ClaimsRaw: `{"sub": "` + listURI + `", "iat": {now}, "status_list": {"bits": 1, "bits": 8, "lst": "eNrbuRgAAhcBXQ"}}`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &fakeWeb{}
			w.set(listURI, listPage(base, tt.changed))
			lists := newStatusLists(t, w, newClock())
			revoked, err := lists.Revoked(t.Context(), "", statusClaims(1))
			if _, refused := errors.AsType[*tenon.Error](err); err == nil || revoked || refused {
				t.Errorf("%v, %v", revoked, err)
			}
		})
	}
	t.Run("the good one", func(t *testing.T) {
		w := &fakeWeb{}
		w.set(listURI, listPage(base, &forgery{Header: members(`{"typ": "application/statuslist+jwt"}`), Claims: members(`{"iss": "` + testIssuer + `", "iat": "{now+10}", "ttl": 5}`)}))
		lists := newStatusLists(t, w, newClock())
		if revoked, err := lists.Revoked(t.Context(), "", statusClaims(1)); revoked || err != nil {
			t.Errorf("%v, %v", revoked, err)
		}
	})
}

// TestTheStatedDelay: a revoked token is refused after MaxAge at the latest, a shorter ttl is obeyed, and when the list cannot be
// fetched nothing is let through.
func TestTheStatedDelay(t *testing.T) {
	w, clock := &fakeWeb{}, newClock()
	w.set(listURI, listPage(base, nil))
	lists := newStatusLists(t, w, clock)
	expect := func(when string, revoked, known bool) {
		t.Helper()
		if got, err := lists.Revoked(t.Context(), "", statusClaims(1)); got != revoked || (err == nil) != known {
			t.Errorf("%s: %v, %v", when, got, err)
		}
	}
	expect("at first", false, true)
	w.set(listURI, listPage(base, &forgery{Claims: members(`{"ttl": 3, "status_list": {"bits": 1, "lst": "` + deflate([]byte{2}) + `"}}`)}))
	clock.advance(10 * time.Second)
	expect("at MaxAge", false, true)
	clock.advance(time.Nanosecond)
	expect("after MaxAge", true, true)
	w.set(listURI, listPage(clock.Now(), nil))
	clock.advance(3 * time.Second)
	expect("at the ttl", true, true)
	clock.advance(time.Nanosecond)
	expect("after the ttl", false, true)
	w.set(listURI, page{err: errors.New("no route")})
	clock.advance(10 * time.Second)
	expect("unreachable at MaxAge", false, true)
	clock.advance(time.Nanosecond)
	expect("unreachable after MaxAge", false, false)
	asked := w.count(listURI)
	expect("and again", false, false)
	if w.count(listURI) != asked {
		t.Error("every request asks an issuer that cannot be reached")
	}
	w.set(listURI, listPage(clock.Now(), nil))
	clock.advance(time.Second)
	expect("reachable again", false, true)
}

func TestListsAreFetchedAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeWeb{}
		w.set(listURI, listPage(time.Now(), &forgery{Claims: members(`{"exp": null}`)}))
		stage := &stage{t: t}
		lists := must(verifier.NewStatusLists(verifier.StatusListsConfig{Issuer: testIssuer, Keys: stage.keys(), HTTP: w.client()}))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- lists.Run(ctx) }()
		if _, err := lists.Revoked(t.Context(), "", statusClaims(1)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // of the bubble
		synctest.Wait()         // for a fetch that starts just now
		ahead := w.count(listURI)
		if _, err := lists.Revoked(t.Context(), "", statusClaims(1)); err != nil || w.count(listURI) != ahead || ahead < 6 {
			t.Errorf("%d fetches ahead, %d after a request: %v", ahead, w.count(listURI), err)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		unused := w.count(listURI)
		time.Sleep(time.Hour)
		synctest.Wait()
		if w.count(listURI) != unused {
			t.Error("a list that nobody asks for is fetched for ever")
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestListsAreBounded: an issuer that names a new list in every token does not fill the memory.
func TestListsAreBounded(t *testing.T) {
	w, clock := &fakeWeb{}, newClock()
	lists := newStatusLists(t, w, clock)
	ask := func(n int) {
		t.Helper()
		uri := fmt.Sprint(testIssuer, "/status/", n)
		if w.count(uri) == 0 {
			w.set(uri, listPage(base, &forgery{Claims: members(`{"sub": "` + uri + `"}`)}))
		}
		if _, err := lists.Revoked(t.Context(), "", &tenon.Claims{Status: &tenon.StatusReference{URI: uri}}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 257 {
		ask(n)
		clock.advance(time.Millisecond)
	}
	ask(256)
	ask(0)
	if first, last := w.count(testIssuer+"/status/0"), w.count(testIssuer+"/status/256"); first != 2 || last != 1 {
		t.Errorf("the first list was fetched %d times and the last %d times, want 2 and 1", first, last)
	}
}

func TestHugeListsAreNotRead(t *testing.T) {
	w := &fakeWeb{}
	w.set(listURI, page{body: strings.Repeat("a", 1<<20+1)})
	if _, err := newStatusLists(t, w, newClock()).Revoked(t.Context(), "", statusClaims(1)); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Error(err)
	}
}

func TestTheListIsAskedForAsItShouldBe(t *testing.T) {
	var header http.Header
	client := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		header = r.Header
		return nil, errors.New("enough")
	})}
	lists := must(verifier.NewStatusLists(verifier.StatusListsConfig{Issuer: testIssuer, Keys: brokenKeys{}, HTTP: client}))
	_, _ = lists.Revoked(t.Context(), "", statusClaims(0))
	if header.Get("Accept") != "application/statuslist+jwt" || header.Get("Cache-Control") != "no-cache" {
		t.Errorf("%v", header) // Token Status List §8.1
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestNewStatusListsRefuses(t *testing.T) {
	for name, c := range map[string]verifier.StatusListsConfig{
		"nothing":  {},
		"no keys":  {Issuer: testIssuer},
		"no TLS":   {Issuer: "http://as.example.com", Keys: brokenKeys{}},
		"negative": {Issuer: testIssuer, Keys: brokenKeys{}, MaxAge: -1},
	} {
		if lists, err := verifier.NewStatusLists(c); err == nil || lists != nil {
			t.Errorf("%s: %v, %v", name, lists, err)
		}
	}
}

// FuzzStatusList holds that no list makes the verifier panic, and that no index beyond a list is answered.
func FuzzStatusList(f *testing.F) {
	f.Add([]byte(`{"bits": 1, "lst": "eNrbuRgAAhcBXQ"}`), uint64(3))
	f.Add([]byte(`{"bits": 2, "lst": "eNo76fITAAPfAgc"}`), uint64(11))
	f.Add([]byte(`{"bits": 8, "lst": "`+deflate([]byte{0})+`"}`), uint64(1<<63))
	f.Add([]byte(`{"bits": 1, "lst": "eNrb"}`), uint64(0))
	f.Fuzz(func(t *testing.T, list []byte, index uint64) {
		if !json.Valid(list) {
			return
		}
		w := &fakeWeb{}
		w.set(listURI, listPage(base, &forgery{Claims: map[string]json.RawMessage{"status_list": list}}))
		revoked, err := newStatusLists(t, w, newClock()).Revoked(t.Context(), "", statusClaims(index))
		if revoked && err != nil {
			t.Errorf("%v, %v", revoked, err)
		}
		if err == nil && index >= 8*4<<20 {
			t.Errorf("index %d was found", index)
		}
	})
}
