package verifier_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/verifier"
)

const (
	introspectURL = testIssuer + "/introspect"
	opaqueToken   = "tno_1z.q7Hx2mJtY0cVbN4kLw9RzA3eUfGsPdQoI8yXhTn5vB6"
)

// A registrar is an issuer that answers questions about tokens.
type registrar struct {
	answer func(form url.Values) (*http.Response, error)
	hasty  bool // gives up with who asks

	mu    sync.Mutex // owns what is below
	forms []url.Values
	asked []*http.Request
}

// RoundTrip implements [http.RoundTripper].
func (r *registrar) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.forms, r.asked = append(r.forms, form), append(r.asked, request)
	r.mu.Unlock()
	answer, err := r.answer(form)
	if gone := request.Context().Err(); r.hasty && gone != nil {
		return nil, gone
	}
	return answer, err
}

func (r *registrar) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.asked)
}

// saying makes a registrar that answers everything with text.
func saying(text string) *registrar {
	return &registrar{answer: func(url.Values) (*http.Response, error) { return jsonAnswer(text), nil }}
}

func jsonAnswer(text string) *http.Response {
	return &http.Response{
		StatusCode: 200, Status: "200 OK", Header: http.Header{"Content-Type": {"application/json;charset=UTF-8"}}, Body: io.NopCloser(strings.NewReader(text)),
	}
}

// activeToken is the answer about a good token that lives for so long.
func activeToken(lives time.Duration) string {
	return fmt.Sprintf(`{"active": true, "token_type": "DPoP", "iss": %q, "sub": "person:1", "client_id": "client-1", "jti": "token-1", "aud": [%q],
		"iat": %d, "exp": %d, "cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}, "username": "alice"}`,
		testIssuer, testOrigin, base.Unix(), base.Add(lives).Unix())
}

func newIntrospection(t testing.TB, r *registrar, edit func(*verifier.IntrospectionConfig)) *verifier.Introspection {
	t.Helper()
	c := verifier.IntrospectionConfig{
		Endpoint: introspectURL, Credential: verifier.ClientID("api"), HTTP: &http.Client{Transport: r}, Now: func() time.Time { return base },
	}
	if edit != nil {
		edit(&c)
	}
	return must(verifier.NewIntrospection(c))
}

func TestNewIntrospectionReportsEveryFault(t *testing.T) {
	_, err := verifier.NewIntrospection(verifier.IntrospectionConfig{Endpoint: "http://as.example.com/introspect", MaxAge: time.Hour, Calls: -1})
	for _, fault := range []string{"https", "Credential", "MaxAge", "Calls"} {
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%q is not among the faults: %v", fault, err)
		}
	}
}

// TestIntrospectionAsks looks at the question (RFC 7662 §2.1).
func TestIntrospectionAsks(t *testing.T) {
	r := saying(activeToken(time.Minute))
	claims, err := newIntrospection(t, r, nil).Claims(t.Context(), opaqueToken)
	if err != nil || claims.Subject != "person:1" || claims.ID != "token-1" || !claims.Confirmation.Bound() {
		t.Fatalf("%+v, %v", claims, err)
	}
	asked, form := r.asked[0], r.forms[0]
	if asked.Method != "POST" || asked.URL.String() != introspectURL || asked.Header.Get("Content-Type") != "application/x-www-form-urlencoded" ||
		asked.Header.Get("Accept") != "application/json" {
		t.Errorf("%s %s %v", asked.Method, asked.URL, asked.Header)
	}
	if form.Get("token") != opaqueToken || form.Get("token_type_hint") != "access_token" || form.Get("client_id") != "api" || len(form) != 3 {
		t.Errorf("%v", form)
	}
}

// TestIntrospectionKeepsAnswers holds the delay that is stated: an answer is believed for MaxAge and never beyond exp.
func TestIntrospectionKeepsAnswers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer string
		kept   time.Duration
	}{
		{"active", activeToken(time.Hour), 10 * time.Second},
		{"active, and expires before the answer would", activeToken(4 * time.Second), 4 * time.Second}, // RFC 7662 §4
		{"not active", `{"active": false}`, 10 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, clock := saying(tt.answer), newClock()
			i := newIntrospection(t, r, func(c *verifier.IntrospectionConfig) { c.Now = clock.Now })
			ask := func(want int) {
				t.Helper()
				_, _ = i.Claims(t.Context(), opaqueToken)
				if n := r.count(); n != want {
					t.Errorf("after %v: asked %d times, want %d", clock.Now().Sub(base), n, want)
				}
			}
			ask(1)
			clock.advance(tt.kept - time.Millisecond)
			ask(1)
			clock.advance(time.Millisecond)
			ask(2)
			clock.advance(-time.Minute) // a clock that stepped back makes nothing young for ever
			ask(3)
		})
	}
}

// TestIntrospectionSeesRevocation: after MaxAge at the latest, and then at once for all.
func TestIntrospectionSeesRevocation(t *testing.T) {
	clock, answer := newClock(), activeToken(time.Hour)
	r := &registrar{answer: func(url.Values) (*http.Response, error) { return jsonAnswer(answer), nil }}
	i := newIntrospection(t, r, func(c *verifier.IntrospectionConfig) { c.Now = clock.Now })
	if _, err := i.Claims(t.Context(), opaqueToken); err != nil {
		t.Fatal(err)
	}
	answer = `{"active": false}`
	clock.advance(10 * time.Second)
	if claims, err := i.Claims(t.Context(), opaqueToken); !errors.Is(err, tenon.InvalidToken) || claims != nil {
		t.Errorf("%v, %v", claims, err)
	}
	clock.advance(-5 * time.Second) // the answer before must not come back
	if _, err := i.Claims(t.Context(), opaqueToken); !errors.Is(err, tenon.InvalidToken) {
		t.Error(err)
	}
}

// TestIntrospectionFloodOfRubbish: invented tokens do not push out good ones, and do not grow without bound.
func TestIntrospectionFloodOfRubbish(t *testing.T) {
	r := &registrar{answer: func(form url.Values) (*http.Response, error) {
		if form.Get("token") == opaqueToken {
			return jsonAnswer(activeToken(time.Hour)), nil
		}
		return jsonAnswer(`{"active": false}`), nil
	}}
	i := newIntrospection(t, r, func(c *verifier.IntrospectionConfig) { c.Capacity = 64 })
	if _, err := i.Claims(t.Context(), opaqueToken); err != nil {
		t.Fatal(err)
	}
	for n := range 1000 {
		_, _ = i.Claims(t.Context(), fmt.Sprintf("tno_%d.x", n))
	}
	before := r.count()
	if _, err := i.Claims(t.Context(), opaqueToken); err != nil || r.count() != before {
		t.Errorf("the good one was asked about again: %v", err)
	}
}

// TestIntrospectionIsOneFlight: many requests with one token are one question, and who gives up does not spoil it for the others.
func TestIntrospectionIsOneFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		r := &registrar{hasty: true, answer: func(url.Values) (*http.Response, error) {
			<-hold
			return jsonAnswer(activeToken(time.Hour)), nil
		}}
		i := newIntrospection(t, r, nil)
		first, giveUp := context.WithCancel(t.Context())
		gaveUp := make(chan error, 1)
		go func() {
			_, err := i.Claims(first, opaqueToken)
			gaveUp <- err
		}()
		synctest.Wait()
		errs := make(chan error, 100)
		for range cap(errs) {
			go func() {
				_, err := i.Claims(t.Context(), opaqueToken)
				errs <- err
			}()
		}
		synctest.Wait()
		giveUp()
		if err := <-gaveUp; !errors.Is(err, context.Canceled) {
			t.Errorf("who gave up got %v", err)
		}
		close(hold)
		for range cap(errs) {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		if n := r.count(); n != 1 {
			t.Errorf("%d questions", n)
		}
	})
}

// TestIntrospectionIsBounded: so many questions are under way and not one more; who waits too long is not let through.
func TestIntrospectionIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		r := &registrar{answer: func(url.Values) (*http.Response, error) {
			<-hold
			return jsonAnswer(activeToken(time.Hour)), nil
		}}
		i := newIntrospection(t, r, func(c *verifier.IntrospectionConfig) { c.Calls = 3 })
		errs := make(chan error, 10)
		for n := range cap(errs) {
			go func() {
				_, err := i.Claims(t.Context(), fmt.Sprintf("tno_%d.x", n))
				errs <- err
			}()
		}
		synctest.Wait()
		if n := r.count(); n != 3 {
			t.Errorf("%d questions under way", n)
		}
		late := 0
		time.Sleep(time.Minute) // of the bubble's clock: longer than a question may take
		close(hold)
		for range cap(errs) {
			if err := <-errs; err != nil {
				if errors.Is(err, tenon.InvalidToken) {
					t.Errorf("taken for a refusal: %v", err)
				}
				late++
			}
		}
		if late != 7 {
			t.Errorf("%d were not answered, want 7", late)
		}
	})
}

// TestIntrospectionFailsClosed: no answer, or one that is not understood, says nothing about the token. No error is a refusal, and
// none holds the token.
func TestIntrospectionFailsClosed(t *testing.T) {
	status := func(code int, header http.Header) *registrar {
		return &registrar{answer: func(url.Values) (*http.Response, error) {
			a := jsonAnswer(activeToken(time.Hour))
			a.StatusCode, a.Status = code, fmt.Sprint(code)
			maps.Copy(a.Header, header)
			return a, nil
		}}
	}
	for name, r := range map[string]*registrar{
		"no connection":               {answer: func(url.Values) (*http.Response, error) { return nil, errors.New("connection refused") }},
		"401":                         status(401, nil),
		"403":                         status(403, nil),
		"404":                         status(404, nil),
		"500":                         status(500, nil),
		"503":                         status(503, nil),
		"201 with a good answer":      status(201, nil),
		"a redirect":                  status(307, http.Header{"Location": {"https://elsewhere.example.com/introspect"}}),
		"HTML":                        status(200, http.Header{"Content-Type": {"text/html"}}),
		"a JWT that nobody asked for": status(200, http.Header{"Content-Type": {"application/token-introspection+jwt"}}),
		"larger than 64 KiB":          saying(strings.TrimSuffix(activeToken(time.Hour), "}") + `, "x": "` + strings.Repeat("x", 64<<10) + `"}`),
		"cut off":                     saying(activeToken(time.Hour)[:100]),
		"an array":                    saying("[]"),
		"empty":                       saying(""),
		"active twice":                saying(`{"active": false, "active": true}`),
		"a refusal in disguise": {answer: func(url.Values) (*http.Response, error) {
			return nil, tenon.Refuse(tenon.InvalidToken, "revoked", "no")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var observed error
			i := newIntrospection(t, r, func(c *verifier.IntrospectionConfig) { c.Observe = func(err error) { observed = err } })
			claims, err := i.Claims(t.Context(), opaqueToken)
			if _, refused := errors.AsType[*tenon.Error](err); err == nil || refused || claims != nil {
				t.Fatalf("%v, %v", claims, err)
			}
			if strings.Contains(err.Error(), opaqueToken) {
				t.Errorf("the error holds the token: %v", err)
			}
			if observed == nil {
				t.Error("Observe was told that all is well")
			}
			for _, asked := range r.asked {
				if asked.URL.String() != introspectURL {
					t.Errorf("%s was asked", asked.URL)
				}
			}
			_, _ = i.Claims(t.Context(), opaqueToken)
			if r.count() != 2 {
				t.Error("a failure is remembered as an answer")
			}
		})
	}
}

// TestIntrospectionNeedsItsCredential: what cannot be authenticated is not sent.
func TestIntrospectionNeedsItsCredential(t *testing.T) {
	r := saying(activeToken(time.Hour))
	i := newIntrospection(t, r, func(c *verifier.IntrospectionConfig) { c.Credential = verifier.ClientID("") })
	if _, err := i.Claims(t.Context(), opaqueToken); err == nil || r.count() != 0 {
		t.Errorf("%v after %d questions", err, r.count())
	}
}

// TestIntrospectionAsRevocation: a JWT that the issuer does not call active is refused, and whatever else is wrong is found first.
func TestIntrospectionAsRevocation(t *testing.T) {
	about := func(jti string) string { return strings.Replace(activeToken(time.Hour), "token-1", jti, 1) }
	for _, tt := range []struct {
		name   string
		answer string
		token  *forgery
		check  string // "" accepts
		asked  int
	}{
		{"active", about("token-1"), nil, "", 1},
		{"not active", `{"active": false}`, nil, "revoked", 1},
		{"an answer about another token", about("token-2"), nil, "unavailable", 1},
		{"no answer", `{`, nil, "unavailable", 1},
		{"an ID token", about("token-1"), &forgery{Header: members(`{"typ": "JWT"}`)}, "typ", 0},
		{"a forged one", about("token-1"), &forgery{Signature: "flipped"}, "signature", 0},
		{"an expired one", about("token-1"), &forgery{Claims: members(`{"exp": "{now-1}"}`)}, "expired", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, r := newStage(t, attackConfig{}), saying(tt.answer)
			c := s.verifierConfig()
			c.Revocation = newIntrospection(t, r, nil)
			s.verifiers[0] = must(verifier.New(c))
			request := s.request(attackRequest{Token: tt.token})
			_, err := s.verifiers[0].Verify(t.Context(), request)
			if s.lastEvent().Reason != tt.check || (err == nil) != (tt.check == "") || r.count() != tt.asked {
				t.Errorf("%v after %d questions, want %q after %d", err, r.count(), tt.check, tt.asked)
			}
			if tt.asked > 0 && "DPoP "+r.forms[0].Get("token") != request.Authorization[0] {
				t.Errorf("asked about another token: %v", r.forms[0])
			}
		})
	}
}
