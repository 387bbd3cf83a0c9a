package issuer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/mtls"
)

// A tokenRequest is a request to the token endpoint with the HTTP taken off.
type tokenRequest struct {
	form          form
	authorization []string // Authorization header fields
	evidence      evidence
	from          sender
}

// A tokenAnswer is a successful answer (RFC 6749 §5.1).
type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
	Scope       string `json:"scope,omitempty"`
	Receipt     string `json:"binding_receipt,omitempty"` // a tlog-proof, when it was asked for
}

// serveToken is the HTTP side of the token endpoint. url is the public URL of the endpoint that was called.
func (i *Issuer) serveToken(url string) endpoint {
	return func(w http.ResponseWriter, r *http.Request, e *Event) error {
		address := addressOf(r.RemoteAddr)
		if wait, spent := i.refused.spent(address, i.cfg.Now()); spent {
			return tooMany(wait, "too many refused requests from this address")
		}
		answer, nonce, err := i.readAndProcess(w, r, url, e)
		if e.ClientID == "" && refusedStranger(err) {
			i.refused.charge(address, i.cfg.Now())
		}
		i.setNonce(w, r, nonce, err)
		if err != nil {
			return err
		}
		return writeJSON(w, e, http.StatusOK, answer)
	}
}

// refusedStranger reports whether an error is the caller's fault: ours must not shut him out.
func refusedStranger(err error) bool {
	refusal, ok := errors.AsType[*tenon.Error](err)
	return ok && refusal.Code != tenon.Unavailable
}

// readAndProcess turns HTTP into a tokenRequest and processes it.
func (i *Issuer) readAndProcess(w http.ResponseWriter, r *http.Request, url string, e *Event) (*tokenAnswer, string, error) {
	if r.Method != http.MethodPost {
		return nil, "", wrongMethod(http.MethodPost) // RFC 6749 §3.2
	}
	f, err := readForm(w, r, i.cfg.Limits.Form)
	if err != nil {
		return nil, "", err
	}
	req := &tokenRequest{
		form:          f,
		authorization: r.Header.Values("Authorization"),
		evidence:      i.evidenceOf(r, url),
		from:          senderOf(r),
	}
	answer, nonce, err := i.processToken(r.Context(), req, e)
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

// processToken is the token endpoint without HTTP: cheap before dear, stateless before stateful, and nothing is spent before
// everything has been judged. It gives the nonce to hand out with the answer, also when it refuses.
func (i *Issuer) processToken(ctx context.Context, req *tokenRequest, e *Event) (answer *tokenAnswer, nonce string, err error) {
	now := i.cfg.Now()
	grant, err := i.grant(req.form.get("grant_type"))
	if err != nil {
		return nil, "", err
	}
	e.GrantType = grant.Type()
	held, err := i.possess(req.evidence)
	if skew, ok := errors.AsType[*dpop.Skew](err); ok {
		e.Offset, e.HasOffset = skew.Offset, true
	}
	if err != nil {
		return nil, "", err
	}
	e.Thumbprint = held.thumbprint()
	if held.proof != nil {
		nonce, e.Offset, e.HasOffset = held.proof.NextNonce(), held.proof.Offset(), true
	}
	client, err := i.authenticate(ctx, req, held, now)
	if err != nil {
		return nil, nonce, err
	}
	e.ClientID = client.ID
	if wait, ok := i.served.take(client.ID, now); !ok {
		return nil, nonce, tooMany(wait, "too many requests of this client")
	}
	if !slices.Contains(client.GrantTypes, grant.Type()) {
		return nil, nonce, tenon.Refuse(tenon.UnauthorizedClient, "grant_type", "this client may not use the grant type %s", grant.Type()) // RFC 6749 §5.2
	}
	p := &plan{caller: client, held: held, now: now.Truncate(time.Second), from: req.from}
	p.expires = p.now.Add(i.cfg.Tokens.Lifetime)
	if p.cnf, err = held.bind(&client.Client, i.cfg.Profile, now); err != nil {
		return nil, nonce, err
	}
	if p.authorization, err = grant.Authorize(ctx, Request{Client: &client.Client, parameters: req.form}); err != nil {
		return nil, nonce, err
	}
	answer, err = i.issue(ctx, p, e)
	if err == nil && req.form.get("binding_receipt") == "true" {
		answer.Receipt = i.receipt(ctx, e)
	}
	return answer, nonce, err
}

// receipt gives the proof that a token is in the log. Its absence costs the client nothing: it can be fetched later.
func (i *Issuer) receipt(ctx context.Context, e *Event) string {
	if i.cfg.Log.Receipt == nil {
		return ""
	}
	receipt, err := i.cfg.Log.Receipt(ctx, e.LeafIndex)
	if err != nil {
		e.Err = fmt.Errorf("receipt of entry %d: %w", e.LeafIndex, err)
		return ""
	}
	return string(receipt)
}

// issue spends, records and signs, in this order: no token without a record.
func (i *Issuer) issue(ctx context.Context, p *plan, e *Event) (*tokenAnswer, error) {
	var err error
	if p.key, err = i.cfg.Signing.active(p.now); err != nil {
		return nil, err
	}
	begin := time.Now()
	index, err := i.commit(ctx, p)
	e.Commit = time.Since(begin)
	if err != nil {
		return nil, err
	}
	token, err := i.mint(p, index)
	if err != nil {
		return nil, err
	}
	e.Issued = Issued{KeyID: p.key.id(), LeafIndex: index}
	return &tokenAnswer{
		AccessToken: token,
		TokenType:   tokenType(p.cnf),
		ExpiresIn:   int64(i.cfg.Tokens.Lifetime / time.Second),
		Scope:       p.authorization.Scope.String(), // RFC 6749 §3.3
	}, nil
}
