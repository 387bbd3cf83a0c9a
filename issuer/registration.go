package issuer

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
)

const (
	maxClientID   = 128
	maxClientKeys = 16 // an assertion without a kid may be tried on every key
)

// supported reports whether alg may sign anything here: the list of FAPI 2.0 §5.4.1 (1).
func supported(alg dpop.Algorithm) bool { return slices.Contains(dpop.Algorithms(), alg) }

// Validate reports everything that is wrong with a registration.
func (c Client) Validate(profile Profile) error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if err := checkClientID(c.ID); err != nil {
		fault("%w", err)
	}
	if len(c.Name) > 200 {
		fault("client_name is longer than 200 bytes")
	}
	faults = append(faults, c.validateMethod(profile), c.validateKeys(), c.validateBinding(profile), c.validateGrants(), c.validateFlow(), c.validateIdentity(), c.validateService())
	if again, err := tenon.ParseScope(c.Scope.String()); err != nil || !slices.Equal(again, c.Scope) {
		fault("scope %q: each token must be printable ASCII without spaces, quotes and backslashes, and come once", c.Scope)
	}
	faults = append(faults, checkResources("resources", c.Resources))
	return errors.Join(faults...)
}

// checkClientID keeps client ids to the unreserved characters of URLs. Subjects of people are of a namespace with a colon in
// every name, so that no client can be registered that could pass for a person (RFC 9068 §5, FAPI 2.0 §6.7).
func checkClientID(id string) error {
	if id == "" || len(id) > maxClientID {
		return fmt.Errorf("client_id has %d characters: use 1 to %d", len(id), maxClientID)
	}
	for i := range len(id) {
		c := id[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' && c != '~' {
			return fmt.Errorf("client_id %q: use letters, digits and - . _ ~ only, so that it cannot look like the subject of a person", id)
		}
	}
	return nil
}

// checkResource holds a resource indicator to RFC 8707 §2.
func checkResource(r string) error {
	u, err := url.Parse(r)
	switch {
	case err != nil || !u.IsAbs():
		return fmt.Errorf("%q is not an absolute URI", r)
	case len(r) > 512:
		return fmt.Errorf("%.40q... is longer than 512 bytes", r)
	case u.Fragment != "" || r[len(r)-1] == '#':
		return fmt.Errorf("%q has a fragment", r)
	case u.User != nil:
		return fmt.Errorf("%q has user information", r)
	}
	return nil
}

// checkResources looks at a list of resource indicators.
func checkResources(member string, resources []string) error {
	var faults []error
	for i, r := range resources {
		if err := checkResource(r); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", member, err))
		}
		if slices.Contains(resources[:i], r) {
			faults = append(faults, fmt.Errorf("%s: %q comes twice", member, r))
		}
	}
	return errors.Join(faults...)
}

// validateMethod looks at how the client authenticates and at what belongs to that and to nothing else.
func (c Client) validateMethod(profile Profile) error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	switch {
	case slices.Contains([]string{PrivateKeyJWT, TLSClientAuth, SelfSignedTLSAuth}, c.AuthMethod):
	case c.AuthMethod == NoAuth && profile == OAuth2:
	case c.AuthMethod == "":
		fault("token_endpoint_auth_method is missing: use private_key_jwt, tls_client_auth or self_signed_tls_client_auth")
	case slices.Contains([]string{NoAuth, "client_secret_basic", "client_secret_post", "client_secret_jwt"}, c.AuthMethod):
		fault("token_endpoint_auth_method %s: secrets are not taken, and public clients under profile oauth2 only; use private_key_jwt, tls_client_auth or self_signed_tls_client_auth", c.AuthMethod) // FAPI 2.0 §5.3.2.1 (3), (6)
	default:
		fault("token_endpoint_auth_method %q is not known: use private_key_jwt, tls_client_auth or self_signed_tls_client_auth", c.AuthMethod)
	}
	switch {
	case c.AuthMethod == PrivateKeyJWT && !supported(dpop.Algorithm(c.Algorithm)):
		fault("token_endpoint_auth_signing_alg %q: use one of %v", c.Algorithm, dpop.Algorithms()) // FAPI 2.0 §5.4.1 (1)
	case c.AuthMethod != PrivateKeyJWT && c.Algorithm != "":
		fault("token_endpoint_auth_signing_alg belongs to private_key_jwt only")
	}
	if c.AuthMethod == TLSClientAuth {
		if err := c.Subject.Validate(); err != nil { // RFC 8705 §2.1.2
			fault("%w", err)
		}
	} else if c.Subject.DN+c.Subject.DNS+c.Subject.URI+c.Subject.IP+c.Subject.Email != "" {
		fault("a certificate subject belongs to tls_client_auth only")
	}
	return errors.Join(faults...)
}

// validateKeys looks at every key: one that is not needed now may be by the next edit.
func (c Client) validateKeys() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	keys := c.JWKS.Keys
	if len(keys) > maxClientKeys {
		return fmt.Errorf("jwks has %d keys: at most %d are taken", len(keys), maxClientKeys)
	}
	usable := 0
	for i, k := range keys {
		name := fmt.Sprintf("jwks key %d (kid %q)", i, k.KeyID)
		if slices.ContainsFunc(keys[:i], func(o jose.JSONWebKey) bool { return o.KeyID != "" && o.KeyID == k.KeyID }) {
			fault("%s: another key has the same kid", name) // FAPI 2.0 §5.4.2
		}
		switch err := checkKey(k, c.Algorithm); {
		case err != nil:
			fault("%s: %w", name, err)
		case c.AuthMethod == SelfSignedTLSAuth && len(k.Certificates) == 0:
			fault("%s: x5c is missing, and the certificate in it is what is compared", name) // RFC 8705 §2.2.2
		default:
			usable++
		}
	}
	if usable == 0 && (c.AuthMethod == PrivateKeyJWT || c.AuthMethod == SelfSignedTLSAuth) {
		fault("jwks has no usable key, and %s needs one", c.AuthMethod)
	}
	return errors.Join(faults...)
}

// checkKey refuses a key that is private, weak or meant for something else. alg is "" when the key is not for assertions.
func checkKey(k jose.JSONWebKey, alg string) error {
	if !k.IsPublic() {
		return errors.New("this is a private or symmetric key: register the public one, and treat this one as known to others")
	}
	if !k.Valid() {
		return errors.New("it is not a valid key")
	}
	if k.Use != "" && k.Use != "sig" {
		return fmt.Errorf("use is %q, not sig", k.Use)
	}
	if k.CertificatesURL != nil {
		return errors.New("x5u is not fetched: leave it out")
	}
	if k.Algorithm != "" && alg != "" && k.Algorithm != alg {
		return fmt.Errorf("alg is %s, and token_endpoint_auth_signing_alg is %s", k.Algorithm, alg) // RFC 8725 §3.1: one key, one alg
	}
	fits, want := false, "an EC P-256, RSA or Ed25519 key"
	switch key := k.Key.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < 2048 || key.N.BitLen() > 8192 || key.E < 65537 || key.E%2 == 0 {
			return fmt.Errorf("RSA with %d bits and exponent %d: use 2048 to 8192 bits and 65537", key.N.BitLen(), key.E) // FAPI 2.0 §5.4.1 (2)
		}
		fits, want = alg == "" || alg == string(dpop.PS256), "an RSA key, for PS256"
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() && alg != "" {
			return fmt.Errorf("curve %s does not fit %s", key.Curve.Params().Name, alg)
		}
		fits, want = alg == "" || alg == string(dpop.ES256), "an EC key, for ES256"
	case ed25519.PublicKey:
		fits, want = alg == "" || alg == string(dpop.EdDSA) || alg == string(dpop.Ed25519), "an Ed25519 key"
	}
	if !fits {
		return fmt.Errorf("it is %s, and does not fit %s", want, alg)
	}
	return nil
}

// validateBinding looks at what the client's tokens are bound to.
func (c Client) validateBinding(profile Profile) error {
	switch {
	case c.Bearer && profile != OAuth2:
		return fmt.Errorf("bearer: profile %s binds every token to a key", profile) // FAPI 2.0 §5.3.2.1 (4), (5)
	case c.AuthMethod == NoAuth && (!c.DPoPBound || c.Bearer): // nothing else would tell who may use a refresh token (RFC 9449 §5)
		return errors.New("a public client needs dpop_bound_access_tokens: only its key tells it from others")
	case c.Bearer && (c.DPoPBound || c.CertificateBound):
		return errors.New("bearer contradicts dpop_bound_access_tokens and tls_client_certificate_bound_access_tokens")
	}
	return nil
}
