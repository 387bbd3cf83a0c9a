package issuer

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/tenon-auth/tenon"
)

// A tokenAnswer is a successful answer (RFC 6749 §5.1).
type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
	Scope       string `json:"scope,omitempty"`
	Receipt     string `json:"binding_receipt,omitempty"` // a tlog-proof, when it was asked for
}

// processToken is the token endpoint without HTTP: cheap before dear, stateless before stateful, and nothing is spent before
// everything has been judged. It gives the nonce to hand out with the answer, also when it refuses.
func (i *Issuer) processToken(ctx context.Context, req *call, e *Event) (_ reply, nonce string, err error) {
	now := i.cfg.Now()
	grant, err := i.grant(req.form.get("grant_type"))
	if err != nil {
		return reply{}, "", err
	}
	e.GrantType = grant.Type()
	id, err := i.identify(ctx, req, e, now)
	if err != nil {
		return reply{}, id.nonce, err
	}
	answer, err := i.grantToken(ctx, &plan{identified: id, now: now.Truncate(time.Second), from: req.from}, grant, req.form, e)
	return reply{http.StatusOK, answer}, id.nonce, err
}

// grantToken judges what an identified client asks for, and gives it.
func (i *Issuer) grantToken(ctx context.Context, p *plan, grant Grant, f form, e *Event) (answer *tokenAnswer, err error) {
	client := p.caller
	if !slices.Contains(client.GrantTypes, grant.Type()) {
		return nil, tenon.Refuse(tenon.UnauthorizedClient, "grant_type", "this client may not use the grant type %s", grant.Type()) // RFC 6749 §5.2
	}
	p.expires = p.now.Add(i.cfg.Tokens.Lifetime)
	if p.cnf, err = p.held.bind(&client.Client, i.cfg.Profile, p.now); err != nil {
		return nil, err
	}
	if p.authorization, err = grant.Authorize(ctx, Request{Client: &client.Client, Binding: p.cnf, Now: p.now, parameters: f}); err != nil {
		return nil, err
	}
	answer, err = i.issue(ctx, p, e)
	if err == nil && f.get("binding_receipt") == "true" {
		answer.Receipt = i.receipt(ctx, e)
	}
	return answer, err
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
