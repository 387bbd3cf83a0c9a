package issuer

import (
	"context"
	"errors"
	"net/http"
	"slices"
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
}

// A tokenAnswer is a successful answer (RFC 6749 §5.1).
type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
	Scope       string `json:"scope,omitempty"`
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
	return i.processToken(r.Context(), &tokenRequest{
		form:          f,
		authorization: r.Header.Values("Authorization"),
		evidence:      i.evidenceOf(r, url),
	}, e)
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
	p := &plan{caller: client, held: held, now: now.Truncate(time.Second)}
	p.expires = p.now.Add(i.cfg.Tokens.Lifetime)
	if p.cnf, err = held.bind(&client.Client, i.cfg.Profile, now); err != nil {
		return nil, nonce, err
	}
	if p.authorization, err = grant.Authorize(ctx, Request{Client: &client.Client, parameters: req.form}); err != nil {
		return nil, nonce, err
	}
	answer, err = i.issue(ctx, p, e)
	return answer, nonce, err
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
