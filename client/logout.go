package client

import (
	"context"
	"errors"
	"fmt"
	"net/url"
)

// Logout ends the session: the server revokes its tokens (RFC 7009), then the vault forgets it. When the server cannot be
// reached nothing is forgotten, so that Logout can be tried again; Forget does it in any case.
func (s *Session) Logout(ctx context.Context) error {
	l := s.lifeline
	if err := l.lock(ctx); err != nil {
		return err
	}
	defer l.unlock()
	var errs []error
	for _, token := range l.held.Refresh { // with it goes what was made from it (RFC 7009 §2.1)
		errs = append(errs, s.c.revoke(ctx, token, "refresh_token"))
	}
	if a := l.held.Access; a != nil {
		errs = append(errs, s.c.revoke(ctx, a.Token, "access_token"))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return s.forget(ctx)
}

// Forget makes the vault forget the session, and this program too. The server is not told: its tokens live on until they
// expire, and nobody here has them.
func (s *Session) Forget(ctx context.Context) error {
	if err := s.lifeline.lock(ctx); err != nil {
		return err
	}
	defer s.lifeline.unlock()
	return s.forget(ctx)
}

func (s *Session) forget(ctx context.Context) error {
	l := s.lifeline
	l.held.Refresh, l.held.Access, l.unsaved = nil, nil, false
	s.keeper.shut(errLoggedOut)
	if err := l.vault.Save(ctx, nil); err != nil {
		return fmt.Errorf("client: the vault did not forget the session: %w", err)
	}
	return nil
}

// revoke asks the server to end one token. A token that it does not know is as good as ended (RFC 7009 §2.2).
func (c *Client) revoke(ctx context.Context, token, hint string) error {
	return c.send(ctx, message{
		to:   func(e *Endpoints) string { return e.RevocationEndpoint },
		name: "revocation_endpoint",
		form: url.Values{"token": {token}, "token_type_hint": {hint}},
		read: func(*answer) error { return nil },
	})
}
