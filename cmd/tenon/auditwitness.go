package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/internal/durable"
)

// auditWitness runs a witness.
type auditWitness struct {
	dir, name, listen string
	logs              []string
	cert, key         string
	showKey           bool
	asJSON            bool
}

func newAuditWitnessCommand() *cobra.Command {
	var k auditWitness
	cmd := &cobra.Command{
		Use:   "witness --dir D --name NAME --log VKEY",
		Short: "Run a witness: it cosigns a log's checkpoints, and only those that extend what it cosigned before",
		Long: `Run a witness for other people's logs (C2SP tlog-witness). It cosigns the checkpoints that a log sends to it, with the time, and
only when each extends the one before: from then on nobody can take back what it has seen.

Its key is made on first use, in D/key. The directory D is its memory: never put it back from an older copy, or the witness
would sign what contradicts it. Run it where the operator of the log has no access, or it proves nothing.`,
		Example: `  tenon audit witness --dir witness --name audit-firm.example/w1 --log as.bank.example/log+1f0c5a77+AQ... --show-key
  tenon audit witness --dir witness --name audit-firm.example/w1 --log as.bank.example/log+1f0c5a77+AQ... --listen :8443 --cert cert.pem --key key.pem`,
		Args: usageArgs(cobra.NoArgs),
		RunE: k.run,
	}
	flags := cmd.Flags()
	flags.StringVar(&k.dir, "dir", "", "`directory` of the witness's key and memory")
	flags.StringVar(&k.name, "name", "", "`name` of the witness in its key, as audit-firm.example/w1; needed on first use")
	flags.StringArrayVar(&k.logs, "log", nil, "`key` (vkey) of a log to cosign; may be repeated, also for one log with several keys")
	flags.StringVar(&k.listen, "listen", "127.0.0.1:9447", "`address` to listen on; port 0 takes a free one")
	flags.StringVar(&k.cert, "cert", "", "PEM `file` with the certificate; without it plain HTTP is spoken, on this machine only")
	flags.StringVar(&k.key, "key", "", "PEM `file` with the certificate's key")
	flags.BoolVar(&k.showKey, "show-key", false, "print the witness's public key and end")
	flags.BoolVar(&k.asJSON, "json", false, "print JSON")
	return cmd
}

func (k *auditWitness) run(cmd *cobra.Command, _ []string) error {
	verifiers, err := k.check()
	if err != nil {
		return usageError(err)
	}
	cosigner, err := k.cosigner()
	if err != nil {
		return err
	}
	if k.showKey {
		return k.announce(cmd, cosigner, "")
	}
	server, err := audit.OpenWitnessServer(audit.WitnessServerConfig{
		Cosigner: cosigner, Dir: filepath.Join(k.dir, "logs"), Logs: verifiers, Log: slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)),
	})
	if err != nil {
		return err
	}
	return errors.Join(k.serve(cmd, cosigner, server.Handler()), server.Close())
}

// check reports every fault of the command line.
func (k *auditWitness) check() (verifiers []note.Verifier, err error) {
	var faults []error
	if k.dir == "" {
		faults = append(faults, errors.New("--dir: where the witness keeps its key and its memory"))
	}
	if len(k.logs) == 0 && !k.showKey {
		faults = append(faults, errors.New("--log: the key of the log to cosign, as its policy has it"))
	}
	for _, vkey := range k.logs {
		v, err := note.NewVerifier(vkey)
		if err != nil {
			faults = append(faults, fmt.Errorf("--log %q: %w", vkey, err))
		}
		verifiers = append(verifiers, v)
	}
	if (k.cert == "") != (k.key == "") {
		faults = append(faults, errors.New("--cert and --key are given together"))
	}
	host, _, err := net.SplitHostPort(k.listen)
	if err != nil {
		faults = append(faults, fmt.Errorf("--listen: %w", err))
	} else if ip := net.ParseIP(host); k.cert == "" && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		faults = append(faults, fmt.Errorf("--listen %s: plain HTTP is for this machine only; give --cert and --key", k.listen))
	}
	return verifiers, errors.Join(faults...)
}

const maxCosignerKey = 4096

// cosigner reads the witness's key, and makes it on first use.
func (k *auditWitness) cosigner() (*audit.Cosigner, error) {
	path := filepath.Join(k.dir, "key")
	data, err := durable.ReadPrivateFile(path, maxCosignerKey)
	if errors.Is(err, fs.ErrNotExist) {
		return k.firstCosigner(path)
	}
	if err != nil {
		return nil, fmt.Errorf("the key of the witness: %w", err)
	}
	c, err := audit.NewCosigner(strings.TrimSpace(string(data)), nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if k.name != "" && k.name != c.Name() {
		return nil, usageError(fmt.Errorf("%s is the key of the witness %q, not of %q", path, c.Name(), k.name))
	}
	return c, nil
}

func (k *auditWitness) firstCosigner(path string) (*audit.Cosigner, error) {
	if k.name == "" {
		return nil, usageError(errors.New("--name: the witness has no key yet, and it needs a name for it"))
	}
	skey, _, err := audit.GenerateCosigner(k.name)
	if err != nil {
		return nil, usageError(err)
	}
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return nil, err
	}
	if err := durable.WriteFile(path, []byte(skey+"\n"), 0o600); err != nil {
		return nil, err
	}
	return audit.NewCosigner(skey, nil)
}

// announce prints what a policy needs to know of the witness.
func (k *auditWitness) announce(cmd *cobra.Command, c *audit.Cosigner, url string) error {
	vkey := c.Verifier().String()
	if k.asJSON {
		return printJSONLine(cmd, map[string]string{"name": c.Name(), "key": vkey, "url": url})
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", strings.TrimSpace(fmt.Sprintf("witness %s %s %s", c.Name(), vkey, url)))
	return err
}

// The bounds of a request: what a log sends is small and comes at once.
const (
	witnessTimeout = 10 * time.Second
	witnessGrace   = 5 * time.Second
)

// serve answers until the command is ended.
func (k *auditWitness) serve(cmd *cobra.Command, c *audit.Cosigner, handler http.Handler) error {
	listener, err := net.Listen("tcp", k.listen)
	if err != nil {
		return err
	}
	scheme := "http"
	if k.cert != "" {
		scheme = "https"
	}
	if err := k.announce(cmd, c, scheme+"://"+listener.Addr().String()); err != nil {
		return errors.Join(err, listener.Close())
	}
	s := &http.Server{Handler: handler, ReadTimeout: witnessTimeout, WriteTimeout: witnessTimeout, MaxHeaderBytes: 16 << 10}
	ended := make(chan error, 1)
	go func() {
		if k.cert != "" {
			ended <- s.ServeTLS(listener, k.cert, k.key)
			return
		}
		ended <- s.Serve(listener)
	}()
	select {
	case err := <-ended:
		return err
	case <-cmd.Context().Done():
	}
	grace, stop := context.WithTimeout(context.WithoutCancel(cmd.Context()), witnessGrace)
	defer stop()
	return s.Shutdown(grace)
}
