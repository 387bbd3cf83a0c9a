package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/client"
	"github.com/tenon-auth/tenon/dpop"
)

// clientFlags are the options that the commands of the client share. An option that is given replaces the setting of the
// client file.
type clientFlags struct {
	file       string
	given      clientProfile
	createKey  bool
	learnClock time.Duration
}

const learnClockDefault = "1h"

func (f *clientFlags) register(c *cobra.Command) {
	flags := c.Flags()
	f.registerKey(c)
	flags.StringVar(&f.given.Issuer, "issuer", "", "issuer's URL, exactly as it writes it")
	flags.StringVar(&f.given.ClientID, "client", "", "client id")
	flags.StringVar(&f.given.AssertionKey, "assertion-key", "", "PEM file of the key that authenticates the client (private_key_jwt)")
	flags.StringVar(&f.given.AssertionKeyID, "assertion-key-id", "", "kid of that key, where the issuer wants one")
	flags.StringVar(&f.given.Certificate, "cert", "", "PEM file of the client certificate")
	flags.StringVar(&f.given.CertificateKey, "cert-key", "", "PEM file of its key")
	flags.StringVar(&f.given.CA, "ca", "", "PEM file of the certificates to trust, instead of the system's")
	flags.StringVar(&f.given.Scope, "scope", "", "what to ask for, separated by spaces")
	flags.StringArrayVar(&f.given.Resource, "resource", nil, "API that the token is for; may come several times")
	flags.DurationVar(&f.learnClock, "learn-clock", 0, "follow the servers' clocks when this machine's is wrong, up to this much")
	flags.Lookup("learn-clock").NoOptDefVal = learnClockDefault
}

// registerKey adds the options that find the DPoP key.
func (f *clientFlags) registerKey(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.file, "client-file", "", "client file (default $"+profileVariable+", then ./"+profileDefault+")")
	flags.StringVar(&f.given.DPoPKey, "key", "", "PEM file of the DPoP key")
	flags.BoolVar(&f.createKey, "create-key", false, "make the DPoP key (ES256, mode 0600) when its file does not exist")
}

// profile gives the client file's settings with the options in their place.
func (f *clientFlags) profile(c *cobra.Command) (*clientProfile, error) {
	p, err := findProfile(f.file, os.Getenv)
	if err != nil {
		return nil, err
	}
	settings, given := p.settings(), f.given.settings()
	for name, value := range given {
		if *value != "" {
			*settings[name] = *value
		}
	}
	if len(f.given.Resource) > 0 {
		p.Resource = f.given.Resource
	}
	if c.Flags().Changed("scope") {
		p.Scope = f.given.Scope // also when it is empty: ask for what the issuer gives by default
	}
	return p, nil
}

// client makes the client that the settings describe.
func (f *clientFlags) client(c *cobra.Command) (*client.Client, *clientProfile, error) {
	p, err := f.profile(c)
	if err != nil {
		return nil, nil, err
	}
	if err := p.faults(); err != nil {
		return nil, nil, usageError(err)
	}
	cfg := client.Config{Issuer: p.Issuer, ClientID: p.ClientID, Resource: p.Resource, LearnClock: f.learnClock}
	cfg.Scope, _ = tenon.ParseScope(p.Scope) // judged with the faults
	if err := errors.Join(f.loadKeys(c, p, &cfg), loadCertificates(p, &cfg)); err != nil {
		return nil, nil, usageError(err)
	}
	made, err := client.New(cfg)
	if err != nil {
		return nil, nil, usageError(err)
	}
	return made, p, nil
}

func (f *clientFlags) loadKeys(c *cobra.Command, p *clientProfile, cfg *client.Config) error {
	var assertionErr, keyErr error
	if p.AssertionKey != "" {
		cfg.Assertion, assertionErr = loadAssertionKey(p)
	}
	if p.DPoPKey != "" {
		cfg.Key, keyErr = f.loadDPoPKey(c, p.DPoPKey)
	}
	return errors.Join(assertionErr, keyErr)
}

func loadAssertionKey(p *clientProfile) (*client.AssertionKey, error) {
	key, err := dpop.LoadKey(p.AssertionKey)
	if err != nil {
		return nil, fmt.Errorf("assertion key: %w", err)
	}
	return &client.AssertionKey{Signer: key.Signer(), Algorithm: key.Algorithm(), KeyID: p.AssertionKeyID}, nil
}

// loadDPoPKey reads the key, and makes it only when that was asked for: a mistyped path must not end in a new key that no
// token is bound to.
func (f *clientFlags) loadDPoPKey(c *cobra.Command, path string) (*dpop.Key, error) {
	key, err := dpop.LoadKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return nil, fmt.Errorf("DPoP key: %w", err)
		}
		return key, nil
	}
	if !f.createKey {
		return nil, fmt.Errorf("DPoP key: %s does not exist: --create-key makes it", path)
	}
	if key, err = dpop.LoadOrCreateKey(path, dpop.ES256); err != nil {
		return nil, fmt.Errorf("DPoP key: %w", err)
	}
	fmt.Fprintf(c.ErrOrStderr(), "made a new DPoP key in %s (mode 0600), thumbprint %s\n", path, key.Thumbprint())
	return key, nil
}

func loadCertificates(p *clientProfile, cfg *client.Config) (err error) {
	if p.CA != "" {
		if cfg.RootCAs, err = certs.LoadPool(p.CA); err != nil {
			return fmt.Errorf("certificates to trust: %w", err)
		}
	}
	if p.Certificate == "" {
		return nil
	}
	leaf, err := certs.LoadLeaf(p.Certificate, p.CertificateKey)
	if err != nil {
		return fmt.Errorf("client certificate: %w", err)
	}
	certificate := leaf.TLS()
	cfg.Certificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }
	return nil
}

// clientFailure gives the exit code of what a client met, and says about TLS what helps.
func clientFailure(err error) error {
	var refusal *client.Refusal
	var unasked *client.NoCertificateRequest
	var unknown *tls.CertificateVerificationError
	switch {
	case errors.As(err, &refusal) || errors.Is(err, client.ErrNotBound) || errors.As(err, &unasked):
		return refusedError(err)
	case errors.As(err, &unknown):
		return fmt.Errorf("%w; --ca names the certificates to trust, as those of tenon init", err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer in time: %w", err)
	}
	return err
}
