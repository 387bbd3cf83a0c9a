package demo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/server"
	"github.com/tenon-auth/tenon/internal/durable"
)

// clean is what an auditor says of a log with nothing wrong in it.
const clean = "clean"

// An auditedLog is a log as the auditor gets it: a folder, and a policy that did not come from it.
type auditedLog struct {
	dir        string
	policyFile string
	policy     *audit.Policy
}

// auditedLog writes the policy for a log of the demo. It says whose signature counts; here that is only the log's own.
func (s *stage) auditedLog(dir, policyFile string) (*auditedLog, error) {
	key, err := audit.LoadKey(filepath.Join(dir, "key"))
	if err != nil {
		return nil, err
	}
	text := []byte("log " + key.String() + "\nquorum none\n")
	l := &auditedLog{dir: dir, policyFile: s.path(policyFile)}
	if l.policy, err = audit.ParsePolicy(text); err != nil {
		return nil, err
	}
	return l, durable.WriteFile(l.policyFile, text, 0o644)
}

// issuerLog is the log of the issuer, where its data is.
func (s *stage) issuerLog() (*auditedLog, error) {
	return s.auditedLog(server.LogPath(s.issuer.data), policyFile)
}

// command is what an auditor would type.
func (l *auditedLog) command() string {
	return fmt.Sprintf("tenon audit verify %s --policy %s", l.dir, l.policyFile)
}

// verify verifies the log as `tenon audit verify` does.
func (l *auditedLog) verify(ctx context.Context) (report *audit.Report, err error) {
	source, err := audit.OpenDir(l.dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	return audit.Verify(ctx, audit.VerifyConfig{Source: source, Policy: l.policy, Openings: true})
}

// size is how many entries the newest checkpoint has, 0 while there is none.
func (l *auditedLog) size() (int64, error) {
	signed, err := readLogFile(l.dir, "checkpoint")
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	head, err := l.policy.Open(signed)
	if err != nil {
		return 0, err
	}
	return head.Checkpoint.Size, nil
}

// await waits until an entry is published, which takes about a second.
func (l *auditedLog) await(ctx context.Context, index uint64) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("entry %d was not published within %v", index, patience))
	defer cancel()
	tick := time.NewTicker(ask)
	defer tick.Stop()
	for {
		size, err := l.size()
		if err != nil || uint64(size) > index {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// worst is the finding that decides, nil when the log is clean.
func worst(r *audit.Report) *audit.Finding {
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Exit() != audit.ExitClean {
			return f
		}
	}
	return nil
}

// auditsLogs verifies what the play has left behind: the issuer's log and the API's own.
func (s *stage) auditsLogs(ctx context.Context) (Outcome, error) {
	own, err := s.issuerLog()
	if err != nil {
		return Outcome{}, err
	}
	claims, err := claimsOf(s.loot.token)
	if err != nil {
		return Outcome{}, err
	}
	if err := own.await(ctx, claims.Log.Index); err != nil {
		return Outcome{}, err
	}
	theirs, err := s.auditedLog(s.path(apiDir, logDir), apiPolicyFile)
	if err != nil {
		return Outcome{}, err
	}
	outcome := Outcome{Finding: clean, Sent: own.command()}
	var counts []audit.Counts
	for _, l := range []*auditedLog{own, theirs} {
		report, err := l.verify(ctx)
		if err != nil {
			return Outcome{}, err
		}
		if f := worst(report); f != nil {
			outcome.Finding, outcome.Why = f.Name, report.Origin+": "+f.Error()
			return outcome, nil
		}
		counts = append(counts, report.Counts)
	}
	seen := counts[1].ByType
	outcome.Why = fmt.Sprintf("%d entries, checkpoint signed, verified from leaves to root. The API keeps a log of its own: %d entries, among them %s, %s and %s.",
		counts[0].Leaves, counts[1].Leaves, several(seen[string(audit.TokenUsed)], "first use", "first uses"),
		several(seen[string(audit.ProofReplayed)], "replay", "replays"), several(seen[string(audit.KeyMismatch)], "foreign key", "foreign keys"))
	return outcome, nil
}

// settle gives the API's log a moment to write down the replay that it has just refused: it writes beside the answer, so a crash
// takes along what came in the last instants.
func (s *stage) settle(ctx context.Context) error {
	l, err := s.auditedLog(s.path(apiDir, logDir), apiPolicyFile)
	if err != nil {
		return err
	}
	tick := time.NewTicker(ask)
	defer tick.Stop()
	for range 10 {
		if written, err := l.has(ctx, audit.Query{Types: []audit.Type{audit.ProofReplayed}, Since: s.began}); err != nil || written {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil // it will be missing, or there is no verifier that could tell of it
}

// has reports whether the log has an entry that the query asks for.
func (l *auditedLog) has(ctx context.Context, q audit.Query) (found bool, err error) {
	if size, err := l.size(); err != nil || size == 0 {
		return false, err
	}
	source, err := audit.OpenDir(l.dir)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	search, err := audit.Find(ctx, audit.FindConfig{Source: source, Policy: l.policy, Query: q}, func(audit.Match) error { return nil })
	if err != nil {
		return false, err
	}
	return search.Found > 0, nil
}

func several(n int64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// bundle reads the file of the log that holds an entry: its name, its bytes, and the entries, which are parts of those bytes.
func (l *auditedLog) bundle(index int64) (file string, data []byte, entries [][]byte, err error) {
	size, err := l.size()
	if err != nil {
		return "", nil, nil, err
	}
	tile := audit.EntryTile(index/audit.TileWidth, size)
	file = audit.TilePath(tile)
	if data, err = readLogFile(l.dir, file); err != nil {
		return "", nil, nil, err
	}
	entries, err = audit.SplitEntries(data, tile.W)
	return file, data, entries, err
}
