package verifier

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/tenon-auth/tenon/internal/strictjson"
)

// discover finds the address of an issuer's key set: in its RFC 8414 document, or where there is none in the one of OpenID Connect
// Discovery.
func (s site) discover(ctx context.Context, issuer string) (string, error) {
	u, err := url.Parse(issuer)
	if err != nil {
		return "", err
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	origin := u.Scheme + "://" + u.Host
	data, err := s.read(ctx, origin+"/.well-known/oauth-authorization-server"+path, "application/json") // RFC 8414 §3.1
	if errors.Is(err, errNotFound) {
		data, err = s.read(ctx, origin+path+"/.well-known/openid-configuration", "application/json") // OpenID Connect Discovery 1.0 §4
	}
	if err != nil {
		return "", err
	}
	return keysAddress(data, issuer)
}

// keysAddress reads jwks_uri from a metadata document. The document must be the issuer's own, and the keys must be under the issuer's
// origin: an issuer that keeps them elsewhere is named by the URL of its key set.
func keysAddress(metadata []byte, issuer string) (string, error) {
	var claimed, address string
	err := strictjson.Object(metadata, func(name string, v strictjson.Value) (err error) {
		switch name {
		case "issuer":
			claimed, err = v.Str()
		case "jwks_uri":
			address, err = v.Str()
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("metadata of %s: %w", issuer, err)
	}
	if claimed != issuer {
		return "", fmt.Errorf("metadata of %s is of issuer %q", issuer, claimed) // RFC 8414 §3.3
	}
	own, err := url.Parse(issuer)
	if err != nil {
		return "", err
	}
	keys, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("jwks_uri: %w", err)
	}
	if err := sameOrigin(own, keys); err != nil {
		return "", fmt.Errorf("jwks_uri: %w", err)
	}
	return address, nil
}
