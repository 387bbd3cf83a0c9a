package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/audit"
)

var updateAudit = flag.Bool("update", false, "write the golden files of the auditor's commands")

// took is how long something took, which is another time every time.
var took = regexp.MustCompile(`\d+\.\d s\n`)

// golden compares with a file of testdata/audit.
func golden(t *testing.T, repository, name, got string) {
	t.Helper()
	path := filepath.Join(repository, "testdata", "audit", name)
	got = took.ReplaceAllString(got, "0.0 s\n")
	if *updateAudit {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(must(os.ReadFile(path))(t)), got); diff != "" {
		t.Errorf("%s (-want +got), go test -run %s -update writes it:\n%s", name, t.Name(), diff)
	}
}

// Every command says what it says, to a person and to a program.
func TestAuditSaysWhatItFound(t *testing.T) {
	repository := must(os.Getwd())(t)
	s := newAuditStage(t)
	earlier := s.read("log/archive/00000000000000000004")
	s.save("earlier", earlier)
	s.save("rs.jsonl", s.resourceServerList())
	for _, c := range []struct {
		name string
		exit int
		args string
	}{
		{"verify", 0, "verify log -p policy --at 2026-11-21T09:20:00Z --known earlier"},
		{"verify-stale", 4, "verify log -p policy --at 2026-11-22T09:20:00Z --max-age 1h --no-openings"},
		{"find", 0, "find log -p policy --client tpp-4711"},
		{"find-all", 0, "find log -p policy"},
		{"find-nothing", 0, "find log -p policy --since 2027-01-01"},
		{"timeline", 0, "timeline log -p policy --jkt " + s.jkt},
		{"timeline-certificate", 0, "timeline log -p policy --x5t " + stageX5T},
		{"tail", 0, "tail log -p policy --once -n 3 --seen last"},
		{"prove", 0, fmt.Sprintf("prove log -p policy -i %d --entry entry --opening opening", s.token)},
		{"consistency", 0, "consistency earlier log -p policy"},
		{"reconcile", 1, "reconcile log -p policy --rs-log rs.jsonl --audience " + stageAudience},
		{"export-jsonl", 0, "export log -p policy --format jsonl --client tpp-4711"},
		{"export-csv", 0, "export log -p policy --format csv"},
		{"export-ocsf", 0, "export log -p policy --format ocsf --type token.issued,token.refused,client.changed,proof.replayed"},
		{"bundle", 0, "bundle log -p policy --jkt " + s.jkt + " --related --known earlier -o evidence.zip"},
		{"verify-bundle", 0, "verify evidence.zip -p policy --token-endpoint " + stageEndpoint},
		{"verify-token", 0, "verify-token token -p policy --log log --jwks jwks --token-endpoint " + stageEndpoint},
		{"verify-token-bundle", 0, "verify-token token -p policy --log evidence.zip"},
		{"policy", 0, "policy log"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := s.audit(strings.Fields(c.args)...)
			text.wants(t, c.exit)
			golden(t, repository, c.name+".txt", text.stdout+text.stderr)
			if strings.ContainsAny(text.stdout+text.stderr, "\x1b\u009b\u202e") {
				t.Error("control characters on the terminal")
			}
			s.forget("evidence.zip", c.name == "bundle")
			s.forget("last", c.name == "tail")
			s.forget("entry", c.name == "prove")
			s.forget("opening", c.name == "prove")
			program := s.audit(append(strings.Fields(c.args), "--json")...)
			program.wants(t, c.exit)
			golden(t, repository, c.name+".json", program.stdout+program.stderr)
			if strings.ContainsAny(program.stdout+program.stderr, "\x1b\u009b\u202e") {
				t.Error("control characters in JSON")
			}
		})
	}
}

// forget removes a file before a command is carried out a second time.
func (s *auditStage) forget(name string, when bool) {
	s.t.Helper()
	if when {
		if err := os.Remove(s.path(name)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// resourceServerList is what an API wrote down: a use in order, one after the revocation, one of a token that no log has, and one
// by another key.
func (s *auditStage) resourceServerList() string {
	use := `{"time":"%s","tlog":{"o":"` + stageOrigin + `","i":%d},"jti":"jti-1","jkt":"%s","path":"/accounts"}` + "\n"
	return fmt.Sprintf(use, "2026-11-21T09:12:10Z", s.token, s.jkt) +
		fmt.Sprintf(use, "2026-11-21T10:00:00Z", s.token, s.jkt) +
		fmt.Sprintf(use, "2026-11-21T09:13:00Z", s.token, strings.Repeat("A", 43)) +
		fmt.Sprintf(use, "2026-11-21T09:13:00Z", 900, s.jkt) +
		`{"time":1795252380,"jti":"jti-9"}` + "\n"
}

// In a locale without more than ASCII there is nothing but ASCII.
func TestAuditSpeaksASCII(t *testing.T) {
	s := newAuditStage(t)
	t.Setenv("LC_CTYPE", "C")
	for _, args := range []string{"verify log -p policy", "timeline log -p policy --jkt " + s.jkt, "tail log -p policy --once", "find log -p policy"} {
		out := s.audit(strings.Fields(args)...)
		out.wants(t, exitDone)
		if strings.ContainsFunc(out.stdout+out.stderr, func(r rune) bool { return r > 0x7e }) {
			t.Errorf("%s writes more than ASCII:\n%s", args, out.stdout)
		}
	}
}

// What strangers got into the log is a text in a cell, and no formula.
func TestAuditCSVHasNoFormula(t *testing.T) {
	s := newAuditStage(t)
	out := s.audit("export", "log", "-p", "policy", "--format", "csv", "--type", "token.refused")
	out.wants(t, exitDone)
	rows := must(csv.NewReader(strings.NewReader(out.stdout)).ReadAll())(t)
	if len(rows) != 2 || !strings.HasPrefix(rows[1][10], "'=cmd|") {
		t.Fatalf("the client's cell: %q", rows)
	}
	if strings.ContainsAny(out.stdout, "\u202e\u009b") {
		t.Error("control characters in the table")
	}
}

// A bundle and an export are for their owner alone, and nothing is written over.
func TestAuditFilesArePrivate(t *testing.T) {
	s := newAuditStage(t)
	for _, args := range []string{
		"export log -p policy -o export.jsonl",
		"bundle log -p policy --all -o all.zip",
		fmt.Sprintf("prove log -p policy -i %d -o receipt", s.token),
	} {
		fields := strings.Fields(args)
		s.audit(fields...).wants(t, exitDone)
		if mode := must(os.Stat(fields[len(fields)-1]))(t).Mode(); mode != 0o600 {
			t.Errorf("%s makes a file of mode %v", args, mode)
		}
		before := s.read(fields[len(fields)-1])
		s.audit(fields...).wants(t, exitUsage, "already there")
		if s.read(fields[len(fields)-1]) != before {
			t.Errorf("%s wrote over a file", args)
		}
	}
}

// The same search in the same log gives the same bundle, byte for byte.
func TestAuditBundleIsDeterministic(t *testing.T) {
	s := newAuditStage(t)
	for _, name := range []string{"a.zip", "b.zip"} {
		s.audit("bundle", "log", "-p", "policy", "--jkt", s.jkt, "-o", name).wants(t, exitDone)
	}
	if s.read("a.zip") != s.read("b.zip") {
		t.Error("two bundles of one search differ")
	}
}

// The log and the policy may be named by the environment.
func TestAuditEnvironment(t *testing.T) {
	s := newAuditStage(t)
	t.Setenv(logVariable, "log")
	t.Setenv(policyVariable, "policy")
	s.audit("verify").wants(t, exitDone)
	s.audit("timeline", "--jkt", s.jkt).wants(t, exitDone)
	s.audit("verify", "nothing").wants(t, exitFailed, "nothing")
}

// A server's directory has the log below it.
func TestAuditFindsTheLogOfAServer(t *testing.T) {
	s := newAuditStage(t)
	if err := os.Mkdir("data", 0o700); err != nil {
		t.Fatal(err)
	}
	s.audit("verify", ".", "-p", "policy").wants(t, exitDone)
	if err := os.Rename("log", "data/log"); err != nil {
		t.Fatal(err)
	}
	s.audit("verify", ".", "-p", "policy").wants(t, exitDone)
	s.audit("verify", "data", "-p", "policy").wants(t, exitDone)
	s.audit("verify", "data/log", "-p", "policy").wants(t, exitDone)
}

// A policy that is made of a log verifies it, and with witnesses named it asks for them.
func TestAuditPolicyVerifies(t *testing.T) {
	s := newAuditStage(t)
	out := s.audit("policy", "log")
	out.wants(t, exitDone)
	s.save("made", out.stdout)
	s.audit("verify", "log", "-p", "made").wants(t, exitDone)
	args := []string{"policy", "log"}
	for _, w := range s.witnesses {
		args = append(args, "--witness", w.Verifier().String()+"@https://"+w.Name()+".example")
	}
	out = s.audit(args...)
	out.wants(t, exitDone)
	s.save("witnessed", out.stdout)
	s.audit("verify", "log", "-p", "witnessed").wants(t, exitDone)
	out = s.audit("policy", "log", "--witness", s.witnesses[0].Verifier().String(), "--quorum", "2")
	out.wants(t, exitUsage, "threshold")
}

// How long after a revocation a use is in order is for the auditor to say.
func TestAuditReconcileDelay(t *testing.T) {
	s := newAuditStage(t)
	s.save("rs.jsonl", strings.SplitAfter(s.resourceServerList(), "\n")[1])
	s.audit("reconcile", "log", "-p", "policy", "--rs-log", "rs.jsonl").wants(t, exitRefused)
	s.audit("reconcile", "log", "-p", "policy", "--rs-log", "rs.jsonl", "--delay", "1h").wants(t, exitDone)
}

// A key that the log announces and does not sign with is in no policy.
func TestAuditPolicyOfAKeyThatSigns(t *testing.T) {
	s := newAuditStage(t)
	skey, _, err := audit.GenerateKey(stageOrigin)
	if err != nil {
		t.Fatal(err)
	}
	head := must(audit.ParsePolicy([]byte(s.policy("none"))))(t)
	c := must(head.Open([]byte(s.read("log/checkpoint"))))(t).Checkpoint
	s.replace("log/checkpoint", s.signCheckpoint(c, must(audit.ParseKey(skey))(t), 0))
	s.audit("policy", "log").wants(t, exitFailed, "no entry of the log announces the key")
}

// A detail record that is not the one that the entry commits to is not shown.
func TestAuditShowsNoFalseDetail(t *testing.T) {
	s := newAuditStage(t)
	s.replace("log/openings/000", []byte(strings.ReplaceAll(s.read("log/openings/000"), "198.51.100.7", "198.51.100.8")))
	for _, command := range []string{"find", "timeline"} {
		out := s.audit(command, "log", "-p", "policy", "--client", "tpp-4711")
		out.wants(t, exitDone)
		if strings.Contains(out.stdout, "198.51.100.") || !strings.Contains(out.stdout, "tpp-4711") {
			t.Errorf("%s:\n%s", command, out.stdout)
		}
	}
}

// jsonOf reads what a command printed for programs.
func jsonOf[T any](t *testing.T, out outcome) T {
	t.Helper()
	var v T
	if err := json.NewDecoder(bytes.NewReader([]byte(out.stdout))).Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, out.stdout)
	}
	return v
}
