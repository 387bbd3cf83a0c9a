package client

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tenon-auth/tenon"
)

// A Cause is the likeliest reason of a refusal. Codes alone do not tell: a proof that is too old, one that was used before
// and one for another URL all come back as invalid_dpop_proof. So the server's words and the two clocks are looked at too.
type Cause string

// The causes.
const (
	CauseUnknown     Cause = ""
	CauseClock       Cause = "clock"       // the local clock differs from the server's
	CauseNonce       Cause = "nonce"       // the server keeps asking for another nonce
	CauseTarget      Cause = "target"      // the server knows itself by another URL (htu), or saw another method (htm)
	CauseReplay      Cause = "replay"      // the server has seen this proof before
	CauseProof       Cause = "proof"       // something else about the proof
	CauseKey         Cause = "key"         // the token is bound to another key
	CauseCertificate Cause = "certificate" // the token is bound to another certificate, or none was shown
	CauseToken       Cause = "token"       // the token has expired, was revoked or is for another API
	CauseScope       Cause = "scope"       // the token does not allow this
	CauseClient      Cause = "client"      // the client was not recognised
	CauseGrant       Cause = "grant"       // the login or the session has ended
	CauseUnavailable Cause = "unavailable" // the server cannot decide now
)

// clockTolerance is what every server in the field tolerates; FAPI 2.0 §5.3.2.1 (13) asks for ten seconds ahead.
const clockTolerance = 10 * time.Second

// Cause names the likeliest reason.
func (r *Refusal) Cause() Cause {
	switch r.Code {
	case tenon.UseDPoPNonce:
		return CauseNonce
	case tenon.InvalidDPoPProof:
		return r.proofCause()
	case tenon.InvalidToken:
		return r.tokenCause()
	case tenon.InsufficientScope, tenon.InvalidScope:
		return CauseScope
	case tenon.InvalidClient:
		if r.clockIsOff(30 * time.Second) { // the assertion lives for a minute
			return CauseClock
		}
		return CauseClient
	case tenon.InvalidGrant:
		return CauseGrant
	case tenon.Unavailable:
		return CauseUnavailable
	}
	switch r.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return CauseUnavailable
	}
	return CauseUnknown
}

func (r *Refusal) proofCause() Cause {
	switch {
	case r.says("used before", "replay", "jti"):
		return CauseReplay
	case r.says("htu", "htm", "url", "uri", "method"):
		return CauseTarget
	case r.says("nonce"):
		return CauseNonce
	case r.says("iat", "clock", "expired", "too old", "future"), r.clockIsOff(clockTolerance):
		return CauseClock
	}
	return CauseProof
}

func (r *Refusal) tokenCause() Cause {
	switch {
	case r.says("certificate", "x5t"):
		return CauseCertificate
	case r.says("jkt", "key"):
		return CauseKey
	}
	return CauseToken
}

// says looks for words in what the server wrote.
func (r *Refusal) says(words ...string) bool {
	text := strings.FieldsFunc(strings.ToLower(r.Description), func(c rune) bool {
		return c != ' ' && !('a' <= c && c <= 'z') && !('0' <= c && c <= '9')
	})
	joined := " " + strings.Join(strings.Fields(strings.Join(text, " ")), " ") + " "
	for _, w := range words {
		if strings.Contains(joined, " "+w+" ") {
			return true
		}
	}
	return false
}

func (r *Refusal) clockIsOff(by time.Duration) bool {
	ahead, known := r.Skew()
	return known && ahead.Abs() > by
}

// Advice says what to change, for the person who runs the client. It is empty when nothing better than the server's own
// words can be said.
func (r *Refusal) Advice() string {
	switch r.Cause() {
	case CauseClock:
		return r.clockAdvice() + "; or follow the server's clock (LearnClock)"
	case CauseNonce:
		return "the server refused the nonce it had just given: are there several servers behind this address that do not share their nonce keys?"
	case CauseTarget:
		return fmt.Sprintf("the server compares htu %s with the address it thinks it has: set its public origin, path prefix included, to what clients call", r.Sent.URL)
	case CauseReplay:
		return "every request needs a proof of its own: does something between here and the server send requests twice?"
	case CauseProof:
		return "the server does not take proofs of this kind: compare the algorithm of the key with dpop_signing_alg_values_supported"
	case CauseKey:
		return "the token is bound to another key: call with the key that the token was asked for with"
	case CauseCertificate:
		return "the token is bound to another certificate, or the connection showed none: call the API's address for mutual TLS with the certificate that the token was asked for with"
	case CauseToken:
		return "a fresh token was tried where possible: see that the client is not revoked or disabled and that the token is for this API (Resource)"
	case CauseScope:
		return r.scopeAdvice()
	case CauseClient:
		return "see that client id, registered key or certificate, its algorithm and kid, and the issuer are the ones that the server has"
	case CauseGrant:
		return "log in again: the code was used or waited too long, or the person or the server has ended the session"
	case CauseUnavailable:
		if r.RetryAfter > 0 {
			return fmt.Sprintf("the server cannot decide now and gives nobody access meanwhile: try again in %v", r.RetryAfter)
		}
		return "the server cannot decide now and gives nobody access meanwhile: try again later"
	}
	return ""
}

func (r *Refusal) clockAdvice() string {
	ahead, known := r.Skew()
	switch {
	case !known:
		return "compare this machine's clock with the server's"
	case ahead < 0:
		return fmt.Sprintf("set this machine's clock (it is %d s slow)", int64(-ahead/time.Second))
	case ahead > 0:
		return fmt.Sprintf("set this machine's clock (it is %d s fast)", int64(ahead/time.Second))
	}
	return "the clocks agree now: did the request wait long on its way?"
}

func (r *Refusal) scopeAdvice() string {
	if r.Scope != "" {
		return fmt.Sprintf("ask for a token with scope %q; the client must be registered for it", r.Scope)
	}
	return "ask for other scopes (Scope); the client must be registered for them"
}
