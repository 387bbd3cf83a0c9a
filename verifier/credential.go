package verifier

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// A Credential shows an issuer who is asking.
type Credential interface {
	// Authenticate adds to a form what authenticates the sender. It is called once for each request that is sent, because an
	// assertion is good for one. An error means that nothing is sent.
	Authenticate(ctx context.Context, form url.Values) error
}

// A ClientID is the Credential of who authenticates with the certificate of its HTTP client (RFC 8705 §2).
type ClientID string

var _ Credential = ClientID("")

// Authenticate implements [Credential].
func (id ClientID) Authenticate(_ context.Context, form url.Values) error {
	if id == "" {
		return errors.New("verifier: the client id is empty")
	}
	form.Set("client_id", string(id))
	return nil
}

// PrivateKeyJWT is the Credential of who authenticates with a signed assertion (RFC 7523 §2.2).
type PrivateKeyJWT struct {
	Issuer   string // whom the assertion is for: the issuer's identifier, not an address (FAPI 2.0 §5.3.3.1 (5))
	ClientID string
	// Key is the private key with its alg and, when the issuer knows it by one, its kid.
	Key jose.JSONWebKey
	Now func() time.Time // nil means time.Now
}

var _ Credential = (*PrivateKeyJWT)(nil)

// assertionLifetime is how long an assertion is good. It is sent at once.
const assertionLifetime = time.Minute

// Authenticate implements [Credential].
func (k *PrivateKeyJWT) Authenticate(_ context.Context, form url.Values) error {
	now := time.Now
	if k.Now != nil {
		now = k.Now
	}
	claims, err := json.Marshal(map[string]any{
		"iss": k.ClientID, "sub": k.ClientID, "aud": k.Issuer, "jti": rand.Text(),
		"iat": now().Unix(), "exp": now().Add(assertionLifetime).Unix(),
	})
	if err != nil {
		return err
	}
	assertion, err := k.sign(claims)
	if err != nil {
		return fmt.Errorf("verifier: client assertion: %w", err)
	}
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", assertion)
	return nil
}

func (k *PrivateKeyJWT) sign(claims []byte) (string, error) {
	options := new(jose.SignerOptions).WithType("client-authentication+jwt") // draft-ietf-oauth-rfc7523bis §4
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(k.Key.Algorithm), Key: k.Key}, options)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}
