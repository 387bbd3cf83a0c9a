package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"

	"github.com/tenon-auth/tenon/internal/strictjson"
)

const userInfoSize = 256 << 10

// UserInfo asks the server about the person (OpenID Connect Core §5.3) and reads the claims into v, as json.Unmarshal does.
// An answer about anybody else than the one who logged in is not used (§5.3.2).
func (s *Session) UserInfo(ctx context.Context, v any) error {
	person := s.Identity()
	if person == nil {
		return errors.New("client: who the person is was not asked for: log in with the scope openid")
	}
	claims, err := s.userInfo(ctx)
	if err != nil {
		return err
	}
	subject := ""
	err = strictjson.Object(claims, func(name string, v strictjson.Value) (err error) {
		if name == "sub" {
			subject, err = v.Str()
		}
		return err
	})
	switch {
	case err != nil:
		return &Distrust{"userinfo", "malformed", err.Error()}
	case subject != person.Subject: // OpenID Connect Core §5.3.2
		return &Distrust{"userinfo", "sub", "it is about somebody else"}
	}
	return json.Unmarshal(claims, v)
}

// userInfo gets the claims, signed or not.
func (s *Session) userInfo(ctx context.Context) ([]byte, error) {
	metadata, err := s.c.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	endpoint := metadata.UserInfoEndpoint
	if s.c.wardrobe != nil && metadata.MTLS.UserInfoEndpoint != "" {
		endpoint = metadata.MTLS.UserInfoEndpoint // RFC 8705 §5
	}
	if endpoint == "" {
		return nil, fmt.Errorf("client: %s has no userinfo_endpoint", metadata.Issuer)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json, application/jwt")
	resp, err := s.HTTPClient().Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		if refusal := s.c.Explain(resp); refusal != nil {
			return nil, refusal
		}
		return nil, fmt.Errorf("client: GET %s: %s, wanted 200", endpoint, resp.Status)
	}
	body, err := readAll(resp.Body, userInfoSize)
	if err != nil {
		return nil, fmt.Errorf("client: GET %s: %w", endpoint, err)
	}
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch mediaType {
	case "application/json":
		return body, nil
	case "application/jwt":
		return s.c.signedUserInfo(ctx, string(body))
	}
	return nil, &Distrust{"userinfo", "type", "it is of type " + printable(mediaType)}
}

// signedUserInfo verifies userinfo that is a JWT: of this issuer and for this client (OpenID Connect Core §5.3.2).
func (c *Client) signedUserInfo(ctx context.Context, raw string) ([]byte, error) {
	payload, _, err := c.verifySignature(ctx, raw, "JWT")
	var broken *Distrust
	if errors.As(err, &broken) {
		broken.What = "userinfo"
	}
	if err != nil {
		return nil, err
	}
	var issuer string
	var audience []string
	err = strictjson.Object(payload, func(name string, v strictjson.Value) (err error) {
		switch name {
		case "iss":
			issuer, err = v.Str()
		case "aud":
			audience, err = oneOrMore(v)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, &Distrust{"userinfo", "malformed", err.Error()}
	case issuer != c.cfg.Issuer:
		return nil, &Distrust{"userinfo", "iss", "it is of another issuer"}
	case len(audience) != 1 || audience[0] != c.cfg.ClientID:
		return nil, &Distrust{"userinfo", "aud", "it is not for this client alone"}
	}
	return payload, nil
}
