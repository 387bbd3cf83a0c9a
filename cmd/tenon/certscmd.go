package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/mtls"
)

func newCertsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "certs",
		Short: "A development CA and its certificates",
		Long: `A development CA and its certificates. The CA's key is a file and nothing it signs can be revoked: use it for
development and closed test beds, and certificates of a real authority for everything else.`,
	}
	cmd.AddCommand(newCertsInitCommand(), newCertsServerCommand(), newCertsClientCommand(), newCertsRenewCommand(), newCertsShowCommand())
	return cmd
}

func newCertsInitCommand() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "init DIR",
		Short: "Make a CA: ca.pem and ca-key.pem",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			ca, err := certs.NewCA(certs.CAConfig{Name: name})
			if err != nil {
				return err
			}
			if err := ca.Save(args[0]); err != nil {
				return err
			}
			return describe(cmd, filepath.Join(args[0], certs.CACertificateFile), ca.Certificate())
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "the CA's common `name`")
	return cmd
}

// leafFlags are the options of what makes a certificate.
type leafFlags struct {
	ca, out  string
	lifetime time.Duration
}

func (f *leafFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.ca, "ca", "certs", "the `directory` of the CA")
	cmd.Flags().StringVar(&f.out, "out", "", "where to put it: `NAME`.pem and NAME-key.pem (default: in the CA's directory)")
	cmd.Flags().DurationVar(&f.lifetime, "lifetime", 0, "how long it is good (default 2160h)")
}

// save writes a new certificate with its key. Nothing that is there is replaced: see renew.
func (f *leafFlags) save(cmd *cobra.Command, name string, leaf *certs.Leaf) error {
	out := f.out
	if out == "" {
		out = filepath.Join(f.ca, name)
	}
	certPath, keyPath := leafPaths(out)
	for _, path := range []string{certPath, keyPath} {
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			return usageError(errors.Join(fmt.Errorf("%s is already there: tenon certs renew %s, or name another with --out", path, certPath), err))
		}
	}
	if err := leaf.Save(certPath, keyPath); err != nil {
		return err
	}
	return describe(cmd, certPath, leaf.Certificate)
}

func leafPaths(name string) (certPath, keyPath string) {
	name = strings.TrimSuffix(name, ".pem")
	return name + ".pem", name + "-key.pem"
}

func newCertsServerCommand() *cobra.Command {
	var flags leafFlags
	cmd := &cobra.Command{
		Use:   "server HOST...",
		Short: "Make a server certificate for DNS names and IP addresses",
		Args:  usageArgs(cobra.MinimumNArgs(1)),
	}
	flags.register(cmd)
	cmd.RunE = func(cmd *cobra.Command, hosts []string) error {
		ca, err := certs.LoadCA(flags.ca)
		if err != nil {
			return err
		}
		leaf, err := ca.Server(hosts, flags.lifetime)
		if err != nil {
			return usageError(err)
		}
		return flags.save(cmd, "server", leaf)
	}
	return cmd
}

func newCertsClientCommand() *cobra.Command {
	var flags leafFlags
	var subject certs.ClientSubject
	cmd := &cobra.Command{
		Use:   "client NAME",
		Short: "Make a client certificate; NAME is its common name",
		Args:  usageArgs(cobra.ExactArgs(1)),
	}
	flags.register(cmd)
	cmd.Flags().StringVar(&subject.Organization, "organization", "", "the organization's `name`")
	cmd.Flags().StringVar(&subject.OrganizationIdentifier, "organization-id", "", "the organization's `identifier`, as in PSD2 certificates")
	cmd.Flags().StringVar(&subject.Country, "country", "", "two `letters`")
	cmd.Flags().StringVar(&subject.DNS, "dns", "", "a DNS `name`")
	cmd.Flags().StringVar(&subject.URI, "uri", "", "a `URI`")
	cmd.Flags().StringVar(&subject.IP, "ip", "", "an IP `address`")
	cmd.Flags().StringVar(&subject.Email, "email", "", "an e-mail `address`")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ca, err := certs.LoadCA(flags.ca)
		if err != nil {
			return err
		}
		subject.CommonName = args[0]
		leaf, err := ca.Client(subject, flags.lifetime)
		if err != nil {
			return usageError(err)
		}
		return flags.save(cmd, args[0], leaf)
	}
	return cmd
}

func newCertsShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show FILE...",
		Short: "Tell what a certificate says, with the values that a registration needs",
		Args:  usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, paths []string) error {
			for _, path := range paths {
				certificate, err := readCertificate(path)
				if err != nil {
					return err
				}
				if err := describe(cmd, path, certificate); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// describe prints what people and registrations ask of a certificate.
func describe(cmd *cobra.Command, path string, c *x509.Certificate) error {
	subject := "-"
	if dn, err := mtls.CertificateDN(c); err == nil {
		subject = dn.String()
	}
	rows := [][]string{
		{"certificate", path},
		{"subject", subject},
		{"issued by", c.Issuer.String()},
		{"good until", moment(c.NotAfter)},
		{"x5t#S256", mtls.Thumbprint(c)},
	}
	if names := namesOf(c); len(names) > 0 {
		rows = append(rows, []string{"names", strings.Join(names, " ")})
	}
	return printTable(cmd.OutOrStdout(), rows)
}

func namesOf(c *x509.Certificate) []string {
	names := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	for _, u := range c.URIs {
		names = append(names, u.String())
	}
	return append(names, c.EmailAddresses...)
}
