package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/internal/durable"
)

// logFlags say which log an auditor's command reads, and against whose word.
type logFlags struct {
	policyFile string
	tokenFile  string
	ca         string
	openings   string
	asJSON     bool
}

// What these name is taken when the command line does not say otherwise.
const (
	logVariable    = "TENON_LOG"
	policyVariable = "TENON_POLICY"
)

// logArgs lets a command take so many arguments, and the log as the last one when TENON_LOG does not name it.
func logArgs(others int) cobra.PositionalArgs {
	return usageArgs(cobra.RangeArgs(others, others+1))
}

// logNamed is the log that a command is about.
func logNamed(args []string, others int) (string, error) {
	if len(args) > others {
		return args[others], nil
	}
	if name := os.Getenv(logVariable); name != "" {
		return name, nil
	}
	return "", usageError(errors.New("which log? Give a directory, a zip or a URL, or set " + logVariable))
}

func (l *logFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	l.registerPolicy(cmd)
	flags.StringVar(&l.tokenFile, "token-file", "", "`file` with the auditor's secret: a server gives entries to nobody else")
	flags.StringVar(&l.openings, "openings", "", "`directory` with the openings (salts, details, kept proofs) when they came by another way than the log")
	flags.StringVar(&l.ca, "ca", "", "PEM `file` of the certificates to trust for a URL, instead of the system's")
}

// registerPolicy is for commands that read no log.
func (l *logFlags) registerPolicy(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&l.policyFile, "policy", "p", "", "policy `file`: whose signatures count (default: "+policyVariable+")")
	flags.BoolVar(&l.asJSON, "json", false, "print JSON")
}

// An openLog is a log that a command has open.
type openLog struct {
	where      string
	live       bool // it is read from a server
	source     audit.Source
	policy     *audit.Policy
	policyText []byte
	close      func() error
}

// isBundle reports whether it is an evidence bundle and not a log.
func (o *openLog) isBundle(ctx context.Context) bool { return audit.IsBundle(ctx, o.source) }

// with opens policy and log, does the work and closes the log. A finding that ends the work is told as such.
func (l *logFlags) with(cmd *cobra.Command, args []string, work func(ctx context.Context, o *openLog) error) error {
	policy, text, err := l.policy()
	if err != nil {
		return usageError(err)
	}
	where, err := logNamed(args, 0)
	if err != nil {
		return err
	}
	o, err := l.open(where)
	if err != nil {
		return err
	}
	o.policy, o.policyText = policy, text
	err = work(cmd.Context(), o)
	if f, ok := errors.AsType[*audit.Finding](err); ok && !isSaid(err) {
		err = foundAlone(cmd, l.asJSON, f)
	}
	return errors.Join(explained(err), o.close())
}

// explained adds what to do about errors that an auditor meets often.
func explained(err error) error {
	if errors.Is(err, audit.ErrNotAuthorized) {
		return fmt.Errorf("%w: give the auditor's secret with --token-file", err)
	}
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: entries and openings are private to who runs the server; --no-openings reads without the latter", err)
	}
	return err
}

const maxPolicyFile = 64 << 10

// errNoPolicy says what a policy is to somebody who has none.
var errNoPolicy = errors.New(`a policy is needed: --policy FILE. It names the key that signs the log and the witnesses that must have seen it.
It does not come from the log: ask the operator for the file tlog-policy that ships with the log's verifier, and compare
its key with somebody else. For a directory that you trust, tenon audit policy LOG > tlog-policy makes one`)

// policy reads the policy file.
func (l *logFlags) policy() (*audit.Policy, []byte, error) {
	if l.policyFile == "" {
		l.policyFile = os.Getenv(policyVariable)
	}
	if l.policyFile == "" {
		return nil, nil, errNoPolicy
	}
	text, err := readNamed(l.policyFile, strings.NewReader(""), maxPolicyFile)
	if err != nil {
		return nil, nil, fmt.Errorf("--policy: %w", err)
	}
	p, err := audit.ParsePolicy(text)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", l.policyFile, err)
	}
	return p, text, nil
}

// open opens a log, with openings from elsewhere when they are given.
func (l *logFlags) open(where string) (*openLog, error) {
	o, err := l.openSource(where)
	if err != nil || l.openings == "" {
		return o, err
	}
	d, err := audit.OpenDir(l.openings)
	if err != nil {
		return nil, errors.Join(usageError(fmt.Errorf("--openings: %w", err)), o.close())
	}
	first := o.close
	o.source, o.close = withOpenings(o.source, d), func() error { return errors.Join(first(), d.Close()) }
	return o, nil
}

// openSource opens the log at a URL, in a directory or in a zip.
func (l *logFlags) openSource(where string) (*openLog, error) {
	if strings.HasPrefix(where, "https://") || strings.HasPrefix(where, "http://") {
		source, err := l.remote(where)
		if err != nil {
			return nil, usageError(err)
		}
		return &openLog{where: where, live: true, source: source, close: func() error { return nil }}, nil
	}
	info, err := os.Stat(where)
	if err != nil {
		return nil, fmt.Errorf("the log: %w", err)
	}
	if !info.IsDir() {
		z, err := audit.OpenZip(where)
		if err != nil {
			return nil, fmt.Errorf("%s is neither a directory nor a zip with a log: %w", where, err)
		}
		return &openLog{where: where, source: z, close: z.Close}, nil
	}
	dir, err := logIn(where)
	if err != nil {
		return nil, err
	}
	d, err := audit.OpenDir(dir)
	if err != nil {
		return nil, err
	}
	return &openLog{where: dir, source: d, close: d.Close}, nil
}

// logIn finds the log in a directory: it may be the log's own, a server's data directory, or the one that holds its configuration.
func logIn(dir string) (string, error) {
	for _, below := range []string{".", "log", filepath.Join("data", "log")} {
		for _, name := range []string{"checkpoint", "manifest.json"} {
			_, err := os.Lstat(filepath.Join(dir, below, name))
			if err == nil {
				return filepath.Join(dir, below), nil
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
		}
	}
	return "", fmt.Errorf("%s holds no log: neither in it nor in %s is a checkpoint", dir, filepath.Join(dir, "log"))
}

// maxSignedCheckpoint bounds a checkpoint in a file of its own.
const maxSignedCheckpoint = 1 << 20

// readCheckpoints reads checkpoints that an auditor kept.
func readCheckpoints(names []string) ([][]byte, error) {
	var all [][]byte
	for _, name := range names {
		signed, err := readNamed(name, strings.NewReader(""), maxSignedCheckpoint)
		if err != nil {
			return nil, fmt.Errorf("--known: %w", err)
		}
		all = append(all, signed)
	}
	return all, nil
}

// newPrivateFile makes a file for its owner that is not there yet: exports have in clear what the log hides under commitments.
func newPrivateFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, usageError(fmt.Errorf("%s is already there: choose another name", path))
	}
	return f, err
}

// writePrivate writes a new private file; one that did not become whole is taken away again.
func writePrivate(path string, write func(io.Writer) error) error {
	f, err := newPrivateFile(path)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return durable.SyncDir(filepath.Dir(path))
}
