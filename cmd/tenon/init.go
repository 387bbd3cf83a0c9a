package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/config"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/server"
	"github.com/tenon-auth/tenon/internal/durable"
	"github.com/tenon-auth/tenon/issuer/people"
)

// The names in a directory that init makes.
const (
	configName = "tenon.yaml"
	certsName  = "certs"
)

func newInitCommand() *cobra.Command {
	var issuer, user string
	cmd := &cobra.Command{
		Use:   "init DIR",
		Short: "Make a directory with all that an issuer needs to run",
		Long: `Make a new directory with a commented configuration, a development CA, a server certificate, and the data directory with
the first signing key and the first person. For production, change the configuration: the issuer's URL, real certificates.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return initialise(cmd.Context(), cmd.OutOrStdout(), foundation{filepath.Clean(args[0]), issuer, user})
		},
	}
	cmd.Flags().StringVar(&user, "user", "admin", "the `name` of the first person who can log in, with a password that is printed once; \"\" for nobody")
	cmd.Flags().StringVar(&issuer, "issuer", "https://127.0.0.1:9443", "the `URL` under which clients reach the issuer")
	return cmd
}

// A foundation is what init is told to make.
type foundation struct {
	dir    string
	issuer string
	user   string // "" for nobody
}

// initialise makes everything under another name first: the directory is there whole, or not at all.
func initialise(ctx context.Context, w io.Writer, f foundation) error {
	dir := f.dir
	if err := mayInitialise(dir); err != nil {
		return err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	draft, err := os.MkdirTemp(parent, ".tenon-init-*") // 0700
	if err != nil {
		return err
	}
	defer os.RemoveAll(draft) // after the rename there is nothing of this name
	password, err := furnish(ctx, draft, f)
	if err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) { // an empty directory gives way, no other
		return err
	}
	if err := os.Rename(draft, dir); err != nil {
		return err
	}
	if err := durable.SyncDir(parent); err != nil {
		return err
	}
	return printNextSteps(w, f, password)
}

func mayInitialise(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return usageError(err)
	case slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == configName }):
		return refusedError(fmt.Errorf("%s is set up already, nothing was changed: tenon serve --config %s", dir, filepath.Join(dir, configName)))
	case len(entries) > 0:
		return refusedError(fmt.Errorf("%s is not empty: name a new directory", dir))
	}
	return nil
}

// furnish makes the files, and proves that they are good by opening the data with them. It gives the first person's password.
func furnish(ctx context.Context, dir string, f foundation) (password string, err error) {
	public, err := url.Parse(f.issuer)
	if err != nil || public.Hostname() == "" {
		return "", usageError(fmt.Errorf("--issuer %q: write an https URL, as https://as.example.com", f.issuer))
	}
	text, err := config.Template(firstConfig(f.issuer, public))
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, configName)
	if err := durable.WriteFile(path, text, 0o600); err != nil {
		return "", err
	}
	if err := makeCertificates(filepath.Join(dir, certsName), public.Hostname()); err != nil {
		return "", err
	}
	cfg, err := config.Load(path)
	if err != nil {
		return "", usageError(err) // what can be wrong is the issuer
	}
	data, err := server.OpenData(ctx, cfg, nil)
	if err != nil {
		return "", err
	}
	if f.user != "" {
		password, err = addFirst(ctx, data.People, f.user)
	}
	return password, errors.Join(err, data.Close())
}

// addFirst adds the first person who can log in, with a password that nobody has chosen.
func addFirst(ctx context.Context, d *people.Directory, username string) (password string, err error) {
	person, err := d.Add(ctx, people.Person{Username: username})
	if err != nil {
		return "", usageError(fmt.Errorf("--user: %w", err))
	}
	password = rand.Text()
	return password, d.SetPassword(ctx, person.Subject, password)
}

// firstConfig sets what has no default, or no default that fits. The listener is on loopback until somebody decides otherwise.
func firstConfig(issuer string, public *url.URL) string {
	port, alias, operations := "9443", "9444", ""
	if p := public.Port(); p == "0" { // free ports everywhere, for tests
		port, alias, operations = p, p, "operations:\n  listen: 127.0.0.1:0\n"
	} else if p != "" {
		port = p
	}
	return fmt.Sprintf(`issuer: %s
data: data
listen: 127.0.0.1:%s
tls:
  certificate: certs/server.pem
  key: certs/server-key.pem
mtls:
  listen: 127.0.0.1:%s
  client_ca: [certs/ca.pem]
%s`, issuer, port, alias, operations)
}

func makeCertificates(dir, host string) error {
	ca, err := certs.NewCA(certs.CAConfig{})
	if err != nil {
		return err
	}
	if err := ca.Save(dir); err != nil {
		return err
	}
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if !slices.Contains(hosts, host) {
		hosts = append(hosts, host)
	}
	leaf, err := ca.Server(hosts, 0)
	if err != nil {
		return err
	}
	return leaf.Save(filepath.Join(dir, "server.pem"), filepath.Join(dir, "server-key.pem"))
}

func printNextSteps(w io.Writer, f foundation, password string) error {
	dir, issuer := f.dir, f.issuer
	path := filepath.Join(dir, configName)
	app := filepath.Join(dir, "app")
	login := ""
	if f.user != "" {
		login = fmt.Sprintf("%s can log in at %s/account with the password %s (shown once)\n", f.user, issuer, password)
	}
	_, err := fmt.Fprintf(w, `%s is ready: issuer %s, a development CA in %s, a configuration to read in %s
%s
next
  tenon serve --config %s
  tenon client add app --config %s --generate %s --scope payments --resource https://api.example.com
  tenon token --client-file %s
`, dir, issuer, filepath.Join(dir, certsName), path, login, path, path, app, filepath.Join(app, profileDefault))
	return err
}
