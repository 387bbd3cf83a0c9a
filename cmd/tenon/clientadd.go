package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/config"
	"github.com/tenon-auth/tenon/issuer"
)

func newClientAddCommand(path *string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add ID",
		Short: "Register a client",
		Long: `Register a client. Its tokens are bound to its DPoP key when it authenticates with a key, and to its certificate when
it authenticates with one, unless --dpop-bound, --certificate-bound or --bearer say otherwise.

--generate makes the keys and a client file, for development and for clients on the same machine. A client elsewhere makes
its own keys and hands over the public halves for --jwks.`,
		Example: `  tenon client add tpp --generate tpp --scope payments --resource https://api.example.com
  tenon client add tpp --jwks tpp.jwks.json --scope "accounts payments" --resource https://api.example.com
  tenon client add tpp --auth tls_client_auth --subject-dn "CN=tpp,O=TPP GmbH,C=DE" --resource https://api.example.com`,
		Args: usageArgs(cobra.ExactArgs(1)),
	}
	var add clientAddition
	add.registration.register(cmd)
	cmd.Flags().StringVar(&add.generate, "generate", "", "make keys and a client file in this new `directory`")
	cmd.Flags().StringVar(&add.ca, "ca", "", "the `directory` of the CA that signs its certificate (default: that of mtls.client_ca)")
	cmd.Flags().StringVar(&add.save, "save", "", "write a client `file` for tenon token, curl and proof (default with --generate: client.yaml in its directory)")
	add.asJSON = jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return administer(cmd, *path, func(ctx context.Context, o office) error { return add.run(ctx, cmd, o, args[0]) })
	}
	return cmd
}

// A clientAddition is one `client add`.
type clientAddition struct {
	registration registrationFlags
	generate     string
	ca           string
	save         string
	asJSON       *bool
}

func (a *clientAddition) run(ctx context.Context, cmd *cobra.Command, o office, id string) (err error) {
	c := issuer.Client{ID: id, AuthMethod: issuer.PrivateKeyJWT, GrantTypes: []string{"client_credentials"}}
	if err := a.registration.apply(cmd, &c); err != nil {
		return usageError(err)
	}
	bindByMethod(cmd, &c)
	if c.Algorithm == "" && c.AuthMethod == issuer.PrivateKeyJWT {
		c.Algorithm = config.AssertionAlgorithm(c.JWKS)
	}
	var profile clientProfile
	if a.generate != "" {
		if err := a.makeKeys(o, &c, &profile); err != nil {
			return err
		}
		defer func() {
			if err != nil {
				os.RemoveAll(a.generate) // made by this command a moment ago; the client was not registered
			}
		}()
	}
	added, err := o.AddClient(ctx, c)
	if err != nil {
		return aboutClient(id, err)
	}
	if err := a.saveProfile(ctx, o, added, &profile); err != nil {
		return errors.Join(err, o.RemoveClient(ctx, added.ID))
	}
	if err := showClient(cmd.OutOrStdout(), added, *a.asJSON); err != nil || *a.asJSON {
		return err
	}
	file := a.profilePath()
	switch {
	case file == "":
	case slices.Contains(added.GrantTypes, issuer.ClientCredentials):
		fmt.Fprintf(cmd.OutOrStdout(), "\nclient file %s; get a token with\n  tenon token --client-file %s\n", file, file)
	default:
		fmt.Fprintf(cmd.OutOrStdout(), "\nclient file %s; people authorize this client in a browser, see package client\n", file)
	}
	return nil
}

func (a *clientAddition) makeKeys(o office, c *issuer.Client, profile *clientProfile) error {
	if _, err := os.Lstat(a.generate); !errors.Is(err, os.ErrNotExist) {
		return usageError(errors.Join(fmt.Errorf("--generate: %s is already there: name a new directory", a.generate), err))
	}
	if len(c.JWKS.Keys) > 0 {
		return usageError(errors.New("--jwks and --generate: the keys are either given or made; leave one out"))
	}
	var ca *certs.CA
	if c.AuthMethod == issuer.TLSClientAuth {
		var err error
		if ca, err = a.authority(o); err != nil {
			return err
		}
	}
	folder := keyFolder{dir: a.generate, ca: ca, profile: profile}
	if err := folder.fill(c); err != nil {
		return errors.Join(err, os.RemoveAll(a.generate))
	}
	return nil
}

// authority finds the CA that signs certificates for tls_client_auth.
func (a *clientAddition) authority(o office) (*certs.CA, error) {
	dir := a.ca
	if dir == "" && len(o.config.MTLS.ClientCA) > 0 {
		dir = filepath.Dir(string(o.config.MTLS.ClientCA[0]))
	}
	if dir == "" {
		return nil, usageError(errors.New("--generate: no CA to sign its certificate: name its directory with --ca, or set mtls.client_ca"))
	}
	ca, err := certs.LoadCA(dir)
	if err != nil {
		return nil, fmt.Errorf("--generate needs a CA with its key, to sign the certificate: %w", err)
	}
	return ca, nil
}

func (a *clientAddition) profilePath() string {
	if a.save == "" && a.generate != "" {
		return filepath.Join(a.generate, profileDefault)
	}
	return a.save
}

// saveProfile writes the client file. Its paths are relative to it where the keys are below it.
func (a *clientAddition) saveProfile(ctx context.Context, o office, c issuer.Client, profile *clientProfile) error {
	path := a.profilePath()
	if path == "" {
		return nil
	}
	status, err := o.Status(ctx)
	if err != nil {
		return err
	}
	profile.Issuer, profile.ClientID, profile.Scope, profile.Resource = status.Issuer, c.ID, c.Scope.String(), firstOf(c.Resources)
	if err := a.trust(o, profile, filepath.Dir(path)); err != nil {
		return err
	}
	for _, file := range []*string{&profile.DPoPKey, &profile.AssertionKey, &profile.Certificate, &profile.CertificateKey, &profile.CA} {
		if *file == "" {
			continue
		}
		if *file, err = relativeTo(filepath.Dir(path), *file); err != nil {
			return err
		}
	}
	return profile.write(path)
}

// firstOf leaves the choice of one API: a token for several is as good as a password for each of them.
func firstOf(resources []string) []string {
	if len(resources) > 1 {
		return resources[:1]
	}
	return resources
}

func relativeTo(dir, path string) (string, error) {
	from, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	to, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.Rel(from, to)
}
