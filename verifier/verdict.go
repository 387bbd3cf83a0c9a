package verifier

import (
	"crypto/sha256"
	"errors"
	"strings"
	"time"

	"github.com/tenon-auth/tenon"
)

// A Recorder keeps verdicts as evidence: who used which token, and who tried in vain.
type Recorder interface {
	// Record is told of a verdict after it was reached, and cannot change it. It must not block: the caller waits. It is called
	// from many goroutines at once.
	Record(Verdict)
}

// A Verdict is what became of one request, with what proves it. It is for a binding log: unlike an [Event] it names a token's
// subject and may hold a proof, so it must not reach an ordinary log or a metric.
//
// Nobody is told of a request that presented no token, of a challenge for a nonce, which is the first half of a request, or of
// one that could not be judged.
type Verdict struct {
	At       time.Time
	Code     tenon.Code // empty when the request was let through
	Reason   string     // the check that refused, one of few words
	OtherKey bool       // it was refused because it came with another key or certificate than the token's own
	Method   string     // as the caller wrote it
	Path     string     // as the caller wrote it, without the query
	Token    *Presented // nil when no token came that the issuer signed
	// Proof is what the caller proved its key with. It is here only when it can never be accepted again: it has been used, or
	// it is by a key that the token it names is not bound to.
	Proof Proof
}

// Presented is a token that was verified. All verdicts about the token share it: it must not be changed.
type Presented struct {
	Digest  [sha256.Size]byte // SHA-256 of the token, which a proof names as its ath
	Payload []byte            // the claims as they stand in the token; of an opaque one, as a JWT would have them
	Claims  tenon.Claims
	KeyID   string // of the issuer's key that signed it; "" for an opaque one
}

// A Proof is a DPoP proof as it was sent. It does not print itself.
type Proof struct{ text string }

// Text gives the proof, "" when there is none to be had.
func (p Proof) Text() string { return p.text }

// String keeps the proof out of whatever prints a verdict.
func (p Proof) String() string { return "[proof]" }

// GoString does the same for %#v.
func (p Proof) GoString() string { return "[proof]" }

// presented keeps what a recorder wants to know of a token.
func (v *Verifier) presented(claims tenon.Claims, payload []byte, keyID string) *Presented {
	if v.config.Recorder == nil {
		return nil
	}
	return &Presented{Payload: payload, Claims: claims, KeyID: keyID}
}

// record tells the configured recorder, if any.
func (v *Verifier) record(r Request, h *hearing) {
	if v.config.Recorder == nil || !worthRecord(h.Err) {
		return
	}
	path, _, _ := strings.Cut(r.Target, "?")
	verdict := Verdict{
		At: v.config.Now(), Code: h.Code, Reason: h.Reason, Method: r.Method, Path: path,
		OtherKey: h.Reason == "jkt" || errors.Is(h.Err, errOtherCertificate),
	}
	if h.token != nil {
		verdict.Token = h.token.presented
	}
	if len(r.Proofs) == 1 && (h.Err == nil || h.Reason == "jkt" || h.Reason == "replay") {
		verdict.Proof = Proof{r.Proofs[0]}
	}
	v.config.Recorder.Record(verdict)
}

// worthRecord reports whether an error, or none, says something about a token.
func worthRecord(err error) bool {
	if err == nil {
		return true
	}
	refusal, ok := errors.AsType[*tenon.Error](err)
	if !ok || errors.Is(err, ErrNoCredentials) {
		return false
	}
	switch refusal.Code {
	case tenon.UseDPoPNonce, tenon.Unavailable, tenon.ServerError:
		return false
	}
	return true
}
