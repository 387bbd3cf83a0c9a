package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/go-jose/go-jose/v4"
	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/mtls"
)

// maxJWKS bounds a file of client keys.
const maxJWKS = 256 << 10

// registrationFlags are the options that describe a client. `client add` starts from nothing, `client edit` from what there is.
type registrationFlags struct {
	client issuer.Client
	scope  string
	jwks   string
}

func (f *registrationFlags) register(cmd *cobra.Command) {
	flags, c := cmd.Flags(), &f.client
	flags.StringVar(&c.Name, "name", "", "a `name` for people")
	flags.StringVar(&c.AuthMethod, "auth", issuer.PrivateKeyJWT, "how it authenticates: private_key_jwt, tls_client_auth or self_signed_tls_client_auth")
	flags.StringVar(&c.Algorithm, "alg", "", "the signature `algorithm` of its assertions: ES256, PS256, EdDSA or Ed25519")
	flags.StringVar(&f.jwks, "jwks", "", "a `file` with its public keys, a JWK Set; \"-\" for standard input")
	flags.StringVar(&c.DN, "subject-dn", "", "tls_client_auth: the `subject` of its certificate (RFC 4514)")
	flags.StringVar(&c.DNS, "san-dns", "", "tls_client_auth: the DNS `name` in its certificate")
	flags.StringVar(&c.URI, "san-uri", "", "tls_client_auth: the `URI` in its certificate")
	flags.StringVar(&c.IP, "san-ip", "", "tls_client_auth: the IP `address` in its certificate")
	flags.StringVar(&c.Email, "san-email", "", "tls_client_auth: the e-mail `address` in its certificate")
	flags.StringArrayVar(&c.GrantTypes, "grant-type", []string{"client_credentials"}, "a `grant` it may use; may come several times")
	flags.StringVar(&f.scope, "scope", "", "the `scope` it may ask for, separated by spaces")
	flags.StringArrayVar(&c.Resources, "resource", nil, "an `API` it may ask tokens for; may come several times")
	flags.BoolVar(&c.DPoPBound, "dpop-bound", false, "every token request needs a DPoP proof")
	flags.BoolVar(&c.CertificateBound, "certificate-bound", false, "every token request needs a certificate")
	flags.BoolVar(&c.Bearer, "bearer", false, "may have tokens that are bound to nothing; profile oauth2 only")
	flags.BoolVar(&c.Disabled, "disabled", false, "known and refused")
	flags.StringArrayVar(&c.RedirectURIs, "redirect-uri", nil, "a `URI` that people are sent back to; may come several times")
	flags.StringArrayVar(&c.DetailTypes, "detail-type", nil, "a `type` of authorization_details it may ask for; may come several times")
	flags.StringVar(&c.SubjectType, "subject-type", "", "how it knows people: public or pairwise")
	flags.StringVar(&c.Sector, "sector", "", "the `host` that pairwise names are for")
	flags.StringVar(&c.UserInfoAlgorithm, "userinfo-alg", "", "sign answers about people with this `algorithm`")
	flags.StringVar(&c.TokenFormat, "token-format", "", "the form of its tokens: jwt or opaque")
	flags.StringArrayVar(&c.Serves, "serves", nil, "an `API` that this client is, and whose tokens it may introspect; may come several times")
}

// settings says what each option sets.
func (f *registrationFlags) settings() map[string]func(to *issuer.Client) {
	from := &f.client
	return map[string]func(to *issuer.Client){
		"name":              func(to *issuer.Client) { to.Name = from.Name },
		"auth":              func(to *issuer.Client) { to.AuthMethod = from.AuthMethod },
		"alg":               func(to *issuer.Client) { to.Algorithm = from.Algorithm },
		"jwks":              func(to *issuer.Client) { to.JWKS = from.JWKS },
		"scope":             func(to *issuer.Client) { to.Scope = from.Scope },
		"grant-type":        func(to *issuer.Client) { to.GrantTypes = from.GrantTypes },
		"resource":          func(to *issuer.Client) { to.Resources = from.Resources },
		"dpop-bound":        func(to *issuer.Client) { to.DPoPBound = from.DPoPBound },
		"certificate-bound": func(to *issuer.Client) { to.CertificateBound = from.CertificateBound },
		"bearer":            func(to *issuer.Client) { to.Bearer = from.Bearer },
		"disabled":          func(to *issuer.Client) { to.Disabled = from.Disabled },
		"redirect-uri":      func(to *issuer.Client) { to.RedirectURIs = from.RedirectURIs },
		"detail-type":       func(to *issuer.Client) { to.DetailTypes = from.DetailTypes },
		"subject-type":      func(to *issuer.Client) { to.SubjectType = from.SubjectType },
		"sector":            func(to *issuer.Client) { to.Sector = from.Sector },
		"userinfo-alg":      func(to *issuer.Client) { to.UserInfoAlgorithm = from.UserInfoAlgorithm },
		"token-format":      func(to *issuer.Client) { to.TokenFormat = from.TokenFormat },
		"serves":            func(to *issuer.Client) { to.Serves = from.Serves },
		"subject-dn":        func(to *issuer.Client) { to.Subject = mtls.Subject{DN: from.DN} },
		"san-dns":           func(to *issuer.Client) { to.Subject = mtls.Subject{DNS: from.DNS} },
		"san-uri":           func(to *issuer.Client) { to.Subject = mtls.Subject{URI: from.URI} },
		"san-ip":            func(to *issuer.Client) { to.Subject = mtls.Subject{IP: from.IP} },
		"san-email":         func(to *issuer.Client) { to.Subject = mtls.Subject{Email: from.Email} },
	}
}

// given reports whether any of the options is on the command line.
func (f *registrationFlags) given(cmd *cobra.Command) bool {
	for name := range f.settings() {
		if cmd.Flags().Changed(name) {
			return true
		}
	}
	return false
}

// apply puts the options that are on the command line into a registration.
func (f *registrationFlags) apply(cmd *cobra.Command, to *issuer.Client) error {
	var err error
	if f.client.Scope, err = tenon.ParseScope(f.scope); err != nil {
		return fmt.Errorf("--scope: %w", err)
	}
	if f.jwks != "" {
		if f.client.JWKS, err = readJWKS(cmd.InOrStdin(), f.jwks); err != nil {
			return fmt.Errorf("--jwks: %w", err)
		}
	}
	subjects := 0
	for name, set := range f.settings() {
		if !cmd.Flags().Changed(name) {
			continue
		}
		if set(to); name == "subject-dn" || len(name) > 4 && name[:4] == "san-" {
			subjects++
		}
	}
	if subjects > 1 {
		return fmt.Errorf("a client has one subject: give one of --subject-dn, --san-dns, --san-uri, --san-ip and --san-email") // RFC 8705 §2.1.2
	}
	return nil
}

// bindByMethod binds the tokens of a new client to what it has, when the command line does not say to what.
func bindByMethod(cmd *cobra.Command, c *issuer.Client) {
	for _, name := range []string{"dpop-bound", "certificate-bound", "bearer"} {
		if cmd.Flags().Changed(name) {
			return
		}
	}
	c.DPoPBound = c.AuthMethod == issuer.PrivateKeyJWT
	c.CertificateBound = !c.DPoPBound
}

func readJWKS(stdin io.Reader, path string) (jose.JSONWebKeySet, error) {
	var keys jose.JSONWebKeySet
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return keys, err
		}
		defer f.Close()
		stdin = f
	}
	text, err := io.ReadAll(io.LimitReader(stdin, maxJWKS+1))
	switch {
	case err != nil:
		return keys, err
	case len(text) > maxJWKS:
		return keys, fmt.Errorf("%s is larger than %d KiB", path, maxJWKS>>10)
	}
	if err := json.Unmarshal(text, &keys); err != nil {
		return keys, fmt.Errorf("%s is not a JWK Set: %w", path, err)
	}
	return keys, nil
}
