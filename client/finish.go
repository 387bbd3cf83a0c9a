package client

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net/url"

	"github.com/tenon-auth/tenon"
)

// Denied is the server's answer when there will be no session: the person refused, or could not be asked.
type Denied struct {
	Code        tenon.Code // access_denied, login_required, ... (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6)
	Description string     // the server's words, made printable
}

func (d *Denied) Error() string {
	if d.Description == "" {
		return "the login was refused: " + string(d.Code)
	}
	return fmt.Sprintf("the login was refused: %s: %s", d.Code, d.Description)
}

// Unwrap lets errors.Is find the code.
func (d *Denied) Unwrap() error { return d.Code }

// Distrust says that something claims to come from the authorization server and is not believed. Nothing was done with it.
type Distrust struct {
	What   string // "authorization response", "ID token" or "userinfo"
	Check  string // that it failed, in a short stable word: "state", "iss", "aud", "nonce", ...
	Detail string
}

func (d *Distrust) Error() string {
	return fmt.Sprintf("the %s is not believed (%s): %s", d.What, d.Check, d.Detail)
}

// Finish takes the answer that the browser brought to the attempt's RedirectURI, and gives the person's session. The answer
// is believed only when it belongs to this attempt and comes from this issuer; until then nothing is called (FAPI 2.0
// §5.3.3.2 (5), RFC 9207 §2.4). What it gives is in the vault before Finish returns.
func (c *Client) Finish(ctx context.Context, a *Attempt, response url.Values) (*Session, error) {
	code, err := a.accept(response, c.cfg.Issuer)
	if err != nil {
		return nil, err
	}
	l := newLifeline(c, a.Vault)
	form := url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {code},
		"redirect_uri":  {a.RedirectURI},
		"code_verifier": {a.Verifier},
	}
	var s *success
	var g *grant
	err = c.send(ctx, tokenMessage(form, func(from *answer) (err error) {
		if s, err = from.success(c.cfg.Key != nil); err != nil {
			return err
		}
		g = from.grant(s)
		return l.start(ctx, s, g, a)
	}))
	if err != nil {
		if s != nil && s.refreshToken != "" {
			c.revoke(ctx, s.refreshToken, "refresh_token") // nobody will use it; should that fail, it says nothing new
		}
		return nil, err
	}
	return newSession(c, l, g)
}

// accept checks an authorization response and gives the code in it.
func (a *Attempt) accept(response url.Values, issuer string) (code string, err error) {
	distrust := func(check, format string, args ...any) error {
		return &Distrust{"authorization response", check, fmt.Sprintf(format, args...)}
	}
	for _, name := range []string{"state", "iss", "code", "error"} {
		if len(response[name]) > 1 { // RFC 6749 §3.1
			return "", distrust("duplicate", "%s comes %d times", name, len(response[name]))
		}
	}
	switch iss := response.Get("iss"); {
	case a.State == "" || subtle.ConstantTimeCompare([]byte(response.Get("state")), []byte(a.State)) != 1: // RFC 6749 §10.12
		return "", distrust("state", "it belongs to another login, or to none")
	case iss != issuer: // FAPI 2.0 §5.3.3.2 (5), RFC 9207 §2.4: there, and equal, not equivalent
		return "", distrust("iss", "it comes from %q, the login is with %q", printable(iss), issuer)
	}
	a.State = "" // whatever it says, this was the answer
	if failure := response.Get("error"); failure != "" {
		return "", &Denied{tenon.Code(printable(failure)), printable(response.Get("error_description"))}
	}
	code = response.Get("code")
	if len(code) > maxCode || !isVisible(code) {
		return "", distrust("code", "it has neither a code nor an error")
	}
	return code, nil
}

// maxCode bounds an authorization code.
const maxCode = 4096

// start keeps what the code gave. Who the person is must be certain before anything is kept.
func (l *lifeline) start(ctx context.Context, s *success, g *grant, a *Attempt) error {
	l.held = stored{
		Issuer: l.c.cfg.Issuer, ClientID: l.c.cfg.ClientID, Bound: l.c.boundTo(g.over),
		Scope: a.Scope, Resource: a.Resource, Details: s.details,
	}
	if s.scope != "" { // RFC 6749 §5.1: it differs from what was asked for
		scope, err := tenon.ParseScope(s.scope)
		if err != nil {
			return fmt.Errorf("token response: scope: %w", err)
		}
		l.held.Scope = scope
	}
	if a.openID() {
		if s.idToken == "" {
			return &Distrust{"ID token", "missing", "the scope openid was asked for, and there is none"} // OpenID Connect Core §3.1.3.3
		}
		id, err := l.c.verifyIDToken(ctx, s.idToken, expectation{
			nonce: a.Nonce, withNonce: true, acr: a.ACR, maxAge: a.MaxAge, accessToken: s.accessToken,
		})
		if err != nil {
			return err
		}
		l.identity, l.held.IDToken = id, s.idToken
	}
	if s.refreshToken != "" {
		l.held.Refresh = []string{s.refreshToken}
	}
	l.held.keepAccess(g)
	return l.save(ctx)
}
