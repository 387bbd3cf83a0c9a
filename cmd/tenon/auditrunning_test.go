package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/audit"
)

// running is a command that goes on until it is stopped.
type running struct {
	t     *testing.T
	lines *bufio.Scanner
	stop  context.CancelFunc
	ended chan int
}

func (s *auditStage) start(args ...string) *running {
	s.t.Helper()
	ctx, stop := context.WithTimeout(s.t.Context(), patience) // one that should end by itself is no reason to wait for ever
	out, in := io.Pipe()
	root := newRootCommand()
	root.SetArgs(append([]string{"audit"}, args...))
	root.SetOut(in)
	root.SetErr(io.Discard)
	r := &running{t: s.t, lines: bufio.NewScanner(out), stop: stop, ended: make(chan int, 1)}
	go func() {
		code := report(io.Discard, root.ExecuteContext(ctx))
		in.Close()
		r.ended <- code
	}()
	s.t.Cleanup(func() { stop(); out.Close() })
	return r
}

// line waits for a line with the text in it.
func (r *running) line(text string) string {
	r.t.Helper()
	for r.lines.Scan() {
		if strings.Contains(r.lines.Text(), text) {
			return r.lines.Text()
		}
	}
	r.t.Fatalf("it ended without a line with %q", text)
	return ""
}

// exit stops the command and gives its exit code.
func (r *running) exit() int {
	r.stop()
	for r.lines.Scan() {
	}
	return <-r.ended
}

// tail shows what comes in and ends in good order; when the log is rewritten meanwhile, it says so.
func TestAuditTailFollows(t *testing.T) {
	s := newAuditStage(t)
	tail := s.start("tail", "log", "-p", "policy", "--interval", "1ms", "-n", "1", "--json")
	tail.line(`"size":14`)
	s.log(audit.Entry{Type: audit.ClientChanged, Client: "tpp-9"})
	s.publish(2)
	if line := tail.line(`"index":14`); !strings.Contains(line, "tpp-9") {
		t.Error(line)
	}
	tail.line(`"extends":14`)
	if code := tail.exit(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	tail = s.start("tail", "log", "-p", "policy", "--interval", "1ms", "--evidence", "kept")
	tail.line("size 15")
	all := must(audit.SplitEntries([]byte(s.read("log/tile/entries/000.p/15")), 15))(t)
	all[1], all[2] = all[2], all[1]
	s.forge(append(all, all[8]), 2)
	for tail.lines.Scan() { // until it ends by itself
	}
	if code := <-tail.ended; code != exitRefused {
		t.Errorf("exit code %d", code)
	}
	if names := must(filepath.Glob("kept/FORK-*"))(t); len(names) != 3 {
		t.Errorf("evidence: %q, want both notes and the proof", names)
	}
}

// A witness makes its key, cosigns what a log sends, and keeps key and memory.
func TestAuditWitnessCosigns(t *testing.T) {
	s := newAuditStage(t)
	args := []string{"witness", "--dir", "w", "--name", "audit-firm.example/w1", "--log", s.signer.String(), "--listen", "127.0.0.1:0"}
	w := s.start(args...)
	line := w.line("witness audit-firm.example/w1 ")
	policy := must(audit.ParsePolicy([]byte("log " + s.signer.String() + "\n" + line + "\nquorum audit-firm.example/w1\n")))(t)
	asked := must(audit.NewWitnesses(audit.WitnessesConfig{Policy: policy}))(t)
	s.log(audit.Entry{Type: audit.LogHeartbeat})
	s.publish(0)
	got := must(asked.Cosign(t.Context(), s.publisher.Signed(), s.publisher.Prove))(t)
	if !got.Quorum.Met {
		t.Fatalf("it did not cosign: %+v", got)
	}
	if code := w.exit(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	if mode := must(os.Stat("w/key"))(t).Mode(); mode != 0o600 {
		t.Errorf("the key has mode %v", mode)
	}
	out := s.audit("witness", "--dir", "w", "--show-key")
	out.wants(t, exitDone)
	if !strings.HasPrefix(line, strings.TrimSpace(out.stdout)+" http://127.0.0.1:") {
		t.Errorf("it was %q, and is %q", line, out.stdout)
	}
	key := jsonOf[struct{ Name, Key string }](t, s.audit("witness", "--dir", "w", "--show-key", "--json"))
	if !strings.Contains(line, key.Key) || key.Name != "audit-firm.example/w1" {
		t.Errorf("%+v", key)
	}
	s.audit("witness", "--dir", "w", "--name", "other", "--show-key").wants(t, exitUsage, "other")
}
