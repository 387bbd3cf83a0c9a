package issuer

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/mtls"
	"github.com/tenon-auth/tenon/store"
)

// A call is a request that a client makes by itself, with the HTTP taken off: to the token endpoint and all others where it
// authenticates.
type call struct {
	form          form
	authorization []string // Authorization header fields
	evidence      evidence
	from          sender
}

// A reply is what a call is answered with when it is not refused.
type reply struct {
	status int
	body   any // as JSON
}

// A process is an endpoint without HTTP: it judges a call, and spends what it takes when all of it is good. It gives the nonce
// to hand out with the answer, also when it refuses.
type process func(ctx context.Context, req *call, e *Event) (answer reply, nonce string, err error)

// serveCall is the HTTP side of an endpoint that clients call. url is its public URL: the alias, when that was called.
func (i *Issuer) serveCall(url string, do process) endpoint {
	return func(w http.ResponseWriter, r *http.Request, e *Event) error {
		address := addressOf(r.RemoteAddr)
		if wait, spent := i.refused.spent(address, i.cfg.Now()); spent {
			return tooMany(wait, "too many refused requests from this address")
		}
		answer, nonce, err := i.readAndProcess(w, r, url, do, e)
		if (e.ClientID == "" || e.Public) && refusedStranger(err) {
			i.refused.charge(address, i.cfg.Now())
		}
		i.setNonce(w, r, nonce, err)
		if err != nil {
			return err
		}
		return writeJSON(w, e, answer.status, answer.body)
	}
}

// refusedStranger reports whether an error is the caller's fault: ours must not shut him out.
func refusedStranger(err error) bool {
	refusal, ok := errors.AsType[*tenon.Error](err)
	return ok && refusal.Code != tenon.Unavailable
}

// readAndProcess turns HTTP into a call and processes it.
func (i *Issuer) readAndProcess(w http.ResponseWriter, r *http.Request, url string, do process, e *Event) (reply, string, error) {
	if r.Method != http.MethodPost {
		return reply{}, "", wrongMethod(http.MethodPost) // RFC 6749 §3.2, RFC 9126 §2.3
	}
	f, err := readForm(w, r, i.cfg.Limits.Form)
	if err != nil {
		return reply{}, "", err
	}
	req := &call{form: f, authorization: r.Header.Values("Authorization"), evidence: i.evidenceOf(r, url), from: senderOf(r)}
	answer, nonce, err := do(r.Context(), req, e)
	if err != nil {
		err = i.logRefusal(r.Context(), req, e, err)
	}
	return answer, nonce, err
}

// senderOf tells where a request came from.
func senderOf(r *http.Request) sender {
	s := sender{Address: addressOf(r.RemoteAddr), Agent: strings.ToValidUTF8(r.UserAgent(), "?")}
	if len(s.Agent) > maxAgent {
		s.Agent = strings.ToValidUTF8(s.Agent[:maxAgent], "")
	}
	return s
}

// evidenceOf takes from the request what shows keys.
func (i *Issuer) evidenceOf(r *http.Request, url string) evidence {
	e := evidence{method: r.Method, url: url, proofs: r.Header.Values("DPoP")}
	if i.cfg.Certificates == nil {
		return e
	}
	e.certificate, e.certificateErr = i.cfg.Certificates.Certificate(r)
	if e.certificate != nil && r.TLS != nil && len(r.TLS.PeerCertificates) > 0 && e.certificate.Equal(r.TLS.PeerCertificates[0]) {
		e.chain = mtls.TLS{}.Chain(r) // the chain belongs to the connection's certificate, and to no other
	}
	return e
}

// An identified call is one whose sender has shown who it is, and which keys it holds. Nothing has been spent for it.
type identified struct {
	caller *caller
	held   *possession
	nonce  string // to hand out with the answer
}

// identify finds out who is calling: keys first, because a challenge for a nonce must cost nothing, then the client, then its
// allowance.
func (i *Issuer) identify(ctx context.Context, req *call, e *Event, now time.Time) (id identified, err error) {
	id.held, err = i.possess(req.evidence)
	if skew, ok := errors.AsType[*dpop.Skew](err); ok {
		e.Offset, e.HasOffset = skew.Offset, true
	}
	if err != nil {
		return id, err
	}
	e.Thumbprint = id.held.thumbprint()
	if proof := id.held.proof; proof != nil {
		id.nonce, e.Offset, e.HasOffset = proof.NextNonce(), proof.Offset(), true
	}
	if id.caller, err = i.authenticate(ctx, req, id.held, now); err != nil {
		return id, err
	}
	e.ClientID, e.Public = id.caller.ID, id.caller.AuthMethod == NoAuth
	if wait, ok := i.served.take(id.payer(req.from), now); !ok {
		return id, tooMany(wait, "too many requests of this client")
	}
	return id, nil
}

// payer names whose allowance a call is on: the client's. Anybody can call as a public client, and must not use up what others
// that do have: there each address pays for itself.
func (id *identified) payer(from sender) string {
	if id.caller.AuthMethod == NoAuth {
		return id.caller.ID + " " + from.Address // no client id has a space
	}
	return id.caller.ID
}

// spend adds to a Change what the call used up: the proof's jti and the assertion's.
func (id *identified) spend(change *store.Change, issuer string) {
	if proof := id.held.proof; proof != nil {
		spend(change, kindProofs, proof.ReplayKey(issuer), proof.Until()) // RFC 9449 §11.1
	}
	if a := id.caller.assertion; a != nil {
		spend(change, kindAssertions, assertionReplayKey(id.caller.ID, a.id), a.expires) // RFC 7523 §3 (7)
	}
}
