package verifier

import "net/http"

// Middleware lets only verified requests through to next, which finds what they may do with [FromContext]. The verdict falls before
// any of the body is read. Every request without a good token is answered here, a CORS preflight too: what a service allows to
// other origins it says in front of this.
func (v *Verifier) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		access, err := v.admit(r)
		if err != nil {
			v.Respond(w, r, err)
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
