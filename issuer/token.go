package issuer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer/rar"
)

// A tokenAnswer is a successful answer (RFC 6749 §5.1).
type tokenAnswer struct {
	AccessToken  string      `json:"access_token"`
	TokenType    string      `json:"token_type"`
	ExpiresIn    int64       `json:"expires_in"`
	Scope        string      `json:"scope,omitempty"`
	RefreshToken string      `json:"refresh_token,omitempty"`
	IDToken      string      `json:"id_token,omitempty"`
	Details      rar.Details `json:"authorization_details,omitempty"` // RFC 9396 §7
	Receipt      string      `json:"binding_receipt,omitempty"`       // a tlog-proof, when it was asked for
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
	client := &p.caller.Client
	if !client.may(grant.Type()) {
		return nil, tenon.Refuse(tenon.UnauthorizedClient, "grant_type", "this client may not use the grant type %s", grant.Type()) // RFC 6749 §5.2
	}
	p.expires = p.now.Add(i.cfg.Tokens.Lifetime)
	if p.cnf, err = p.held.bind(client, i.cfg.Profile, p.now); err != nil {
		return nil, err
	}
	answer, err = i.judgeAndIssue(ctx, p, grant, Request{Client: client, Binding: p.cnf, Now: p.now, parameters: f}, e)
	if again, ok := errors.AsType[*reuse](err); ok {
		return nil, i.punish(ctx, again)
	}
	if err == nil && f.get("binding_receipt") == "true" {
		answer.Receipt = i.receipt(ctx, e)
	}
	return answer, err
}

// attempts is how often a request is judged anew because another one was faster. After the first time there is little left to
// be overtaken in: a code is spent, a refresh token replaced.
const attempts = 8

// judgeAndIssue does what it says, and again if need be. When what was judged has changed before the commit, nothing has been spent, and it is judged again
// as it is now: so of two who redeem one code at once, the second is refused for what it is.
func (i *Issuer) judgeAndIssue(ctx context.Context, p *plan, grant Grant, req Request, e *Event) (answer *tokenAnswer, err error) {
	for range attempts {
		if p.authorization, err = grant.Authorize(ctx, req); err != nil {
			return nil, err
		}
		answer, err = i.issue(ctx, p, e)
		if overtaken := (*overtaken)(nil); !errors.As(err, &overtaken) {
			return answer, err
		}
	}
	return nil, unavailable(err)
}

// punish ends the grant of something that was used twice. While that is not done the caller is told to come back, and then it
// is tried again; that he goes away changes nothing.
func (i *Issuer) punish(ctx context.Context, r *reuse) error {
	if err := i.endGrant(context.WithoutCancel(ctx), r.grant, r.why); err != nil {
		return unavailable(errors.Join(r, err))
	}
	return r
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
	who, err := i.identity(ctx, p)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	index, err := i.commit(ctx, p)
	e.Commit += time.Since(begin)
	if err != nil {
		return nil, err
	}
	answer := &tokenAnswer{
		TokenType: tokenType(p.cnf),
		ExpiresIn: int64(i.cfg.Tokens.Lifetime / time.Second),
		Scope:     p.authorization.Scope.String(), // RFC 6749 §3.3
		Details:   p.authorization.Details,
	}
	if answer.AccessToken, err = i.mint(p, index); err != nil {
		return nil, err
	}
	if answer.IDToken, err = who.sign(p.key, answer.AccessToken); err != nil {
		return nil, err
	}
	if s := p.authorization.Standing; s != nil && s.Refresh != "" {
		answer.RefreshToken = indexed(refreshPrefix, s.first(index), s.Refresh)
	}
	e.Issued = Issued{KeyID: p.key.id(), LeafIndex: index}
	return answer, nil
}

// first gives the index of the entry of the grant's first token, when the one at hand has the given index.
func (s *Standing) first(index uint64) uint64 {
	if s.First != nil {
		return *s.First
	}
	return index
}
