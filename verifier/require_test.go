package verifier_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/verifier"
)

// login is a token of a person who has logged in so many seconds ago.
func login(acr string, ago int) *forgery {
	return &forgery{Claims: members(fmt.Sprintf(`{"auth_time": "{now-%d}", "acr": %q, "amr": ["pwd", "otp"]}`, ago, acr))}
}

// TestRequireAuthentication is RFC 9470 §3.
func TestRequireAuthentication(t *testing.T) {
	const want = http.StatusUnauthorized
	high := verifier.AuthenticationRule{ACR: []string{"mfa", "phr"}}
	recent := verifier.AuthenticationRule{MaxAge: time.Minute}
	for _, tt := range []struct {
		name   string
		rule   verifier.AuthenticationRule
		token  *forgery
		status int
	}{
		{"any login", verifier.AuthenticationRule{}, login("pwd", 3600), 200},
		{"no login", verifier.AuthenticationRule{}, nil, want},
		{"the class", high, login("mfa", 3600), 200},
		{"another one of them", high, login("phr", 3600), 200},
		{"a lower class", high, login("pwd", 0), want},
		{"a class in another case", high, login("MFA", 0), want},
		{"a class that begins like it", high, login("mfa2", 0), want},
		{"both in one word", high, login("mfa phr", 0), want},
		{"no class", high, &forgery{Claims: members(`{"auth_time": "{now}"}`)}, want},
		{"no class where the empty one would do", verifier.AuthenticationRule{ACR: []string{""}}, &forgery{Claims: members(`{"auth_time": "{now}"}`)}, want},
		{"just recent enough", recent, login("pwd", 60), 200},
		{"a second too old", recent, login("pwd", 61), want},
		{"a clock that is ahead", recent, &forgery{Claims: members(`{"auth_time": "{now+10}"}`)}, 200},
		{"in the future", recent, &forgery{Claims: members(`{"auth_time": "{now+11}"}`)}, want},
		{"the class and not recent", verifier.AuthenticationRule{ACR: []string{"mfa"}, MaxAge: time.Minute}, login("mfa", 61), want},
		{"recent and not the class", verifier.AuthenticationRule{ACR: []string{"mfa"}, MaxAge: time.Minute}, login("pwd", 0), want},
		{"no login is no recent one", recent, nil, want},
		{"a rule that nothing meets", verifier.AuthenticationRule{MaxAge: -1}, login("pwd", 0), want},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, attackConfig{})
			handler := verifier.RequireAuthentication(tt.rule)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			if w := s.serve(attackRequest{Token: tt.token}, handler); w.Code != tt.status {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

// TestStepUpChallenge compares the whole answer, in the scheme in use (RFC 9470 §3).
func TestStepUpChallenge(t *testing.T) {
	x5t := members(`{"cnf": {"x5t#S256": "{x5t client}"}}`)
	const class, age = "this needs another way of logging in than the token comes from", "this needs a more recent login than the token comes from"
	for _, tt := range []struct {
		name    string
		rule    verifier.AuthenticationRule
		request attackRequest
		want    string
	}{
		{
			"by class",
			verifier.AuthenticationRule{ACR: []string{"mfa", `p"hr`}},
			attackRequest{Token: login("pwd", 0)},
			`DPoP error="insufficient_user_authentication", error_description="` + class + `", acr_values="mfa phr", ` + algs + ", " + hint,
		},
		{
			"by age",
			verifier.AuthenticationRule{MaxAge: 5 * time.Minute},
			attackRequest{Token: login("mfa", 301)},
			`DPoP error="insufficient_user_authentication", error_description="` + age + `", max_age="300", ` + algs + ", " + hint,
		},
		{
			"by both",
			verifier.AuthenticationRule{ACR: []string{"mfa"}, MaxAge: time.Minute},
			attackRequest{Token: login("mfa", 301)},
			`DPoP error="insufficient_user_authentication", error_description="` + age + `", acr_values="mfa", max_age="60", ` + algs + ", " + hint,
		},
		{"with a certificate", verifier.AuthenticationRule{ACR: []string{"mfa"}}, attackRequest{
			Token: &forgery{Claims: x5t}, Scheme: "Bearer", Proof: &forgery{Omit: true}, Certificate: "client",
		}, `Bearer error="insufficient_user_authentication", error_description="this needs a person who has logged in, and the token is the client's own", acr_values="mfa", ` + hint},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t, attackConfig{})
			w := s.serve(tt.request, verifier.RequireAuthentication(tt.rule)(unreachable(t)))
			if got := w.Header().Values("WWW-Authenticate"); w.Code != 401 || !cmp.Equal(got, []string{tt.want}) {
				t.Errorf("%d %q, want %q", w.Code, got, tt.want)
			}
			if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%v", w.Header())
			}
			e := s.lastEvent()
			if e.Code != tenon.InsufficientUserAuthentication || e.Reason != "authentication" || e.ClientID != "client-1" || e.Thumbprint == "" {
				t.Errorf("%+v", e)
			}
		})
	}
}

// TestNeed is the same for a service without the middleware.
func TestNeed(t *testing.T) {
	s := newStage(t, attackConfig{})
	r := s.request(attackRequest{Token: login("pwd", 100)})
	access, err := s.verifiers[0].Verify(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	access.Claims.Scope, access.Claims.Person = tenon.Scope{"admin"}, &tenon.Authentication{Time: base, ACR: "mfa"} // a handler's own copy widens nothing
	for _, tt := range []struct {
		err  error
		want tenon.Code
	}{
		{access.Need("payments"), ""},
		{access.Need("admin"), tenon.InsufficientScope},
		{access.NeedAuthentication(verifier.AuthenticationRule{ACR: []string{"pwd"}}), ""},
		{access.NeedAuthentication(verifier.AuthenticationRule{ACR: []string{"mfa"}}), tenon.InsufficientUserAuthentication},
		{access.NeedAuthentication(verifier.AuthenticationRule{MaxAge: time.Minute}), tenon.InsufficientUserAuthentication},
	} {
		if (tt.err == nil) != (tt.want == "") || tt.err != nil && !errors.Is(tt.err, tt.want) {
			t.Errorf("%v, want %q", tt.err, tt.want)
		}
	}
	w, request := httptest.NewRecorder(), httptest.NewRequest("POST", "/payments", nil)
	request.Header.Set("Authorization", r.Authorization[0])
	status := s.verifiers[0].Respond(w, request, access.Need("admin"))
	want := `DPoP error="insufficient_scope", error_description="the token does not have the scope that this needs", scope="admin", ` + algs
	if got := w.Header().Values("WWW-Authenticate"); status != 403 || w.Code != 403 || !cmp.Equal(got, []string{want}) {
		t.Errorf("%d %d %q", status, w.Code, got)
	}
}

// TestRequireAuthenticationWithoutMiddleware fails closed.
func TestRequireAuthenticationWithoutMiddleware(t *testing.T) {
	w := httptest.NewRecorder()
	verifier.RequireAuthentication(verifier.AuthenticationRule{})(unreachable(t)).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != http.StatusInternalServerError {
		t.Errorf("%d", w.Code)
	}
}

// TestAccessTellsThePerson: how and when somebody logged in, and what they allowed.
func TestAccessTellsThePerson(t *testing.T) {
	s := newStage(t, attackConfig{})
	c := s.verifierConfig()
	c.Replays = forgetful{} // so that one request can be sent twice, with the token in the cache
	v := must(verifier.New(c))
	token := &forgery{Claims: members(`{"auth_time": "{now-100}", "acr": "mfa", "amr": ["pwd", "otp"],
		"authorization_details": [{"type": "payment", "amount": "1"}, {"type": "account"}, {"amount": "2", "type": "payment"}]}`)}
	verify := func(r verifier.Request) *verifier.Access {
		t.Helper()
		access, err := v.Verify(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return access
	}
	request := s.request(attackRequest{Token: token})
	access := verify(request)
	person, ok := access.Authentication()
	want := tenon.Authentication{Time: base.Add(-100 * time.Second), ACR: "mfa", AMR: []string{"pwd", "otp"}}
	if diff := cmp.Diff(want, person); !ok || diff != "" {
		t.Error(diff)
	}
	for kind, count := range map[string]int{"payment": 2, "account": 1, "pay": 0, "": 0} {
		if got := access.Details(kind); len(got) != count {
			t.Errorf("%d details of type %q: %s", len(got), kind, got)
		}
	}
	access.Claims.Person.ACR, access.Claims.Person.AMR[0], access.Claims.Details[3] = "x", "x", 'x'
	if again := verify(request); again.Claims.Person.ACR != "mfa" || again.Claims.Person.AMR[0] != "pwd" || len(again.Details("payment")) != 2 {
		t.Error("what a handler changed is seen by the next request with the token")
	}
	none := verify(s.request(attackRequest{}))
	if _, ok := none.Authentication(); ok || none.Details("payment") != nil {
		t.Error("a client's own token tells of a person")
	}
}

// TestDetailsThatAreNotUnderstoodAllowNothing: the one that cannot be read may narrow the others.
func TestDetailsThatAreNotUnderstoodAllowNothing(t *testing.T) {
	for _, details := range []string{`[{"type": "payment"}, 1]`, `[{"type": "payment"}, {"type": 1}]`, `[[{"type": "payment"}]]`, `[]`} {
		access := &verifier.Access{Claims: tenon.Claims{Details: []byte(details)}}
		if got := access.Details("payment"); len(got) != 0 {
			t.Errorf("%s gives %s", details, got)
		}
	}
}
