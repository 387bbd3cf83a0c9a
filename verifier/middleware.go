package verifier

import (
	"net/http"

	"github.com/tenon-auth/tenon"
)

// Middleware lets only verified requests through to next, which finds what they may do with [FromContext]. The verdict falls before
// any of the body is read. Every request without a good token is answered here, a CORS preflight too: what a service allows to
// other origins it says in front of this.
func (v *Verifier) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		access, err := v.admit(r)
		if err != nil {
			v.respond(w, r, err)
			return
		}
		if access.NextNonce != "" {
			giveNonce(w.Header(), access.NextNonce)
		}
		next.ServeHTTP(w, r.WithContext(withAccess(r.Context(), access)))
	})
}

// admit judges r.
func (v *Verifier) admit(r *http.Request) (*Access, error) {
	request, err := v.NewRequest(r)
	if err != nil {
		h := hearing{Event: Event{Method: r.Method}}
		h.refused(err)
		v.observe(r.Context(), h.Event)
		v.record(request, &h)
		return nil, err
	}
	return v.Verify(r.Context(), request)
}

// Require lets only requests through whose token has every one of the scope tokens. It works behind [Verifier.Middleware]; in front of
// it, or without it, every request is answered with 500, because nothing has been verified.
func Require(scope ...string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			access, ok := FromContext(r.Context())
			if !ok {
				writeError(w, tenon.Refuse(tenon.ServerError, "fault", "the service is not set up to verify requests"))
				return
			}
			if !access.Allows(scope...) {
				access.refuseScope(w, r, scope)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// refuseScope answers a request whose token is good and not sufficient (RFC 6750 §3.1).
func (a *Access) refuseScope(w http.ResponseWriter, r *http.Request, wanted tenon.Scope) {
	err := tenon.Refuse(tenon.InsufficientScope, "scope", "the token does not have the scope that this needs")
	h := hearing{
		Event: Event{Method: r.Method, ClientID: a.token.claims.ClientID, Thumbprint: boundTo(a.token.claims.Confirmation)},
		token: a.token,
	}
	h.refused(err)
	a.verifier.observe(r.Context(), h.Event)
	a.verifier.record(Request{Method: r.Method, Target: r.RequestURI}, &h)
	a.verifier.challenge(w.Header(), challenge{refusal: err, used: a.scheme, scope: wanted})
	writeError(w, err)
}
