package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"

	"github.com/tenon-auth/tenon"
)

// ErrNoRefresh says that a session has ended and cannot be continued: the server gave no refresh token for it.
var ErrNoRefresh = errors.New("the session has no refresh token and its access token is no longer good: log in again")

// A lifeline holds what a session lives by: its refresh tokens. The rule is that at every moment, also after a crash, the
// vault has a token that the server takes:
//
//   - A refresh token that the server returns is in the vault before the access token that came with it is used.
//   - The one before it stays beside it until the new one has worked once. Should the new one be refused, the old one is
//     tried: a server that rotates grants a while for that (FAPI 2.0 §5.3.2.1 (9)).
//   - Only invalid_grant says that a token is no good. A lost connection, a nonce challenge, an overloaded server or a
//     refused client change nothing.
//   - Another program may have renewed the same session meanwhile: what it put into the vault is looked at first.
//
// One refresh is under way at a time: the keeper sees to that.
type lifeline struct {
	c     *Client
	vault Vault
	shown atomic.Pointer[shown] // for those who only look

	turn     chan struct{} // of size 1: who has put something in owns what follows
	held     stored
	identity *Identity // nil without openid
	unsaved  bool      // held has a refresh token that the vault has not
	ended    error     // the server refused every refresh token
	endedAt  time.Time
}

// shown is what a session tells of itself. It is never changed, only replaced.
type shown struct {
	identity *Identity
	scope    tenon.Scope
	details  json.RawMessage
}

func newLifeline(c *Client, v Vault) *lifeline {
	if v == nil {
		v = &memory{}
	}
	return &lifeline{c: c, vault: v, turn: make(chan struct{}, 1)}
}

func (l *lifeline) lock(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// unlock shows what has changed.
func (l *lifeline) unlock() {
	l.shown.Store(&shown{l.identity, l.held.Scope, l.held.Details})
	<-l.turn
}

// endedFor is how long the server is not asked again about refresh tokens that it has refused.
const endedFor = time.Minute

// renew gets the next access token.
func (l *lifeline) renew(ctx context.Context) (*grant, error) {
	if err := l.lock(ctx); err != nil {
		return nil, err
	}
	defer l.unlock()
	if l.unsaved { // what the last refresh gave could not be kept, and so was not used
		if err := l.save(ctx); err != nil {
			return nil, err
		}
		if g := l.resumed(); g != nil {
			return g, nil
		}
	}
	if g, err := l.adopt(ctx); g != nil || err != nil {
		return g, err
	}
	switch {
	case len(l.held.Refresh) == 0:
		return nil, ErrNoRefresh
	case l.ended != nil && l.c.now().Sub(l.endedAt) < endedFor:
		return nil, l.ended
	}
	var refused error
	for _, token := range slices.Clone(l.held.Refresh) {
		g, err := l.redeem(ctx, token)
		if !errors.Is(err, tenon.InvalidGrant) {
			return g, err
		}
		refused = err
	}
	l.ended, l.endedAt = fmt.Errorf("the session has ended, log in again: %w", refused), l.c.now()
	return nil, l.ended
}

// adopt looks whether another program has renewed the session. It gives an access token when that one left one that this
// program has not had yet.
func (l *lifeline) adopt(ctx context.Context) (*grant, error) {
	data, err := l.vault.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("client: session: %w", err)
	}
	if len(data) == 0 {
		return nil, errLoggedOut
	}
	there, err := l.c.read(data)
	if err != nil {
		return nil, err
	}
	had := l.held
	newer := there.Access != nil && (had.Access == nil || there.Access.Start.After(had.Access.Start))
	if !newer && slices.Equal(had.Refresh, there.Refresh) {
		return nil, nil
	}
	l.held, l.ended = *there, nil
	if !newer {
		return nil, nil
	}
	return l.resumed(), nil
}

// resumed gives the stored access token, when it can still be used: with the key or certificate that it is bound to.
func (l *lifeline) resumed() *grant {
	a := l.held.Access
	if a == nil {
		return nil
	}
	g := &grant{token: &oauth2.Token{
		AccessToken: a.Token, TokenType: a.Type, Expiry: a.Expires, ExpiresIn: int64(a.Expires.Sub(a.Start) / time.Second),
	}}
	g.refresh, g.expires = lifetimes(a.Start, a.Expires.Sub(a.Start))
	if l.c.wardrobe != nil {
		worn, err := l.c.wardrobe.identity()
		if err != nil {
			return nil // the refresh will say what is wrong with it
		}
		g.over = worn
	}
	if l.held.Bound != l.c.boundTo(g.over) || !l.c.now().Before(g.expires) {
		return nil
	}
	return g
}

// redeem asks for an access token with one refresh token (RFC 6749 §6). The proof is made with the session's key.
func (l *lifeline) redeem(ctx context.Context, token string) (*grant, error) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
	var g *grant
	m := tokenMessage(form, func(from *answer) error {
		s, err := parseSuccess(from.body)
		if err != nil {
			return err
		}
		g = from.grant(s)
		return l.advance(ctx, token, s, g)
	})
	m.grant = "" // who gives refresh tokens takes them, whatever its metadata says
	if err := l.c.send(ctx, m); err != nil {
		return nil, err
	}
	return g, nil
}

// advance keeps what a refresh gave. The refresh token comes first: it is kept even when the rest of the answer is no good.
func (l *lifeline) advance(ctx context.Context, used string, s *success, g *grant) error {
	before := l.held.Refresh
	l.held.Refresh = []string{used} // it worked: what came before it is not needed any more
	if s.refreshToken != "" && s.refreshToken != used {
		l.held.Refresh = []string{s.refreshToken, used} // FAPI 2.0 §5.3.3.1 (6)
	}
	bad := l.judge(ctx, s)
	if bad == nil {
		l.held.Bound = l.c.boundTo(g.over)
		l.held.keepAccess(g)
		if s.details != nil {
			l.held.Details = s.details
		}
	}
	if err := l.save(ctx); err != nil && !slices.Equal(before, l.held.Refresh) {
		l.unsaved = true
		return err // without it the next start would come with a refresh token that is good no longer
	}
	return bad
}

// judge looks at what came besides the refresh token.
func (l *lifeline) judge(ctx context.Context, s *success) error {
	if err := s.bound(l.c.cfg.Key != nil); err != nil {
		return err
	}
	if s.idToken == "" || l.identity == nil {
		return nil
	}
	id, err := l.c.verifyIDToken(ctx, s.idToken, expectation{accessToken: s.accessToken, nonce: l.identity.nonce, before: l.identity})
	if err != nil {
		return err
	}
	l.identity, l.held.IDToken = id, s.idToken
	return nil
}

// save puts what is held into the vault.
func (l *lifeline) save(ctx context.Context) error {
	data, err := json.Marshal(l.held)
	if err != nil {
		return fmt.Errorf("client: session: %w", err)
	}
	if err := l.vault.Save(ctx, data); err != nil {
		return fmt.Errorf("client: the session could not be kept: %w", err)
	}
	l.unsaved = false
	return nil
}
