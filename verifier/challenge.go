package verifier

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
)

// This is the only file of the package that turns an error into HTTP.

// A challenge is what a refusal says in WWW-Authenticate fields.
type challenge struct {
	refusal *tenon.Error
	used    scheme // by the request; "" when that is not clear
	wanted  need   // what would have been sufficient, when the refusal is about that
}

// Respond answers a request that was not let through, as [Verifier.Middleware] does, and tells the status. It is for a service that
// calls [Verifier.Verify] itself; err is what that gave, or [Access.Need].
func (v *Verifier) Respond(w http.ResponseWriter, r *http.Request, err error) int {
	refusal, ok := errors.AsType[*tenon.Error](err)
	if !ok {
		refusal = tenon.Refuse(tenon.ServerError, "fault", "the request could not be verified")
	}
	c := challenge{refusal: refusal, used: usedScheme(r)}
	if s, ok := errors.AsType[*shortfall](err); ok {
		c.wanted = s.need
	}
	v.challenge(w.Header(), c)
	if v.owesNonce(refusal) {
		giveNonce(w.Header(), v.config.DPoP.Nonces().Mint()) // RFC 9449 §9
	}
	return writeError(w, refusal)
}

// owesNonce reports whether a refusal comes with a nonce: when one is asked for, and when a proof was refused for something else
// and its successor would be asked for one. Otherwise a client with a wrong clock would need two more requests.
func (v *Verifier) owesNonce(refusal *tenon.Error) bool {
	if v.config.DPoP == nil || v.config.DPoP.Nonces() == nil {
		return false
	}
	return refusal.Code == tenon.UseDPoPNonce ||
		refusal.Code == tenon.InvalidDPoPProof && v.config.DPoP.Nonces().Policy() == dpop.RequireNonce
}

// usedScheme tells which scheme a request used, "" when that is not clear.
func usedScheme(r *http.Request) scheme {
	if values := r.Header.Values("Authorization"); len(values) == 1 {
		name, _, _ := strings.Cut(values[0], " ")
		used, _ := schemeNamed(name)
		return used
	}
	return ""
}

// giveNonce hands out a nonce, which no cache may keep (RFC 9449 §8.2).
func giveNonce(h http.Header, nonce string) {
	h.Set("DPoP-Nonce", nonce)
	h.Set("Cache-Control", "no-store")
	expose(h)
}

// expose lets a script of another origin read the fields that it needs (RFC 9449 §7.1).
func expose(h http.Header) {
	const fields = "WWW-Authenticate, DPoP-Nonce"
	if h.Get("Access-Control-Expose-Headers") != fields {
		h.Add("Access-Control-Expose-Headers", fields)
	}
}

// status gives the status of each code; any code not known here is a fault of ours (RFC 6750 §3.1, RFC 9449 §7.1, §9, RFC 9470 §3).
func status(code tenon.Code) int {
	switch code {
	case tenon.InvalidRequest:
		return http.StatusBadRequest
	case tenon.InvalidToken, tenon.InvalidDPoPProof, tenon.UseDPoPNonce, tenon.InsufficientUserAuthentication:
		return http.StatusUnauthorized
	case tenon.InsufficientScope:
		return http.StatusForbidden
	case tenon.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// retryAfter is what a caller is told to wait when something cannot be known now, in seconds.
const retryAfter = "2"

// writeError writes status and body, and tells the status. A request without credentials gets no body: it is told what to use, not what is wrong
// (RFC 6750 §3.1).
func writeError(w http.ResponseWriter, refusal *tenon.Error) int {
	h, code := w.Header(), status(refusal.Code)
	h.Set("Cache-Control", "no-store")
	expose(h)
	if refusal.Code == tenon.Unavailable {
		h.Set("Retry-After", retryAfter)
	}
	if errors.Is(refusal, ErrNoCredentials) {
		w.WriteHeader(code)
		return code
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]string{ // the caller is gone when this fails
		"error":             string(refusal.Code),
		"error_description": refusal.Description,
	})
	return code
}

// challenge adds the WWW-Authenticate fields of a refusal, one line a scheme. The error is named in the challenge of the scheme that
// the request used, and only that one is sent; when none was used, or more than one, every scheme that works here gets one
// (RFC 9449 §7.2).
func (v *Verifier) challenge(h http.Header, c challenge) {
	if status(c.refusal.Code) >= http.StatusInternalServerError {
		return
	}
	for _, s := range v.challenged(c) {
		h.Add("WWW-Authenticate", string(s)+" "+strings.Join(v.parameters(s, c), ", "))
	}
}

// challenged lists the schemes to challenge with. A token that was sent as Bearer although it is bound to a DPoP key, and whatever is
// wrong with a proof, is told in the DPoP challenge.
func (v *Verifier) challenged(c challenge) []scheme {
	var works []scheme
	if v.config.DPoP != nil {
		works = append(works, schemeDPoP)
	}
	if v.config.Certificates != nil {
		works = append(works, schemeBearer)
	}
	if c.refusal.Code == tenon.InvalidRequest || errors.Is(c.refusal, ErrNoCredentials) {
		return works
	}
	used := c.used
	if c.refusal.Reason == "downgrade" || c.refusal.Code == tenon.InvalidDPoPProof || c.refusal.Code == tenon.UseDPoPNonce {
		used = schemeDPoP
	}
	for _, s := range works {
		if s == used {
			return []scheme{s}
		}
	}
	return works
}

// parameters lists the parameters of one challenge.
func (v *Verifier) parameters(s scheme, c challenge) []string {
	var list []string
	add := func(name, value string) { list = append(list, name+`="`+value+`"`) }
	if !errors.Is(c.refusal, ErrNoCredentials) {
		add("error", string(c.refusal.Code))
		add("error_description", c.refusal.Description)
	}
	if len(c.wanted.scope) > 0 {
		add("scope", quotable(c.wanted.scope.String())) // RFC 6750 §3
	}
	if acr := c.wanted.authentication.ACR; len(acr) > 0 {
		add("acr_values", quotable(strings.Join(acr, " "))) // RFC 9470 §3
	}
	if age := c.wanted.authentication.MaxAge; age > 0 {
		add("max_age", strconv.FormatInt(int64(age/time.Second), 10)) // RFC 9470 §3
	}
	if s == schemeDPoP {
		add("algs", v.proofAlgorithms()) // RFC 9449 §7.1
	}
	if status(c.refusal.Code) == http.StatusUnauthorized {
		add("resource_metadata", v.metadataURL()) // RFC 9728 §5.1
	}
	return list
}

// proofAlgorithms gives the algorithms accepted in proofs, separated by spaces.
func (v *Verifier) proofAlgorithms() string {
	var names []string
	for _, alg := range v.config.DPoP.Algorithms() {
		names = append(names, string(alg))
	}
	return strings.Join(names, " ")
}

// quotable leaves out what would end a quoted-string. Scope tokens have neither (RFC 6749 §3.3), unless the service's own code does.
func quotable(s string) string {
	return strings.NewReplacer(`"`, "", `\`, "", "\r", "", "\n", "").Replace(s)
}
