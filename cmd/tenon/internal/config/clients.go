package config

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/mtls"
)

// maxJWKS bounds a client's key file.
const maxJWKS = 256 << 10

// ProfileID gives the profile as the issuer knows it.
func (c *Config) ProfileID() issuer.Profile {
	if c.Profile == issuer.OAuth2.String() {
		return issuer.OAuth2
	}
	return issuer.FAPI2
}

// clients judges the declared clients, each by itself and against the rest of the file.
func (j judge) clients() {
	first := map[string]int{}
	for i := range j.Clients {
		c, at := &j.Clients[i], fmt.Sprintf("clients[%d]", i)
		if other, twice := first[c.ID]; twice {
			j.fault(at+".id", "client %q is declared twice, first on line %d: remove one", c.ID, j.source.nearestMark(fmt.Sprintf("clients[%d].id", other)).line)
			continue
		}
		first[c.ID] = i
		if c.Bearer && j.ProfileID() == issuer.FAPI2 {
			j.fault(at+".bearer", `profile fapi2 does not allow bearer tokens: remove "bearer: true" or use profile oauth2`) // FAPI 2.0 §5.3.2.1 (4)
			continue
		}
		if j.needsListener(c, at) {
			continue
		}
		j.registration(c, at)
	}
}

// needsListener blames a client whose certificate nobody would ask for.
func (j judge) needsListener(c *Client, at string) bool {
	switch {
	case j.MTLS.Listen == "" && (c.AuthMethod == issuer.TLSClientAuth || c.AuthMethod == issuer.SelfSignedTLSAuth):
		j.fault(at+".token_endpoint_auth_method", "%s needs the listener for certificates: add mtls.listen", c.AuthMethod) // RFC 8705 §2
	case j.MTLS.Listen == "" && c.CertificateBound:
		j.fault(at+".tls_client_certificate_bound_access_tokens", "tokens bound to a certificate need the listener for certificates: add mtls.listen") // RFC 8705 §3
	case len(j.MTLS.ClientCA) == 0 && c.AuthMethod == issuer.TLSClientAuth:
		j.fault(at+".token_endpoint_auth_method", "tls_client_auth needs the authorities that sign client certificates: add mtls.client_ca") // RFC 8705 §7.4
	default:
		return false
	}
	return true
}

// registration holds a client to what the issuer accepts; every fault gets a line of its own.
func (j judge) registration(c *Client, at string) {
	registered, err := c.registration()
	if err = errors.Join(err, registered.Validate(j.ProfileID())); err == nil {
		return
	}
	for text := range strings.SplitSeq(err.Error(), "\n") {
		j.fault(at, "client %q: %s", c.ID, strings.TrimPrefix(text, "issuer: "))
	}
}

// Registrations gives the declared clients as the issuer registers them.
func (c *Config) Registrations() ([]issuer.Client, error) {
	var list []issuer.Client
	for i := range c.Clients {
		registered, err := c.Clients[i].registration()
		if err != nil {
			return nil, fmt.Errorf("client %q: %w", c.Clients[i].ID, err)
		}
		list = append(list, registered)
	}
	return list, nil
}

func (c *Client) registration() (issuer.Client, error) {
	scope, scopeErr := tenon.ParseScope(c.Scope)
	keys, keysErr := readJWKS(c.JWKSFile)
	algorithm := c.Algorithm
	if algorithm == "" && c.AuthMethod == issuer.PrivateKeyJWT {
		algorithm = AssertionAlgorithm(keys)
	}
	return issuer.Client{
		ID:               c.ID,
		Name:             c.Name,
		AuthMethod:       c.AuthMethod,
		Algorithm:        algorithm,
		JWKS:             keys,
		Subject:          mtls.Subject{DN: c.DN, DNS: c.DNS, URI: c.URI, IP: c.IP, Email: c.Email},
		GrantTypes:       c.GrantTypes,
		Scope:            scope,
		Resources:        c.Resources,
		DPoPBound:        c.DPoPBound,
		CertificateBound: c.CertificateBound,
		Bearer:           c.Bearer,
		Disabled:         c.Disabled,
		CodeFlow:         issuer.CodeFlow{RedirectURIs: c.RedirectURIs, DetailTypes: c.DetailTypes},
		Identity: issuer.Identity{
			SubjectType: c.SubjectType, Sector: c.Sector, IDTokenAlgorithm: c.IDTokenAlgorithm, UserInfoAlgorithm: c.UserInfoAlgorithm,
		},
		Service: issuer.Service{TokenFormat: c.TokenFormat, Serves: c.Serves},
	}, errors.Join(scopeErr, keysErr)
}

// AssertionAlgorithm gives what the first key of a set is for: what the key says, or else what keys of its kind sign with. It
// is "" when there is no such key.
func AssertionAlgorithm(keys jose.JSONWebKeySet) string {
	if len(keys.Keys) == 0 {
		return ""
	}
	key := keys.Keys[0]
	if key.Algorithm != "" {
		return key.Algorithm
	}
	switch key.Key.(type) {
	case *ecdsa.PublicKey:
		return string(dpop.ES256)
	case ed25519.PublicKey:
		return string(dpop.EdDSA)
	case *rsa.PublicKey:
		return string(dpop.PS256)
	}
	return ""
}

func readJWKS(path Path) (jose.JSONWebKeySet, error) {
	var keys jose.JSONWebKeySet
	if path == "" {
		return keys, nil
	}
	info, err := os.Stat(string(path))
	switch {
	case err != nil:
		return keys, fmt.Errorf("jwks_file: %w", err)
	case info.Size() > maxJWKS:
		return keys, fmt.Errorf("jwks_file %s is larger than %s", path, Size(maxJWKS))
	}
	text, err := os.ReadFile(string(path))
	if err != nil {
		return keys, fmt.Errorf("jwks_file: %w", err)
	}
	if err := json.Unmarshal(text, &keys); err != nil {
		return keys, fmt.Errorf("jwks_file %s is not a JWK Set: %w", path, err)
	}
	return keys, nil
}
