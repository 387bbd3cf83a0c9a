package main

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/internal/durable"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/mtls"
)

// A keyFolder makes the keys of a client in a new directory, puts their public halves into its registration and their places
// into its client file.
type keyFolder struct {
	dir     string
	ca      *certs.CA // for tls_client_auth
	profile *clientProfile
}

func (f keyFolder) path(name string) string { return filepath.Join(f.dir, name) }

func (f keyFolder) fill(c *issuer.Client) error {
	if err := os.Mkdir(f.dir, 0o700); err != nil {
		return err
	}
	if c.AuthMethod == issuer.PrivateKeyJWT {
		if err := f.assertionKey(c); err != nil {
			return err
		}
	}
	if c.AuthMethod != issuer.PrivateKeyJWT || c.CertificateBound {
		if err := f.certificate(c); err != nil {
			return err
		}
	}
	if c.DPoPBound || !c.CertificateBound && c.AuthMethod == issuer.PrivateKeyJWT {
		f.profile.DPoPKey = f.path("dpop.pem")
		return makeKey(f.profile.DPoPKey, dpop.ES256, nil)
	}
	return nil
}

// assertionKey makes the key that authenticates the client. It is another than the one tokens are bound to: each has one
// purpose (FAPI 2.0 §6.8).
func (f keyFolder) assertionKey(c *issuer.Client) error {
	alg := dpop.ES256
	if c.Algorithm != "" {
		alg = dpop.Algorithm(c.Algorithm)
	}
	f.profile.AssertionKey = f.path("assertion.pem")
	return makeKey(f.profile.AssertionKey, alg, func(key *dpop.Key) {
		f.profile.AssertionKeyID = key.Thumbprint()
		c.Algorithm = string(alg)
		c.JWKS.Keys = []jose.JSONWebKey{{Key: key.Signer().Public(), KeyID: key.Thumbprint(), Algorithm: string(alg), Use: "sig"}}
	})
}

func makeKey(path string, alg dpop.Algorithm, use func(*dpop.Key)) error {
	key, err := dpop.GenerateKey(alg)
	if err != nil {
		return err
	}
	if use != nil {
		use(key)
	}
	return key.Save(path)
}

// certificate makes the client's certificate: signed by the CA when that is how the client is known, otherwise by itself.
func (f keyFolder) certificate(c *issuer.Client) error {
	f.profile.Certificate, f.profile.CertificateKey = f.path("cert.pem"), f.path("cert-key.pem")
	var leaf *certs.Leaf
	var err error
	if c.AuthMethod == issuer.TLSClientAuth {
		leaf, err = f.ca.Client(certs.ClientSubject{CommonName: c.ID, DNS: c.DNS, URI: c.URI, IP: c.IP, Email: c.Email}, 0)
	} else {
		leaf, err = certs.SelfSigned(c.ID, 0)
	}
	if err != nil {
		return err
	}
	switch c.AuthMethod {
	case issuer.TLSClientAuth:
		if err := registerSubject(c, leaf.Certificate); err != nil {
			return err
		}
	case issuer.SelfSignedTLSAuth:
		thumbprint := mtls.Thumbprint(leaf.Certificate)
		c.JWKS.Keys = []jose.JSONWebKey{{Key: leaf.Certificate.PublicKey, KeyID: thumbprint, Certificates: []*x509.Certificate{leaf.Certificate}}}
	}
	return leaf.Save(f.profile.Certificate, f.profile.CertificateKey)
}

// registerSubject registers the client by the subject of its new certificate, unless another name in it was asked for.
func registerSubject(c *issuer.Client, certificate *x509.Certificate) error {
	if c.DN != "" {
		return usageError(fmt.Errorf("--subject-dn and --generate: the certificate that is made has the subject CN=%s; leave --subject-dn out", c.ID))
	}
	if !c.Subject.IsZero() {
		return nil
	}
	dn, err := mtls.CertificateDN(certificate)
	c.DN = dn.String()
	return err
}

// trust puts a copy of the development CA beside the client file when that is what signed the server's certificate: such a
// server is in no system's pool.
func (a *clientAddition) trust(o office, profile *clientProfile, dir string) error {
	leaf, err := certs.LoadLeaf(string(o.config.TLS.Certificate), string(o.config.TLS.Key))
	if err != nil {
		return nil // the server's files may be elsewhere; who needs --ca will be told so
	}
	path := filepath.Join(filepath.Dir(string(o.config.TLS.Certificate)), certs.CACertificateFile)
	pool, err := certs.LoadPool(path)
	if err != nil {
		return nil
	}
	if _, err := leaf.Certificate.Verify(x509.VerifyOptions{Roots: pool}); err != nil {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	profile.CA = filepath.Join(dir, "server-ca.pem")
	return durable.WriteFile(profile.CA, text, 0o644)
}
