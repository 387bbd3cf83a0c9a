package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/certs"
)

// maxCertificate bounds a certificate file that is only looked at.
const maxCertificate = 1 << 20

func newCertsRenewCommand() *cobra.Command {
	var ca string
	var lifetime time.Duration
	cmd := &cobra.Command{
		Use:   "renew FILE",
		Short: "Replace a certificate of the CA by one that says the same, with a new key",
		Long: `Replace a certificate of the CA by one that says the same, with a new key. A running server takes it over by itself.

A client's certificate-bound tokens end with its old certificate: it asks for new ones (RFC 8705 §6.3).`,
		Args: usageArgs(cobra.ExactArgs(1)),
	}
	cmd.Flags().StringVar(&ca, "ca", "certs", "the `directory` of the CA")
	cmd.Flags().DurationVar(&lifetime, "lifetime", 0, "how long it is good (default 2160h)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		authority, err := certs.LoadCA(ca)
		if err != nil {
			return err
		}
		certPath, keyPath := leafPaths(args[0])
		old, err := readCertificate(certPath)
		if err != nil {
			return err
		}
		if err := old.CheckSignatureFrom(authority.Certificate()); err != nil {
			return refusedError(fmt.Errorf("%s was not issued by the CA in %s: %w", certPath, ca, err))
		}
		leaf, err := again(authority, old, lifetime)
		if err != nil {
			return err
		}
		if err := leaf.Save(certPath, keyPath); err != nil {
			return err
		}
		return describe(cmd, certPath, leaf.Certificate)
	}
	return cmd
}

// again makes a certificate that says what the old one says.
func again(ca *certs.CA, old *x509.Certificate, lifetime time.Duration) (*certs.Leaf, error) {
	if slices.Contains(old.ExtKeyUsage, x509.ExtKeyUsageClientAuth) {
		return ca.Client(subjectOf(old), lifetime)
	}
	if !slices.Contains(old.ExtKeyUsage, x509.ExtKeyUsageServerAuth) {
		return nil, refusedError(errors.New("this is the certificate of neither a server nor a client"))
	}
	return ca.Server(namesOf(old), lifetime)
}

func subjectOf(c *x509.Certificate) certs.ClientSubject {
	s := certs.ClientSubject{
		CommonName: c.Subject.CommonName, Organization: first(c.Subject.Organization), Country: first(c.Subject.Country),
		DNS: first(c.DNSNames), Email: first(c.EmailAddresses),
	}
	for _, attribute := range c.Subject.Names {
		if attribute.Type.String() == "2.5.4.97" { // organizationIdentifier
			s.OrganizationIdentifier, _ = attribute.Value.(string)
		}
	}
	if len(c.URIs) > 0 {
		s.URI = c.URIs[0].String()
	}
	if len(c.IPAddresses) > 0 {
		s.IP = c.IPAddresses[0].String()
	}
	return s
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// readCertificate reads the first certificate of a PEM file. Its key is not needed.
func readCertificate(path string) (*x509.Certificate, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.Size() > maxCertificate:
		return nil, fmt.Errorf("%s is larger than %d KiB", path, maxCertificate>>10)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(bytes.TrimSpace(text))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("%s does not begin with a certificate in PEM", path)
	}
	return x509.ParseCertificate(block.Bytes)
}
