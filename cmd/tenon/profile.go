package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/internal/durable"
)

// A clientProfile is what `tenon token`, `curl` and `proof` know about a client: the file that `tenon init` and `tenon client
// add` write for it. It is YAML, and so may be JSON. Paths in it are relative to the file. It names keys and holds none.
type clientProfile struct {
	// The issuer's https URL, exactly as the issuer writes it.
	Issuer string `yaml:"issuer,omitempty"`
	// The client's id at the issuer.
	ClientID string `yaml:"client_id,omitempty"`
	// The key that tokens are bound to: a PKCS#8 PEM file, mode 0600.
	DPoPKey string `yaml:"dpop_key,omitempty"`
	// The key that authenticates the client (private_key_jwt), of the same form.
	AssertionKey string `yaml:"assertion_key,omitempty"`
	// The kid of that key, where the issuer wants one.
	AssertionKeyID string `yaml:"assertion_key_id,omitempty"`
	// The client certificate with its chain, and its key, as PEM files. It authenticates the client when there is no
	// assertion_key, and tokens are bound to it when there is no dpop_key.
	Certificate    string `yaml:"cert,omitempty"`
	CertificateKey string `yaml:"cert_key,omitempty"`
	// The certificates to trust issuer and APIs by, instead of the system's.
	CA string `yaml:"ca,omitempty"`
	// What is asked for, separated by spaces.
	Scope string `yaml:"scope,omitempty"`
	// The APIs that tokens are for.
	Resource []string `yaml:"resource,omitempty"`
}

const (
	profileVariable = "TENON_CLIENT"
	profileDefault  = "client.yaml"
	maxProfile      = 64 << 10
)

// findProfile reads the client file: the one named, else the one in TENON_CLIENT, else ./client.yaml when there is one. The
// options of the command may say everything, so none at all is not an error.
func findProfile(named string, getenv func(string) string) (*clientProfile, error) {
	path, must := named, true
	if path == "" {
		path = getenv(profileVariable)
	}
	if path == "" {
		path, must = profileDefault, false
	}
	data, err := readProfileFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !must:
		return &clientProfile{}, nil
	case err != nil:
		return nil, usageError(fmt.Errorf("client file: %w", err))
	}
	p, err := parseProfile(path, data)
	if err != nil {
		return nil, usageError(err)
	}
	p.resolve(filepath.Dir(path))
	return p, nil
}

func readProfileFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > maxProfile:
		return nil, fmt.Errorf("%s is not a file of at most %d KiB", path, maxProfile>>10)
	}
	return os.ReadFile(path)
}

// write saves the profile for the commands of the client to find.
func (p *clientProfile) write(path string) error {
	var b bytes.Buffer
	b.WriteString("# What `tenon token`, `tenon curl` and `tenon proof` know about this client. Paths are relative to this file.\n")
	text, err := yaml.Marshal(p)
	if err != nil {
		return fmt.Errorf("client file %s: %w", path, err)
	}
	b.Write(text)
	if _, err := parseProfile(path, b.Bytes()); err != nil { // what is written can be read
		return err
	}
	return durable.WriteFile(path, b.Bytes(), 0o644)
}

// resolve makes paths absolute or relative to the working directory.
func (p *clientProfile) resolve(dir string) {
	for _, path := range []*string{&p.DPoPKey, &p.AssertionKey, &p.Certificate, &p.CertificateKey, &p.CA} {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(dir, *path)
		}
	}
}

// faults says what does not hold together, by the name that the option has.
func (p *clientProfile) faults() error {
	var errs []error
	missing := func(value, option string) {
		if value == "" {
			errs = append(errs, fmt.Errorf("%s is missing: give the option --%s, or put it into the client file", option, option))
		}
	}
	missing(p.Issuer, "issuer")
	missing(p.ClientID, "client")
	if (p.Certificate == "") != (p.CertificateKey == "") {
		errs = append(errs, errors.New("a certificate and its key go together: give both --cert and --cert-key"))
	}
	if p.Certificate == "" {
		missing(p.DPoPKey, "key")
		missing(p.AssertionKey, "assertion-key")
	}
	if _, err := tenon.ParseScope(p.Scope); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
