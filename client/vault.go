package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/internal/strictjson"
	"github.com/tenon-auth/tenon/mtls"
)

// A Vault keeps one session where it outlives the program: a file that only its owner can read, a row that is encrypted.
// What it keeps is secret. Several programs may share one.
type Vault interface {
	// Load gives what was saved last; nothing and no error when there is nothing.
	Load(ctx context.Context) ([]byte, error)
	// Save replaces what is kept, all or nothing: when it returns nil the new is there, also after a crash; when it returns
	// an error the old still is. Nothing is saved in order to forget.
	Save(ctx context.Context, data []byte) error
}

// stored is a session as a vault keeps it.
type stored struct {
	Issuer   string          `json:"issuer"`
	ClientID string          `json:"client_id"`
	Bound    string          `json:"bound_to"`                 // thumbprint of the key or certificate of the access token
	Refresh  []string        `json:"refresh_tokens,omitempty"` // the newest first; an older one stays until a newer one has worked
	Access   *storedToken    `json:"access,omitempty"`
	Scope    tenon.Scope     `json:"scope,omitempty"`
	Resource []string        `json:"resource,omitempty"`
	Details  json.RawMessage `json:"authorization_details,omitempty"`
	IDToken  string          `json:"id_token,omitempty"`
}

type storedToken struct {
	Token   string    `json:"access_token"`
	Type    string    `json:"token_type"`
	Start   time.Time `json:"asked_at"`
	Expires time.Time `json:"expires"`
}

// keepAccess notes the access token, so that the next program that resumes the session needs no new one at once.
func (s *stored) keepAccess(g *grant) {
	life := time.Duration(g.token.ExpiresIn) * time.Second
	s.Access = &storedToken{Token: g.token.AccessToken, Type: g.token.TokenType, Start: g.token.Expiry.Add(-life), Expires: g.token.Expiry}
}

// read reads back a session of this client. That of another client, or with another issuer, is not touched: a refresh
// token is shown to nobody but the issuer that made it.
func (c *Client) read(data []byte) (*stored, error) {
	if err := strictjson.Object(data, func(string, strictjson.Value) error { return nil }); err != nil {
		return nil, fmt.Errorf("client: the stored session cannot be read: %w", err)
	}
	var s stored
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("client: the stored session cannot be read: %w", err)
	}
	switch {
	case s.Issuer != c.cfg.Issuer:
		return nil, fmt.Errorf("client: the stored session is with %q, not with %q", s.Issuer, c.cfg.Issuer)
	case s.ClientID != c.cfg.ClientID:
		return nil, fmt.Errorf("client: the stored session is of client %q, not of %q", s.ClientID, c.cfg.ClientID)
	case len(s.Refresh) == 0 && s.Access == nil:
		return nil, errors.New("client: the stored session has no token")
	}
	return &s, nil
}

// boundTo names what a token is bound to: the key, or else the certificate that it was asked for with.
func (c *Client) boundTo(over *identity) string {
	switch {
	case c.cfg.Key != nil:
		return c.cfg.Key.Thumbprint()
	case over != nil:
		return mtls.Thumbprint(over.certificate)
	}
	return ""
}

// memory is the vault of a session that does not outlive the program.
type memory struct{ data []byte }

var _ Vault = (*memory)(nil)

func (m *memory) Load(context.Context) ([]byte, error) { return m.data, nil }

func (m *memory) Save(_ context.Context, data []byte) error {
	m.data = data
	return nil
}
