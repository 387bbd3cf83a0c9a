package verifier

import (
	"net/http"
	"slices"
	"time"

	"github.com/tenon-auth/tenon"
)

// Require lets only requests through whose token has every one of the scope tokens. It works behind [Verifier.Middleware]; in front of
// it, or without it, every request is answered with 500, because nothing has been verified.
func Require(scope ...string) func(http.Handler) http.Handler {
	return need{scope: scope}.middleware
}

// RequireAuthentication lets only requests through whose token comes from a person who has logged in well enough and recently enough
// (RFC 9470). Who asks in vain is told what would be, and can send the person to log in again. It works where [Require] does.
func RequireAuthentication(rule AuthenticationRule) func(http.Handler) http.Handler {
	return need{person: true, authentication: rule}.middleware
}

// An AuthenticationRule is how a person must have logged in. The zero value is content with any login, and refuses a client that acts
// for itself.
type AuthenticationRule struct {
	ACR    []string      // one of these must be the token's acr; nil: any will do. They are compared exactly, so list the stronger ones too
	MaxAge time.Duration // since the login, in whole seconds: 0 means any
}

// A need is what a request needs beyond a good token.
type need struct {
	scope          tenon.Scope
	person         bool
	authentication AuthenticationRule // with person
}

// A shortfall is the refusal of a good token that is not sufficient, with what would be.
type shortfall struct {
	refusal *tenon.Error
	need    need
}

func (s *shortfall) Error() string { return s.refusal.Error() }
func (s *shortfall) Unwrap() error { return s.refusal }

func (n need) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		access, ok := FromContext(r.Context())
		if !ok {
			writeError(w, tenon.Refuse(tenon.ServerError, "fault", "the service is not set up to verify requests"))
			return
		}
		if err := access.meets(n); err != nil {
			access.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Need is [Require] for a service that calls [Verifier.Verify] itself: nil, or a refusal with the code insufficient_scope for
// [Verifier.Respond].
func (a *Access) Need(scope ...string) error { return a.meets(need{scope: scope}) }

// NeedAuthentication is [RequireAuthentication] for such a service: nil, or a refusal with the code insufficient_user_authentication.
func (a *Access) NeedAuthentication(rule AuthenticationRule) error {
	return a.meets(need{person: true, authentication: rule})
}

// meets refuses a request whose token is good and not sufficient. It looks at the token, not at the copy that a handler may have edited.
func (a *Access) meets(n need) error {
	claims := &a.token.claims
	if !claims.Scope.Covers(n.scope) {
		return &shortfall{tenon.Refuse(tenon.InsufficientScope, "scope", "the token does not have the scope that this needs"), n} // RFC 6750 §3.1
	}
	if !n.person {
		return nil
	}
	if description := n.authentication.lacks(claims.Person, a.verifier.config.Now()); description != "" {
		return &shortfall{tenon.Refuse(tenon.InsufficientUserAuthentication, "authentication", "%s", description), n} // RFC 9470 §3
	}
	return nil
}

// lacks says what is missing, "" when nothing is. A login in the future, beyond what clocks differ by, is not a recent one.
func (r AuthenticationRule) lacks(p *tenon.Authentication, now time.Time) string {
	switch {
	case p == nil:
		return "this needs a person who has logged in, and the token is the client's own"
	case len(r.ACR) > 0 && (p.ACR == "" || !slices.Contains(r.ACR, p.ACR)):
		return "this needs another way of logging in than the token comes from"
	case r.MaxAge != 0 && (now.Sub(p.Time) > r.MaxAge || p.Time.After(now.Add(maxAhead))):
		return "this needs a more recent login than the token comes from"
	}
	return ""
}

// refuse answers a request whose token is good and not sufficient.
func (a *Access) refuse(w http.ResponseWriter, r *http.Request, err error) {
	h := hearing{
		Event: Event{Method: r.Method, ClientID: a.token.claims.ClientID, Thumbprint: boundTo(a.token.claims.Confirmation)},
		token: a.token,
	}
	h.refused(err)
	a.verifier.observe(r.Context(), h.Event)
	a.verifier.record(Request{Method: r.Method, Target: r.RequestURI}, &h)
	a.verifier.Respond(w, r, err)
}
