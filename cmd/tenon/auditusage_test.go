package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/audit"
)

// What is wrong with a command line or a policy ends with 2 and says what to write.
func TestAuditUsage(t *testing.T) {
	s := newAuditStage(t)
	witness := s.witnesses[0].Verifier().String()
	s.save("twice", "log "+s.signer.String()+"\nwitness a "+witness+"\nwitness b "+witness+"\ngroup g all a b\nquorum g\n")
	s.save("text", "nothing in particular")
	for args, want := range map[string]string{
		"verify log":                                           "tenon audit policy",
		"verify -p policy":                                     logVariable,
		"verify log more -p policy":                            "--help",
		"verify log -p none":                                   "--policy",
		"verify log -p text":                                   "text: policy line 1",
		"verify log -p twice":                                  "the key of witness b is the key of witness a",
		"verify log -p policy --at yesterday":                  "2026-11-20",
		"verify log -p policy --max-age -1s":                   "--max-age",
		"verify log -p policy --heartbeat 0s":                  "--heartbeat",
		"verify log -p policy --known none":                    "--known",
		"verify log -p policy --openings none":                 "--openings",
		"verify http://as.bank.example/log -p policy":          "https",
		"verify https://a:b@as.bank.example/log -p policy":     "not the URL of a log",
		"verify https://as.bank.example -p policy --ca policy": "no certificate",
		"verify https://as.bank.example -p policy --ca none":   "--ca",
		"verify https://a.example -p policy --token-file none": "--token-file",
		"verify log -p policy --nonsense":                      "unknown flag",
		"find log -p policy --jkt short":                       "43 characters",
		"find log -p policy --type token.lost":                 "token.lost",
		"find log -p policy --since then":                      "--since",
		"find log -p policy --until then":                      "--until",
		"find log -p policy --jkt a --x5t b":                   "one of them",
		"timeline log -p policy":                               "--jkt",
		"export log -p policy --format xml":                    "jsonl, csv or ocsf",
		"bundle log -p policy --all":                           "-o",
		"bundle log -p policy -o x":                            "--all",
		"bundle log -p policy -o x --all --client c":           "--all",
		"bundle log -p policy -o x --all --known none":         "--known",
		"prove log -p policy":                                  "-i",
		"reconcile log -p policy":                              "--rs-log",
		"reconcile log -p policy --rs-log none":                "--rs-log",
		"reconcile log -p policy --rs-log text":                "line 1",
		"reconcile log -p policy --rs-log text --delay 0s":     "--delay",
		"tail log -p policy --interval 0s":                     "--interval",
		"tail log -p policy -n -1":                             "--lines",
		"verify-token token -p policy":                         "--receipt",
		"verify-token none -p policy --log log":                "the token",
		"verify-token token --log log":                         "tenon audit policy",
		"verify-token token -p policy --log log --level 3":     "--level",
		"verify-token token -p policy --log log --jwks text":   "JWK Set",
		"verify-token token -p policy --log log --receipt x":   "--receipt",
		"verify-token token -p policy --log log --entry x":     "--entry",
		"verify-token token -p policy --log log --opening x":   "--opening",
		"verify-token -p policy --log log":                     "--help",
		"consistency log":                                      "--help",
		"consistency log log":                                  "tenon audit policy",
		"policy":                                               logVariable,
		"policy log --witness nonsense":                        "policy line",
		"witness":                                              "--dir",
		"witness --dir w --show-key":                           "--name",
		"witness --dir w --name a+b --show-key":                "a+b",
		"witness --dir w --name w --log nonsense":              "nonsense",
		"witness --dir w --name w --log x --cert c":            "--cert and --key",
		"witness --dir w --name w --log x --listen :1":         "plain HTTP",
		"witness --dir w --name w --log x --listen nonsense":   "--listen",
		"witness more":                                         "--help",
		"nonsense":                                             "nonsense",
	} {
		out := s.audit(strings.Fields(args)...)
		if out.code != exitUsage || !strings.Contains(out.stderr, want) || out.stdout != "" {
			t.Errorf("%s: exit code %d, want 2 and %q on standard error:\n%s%s", args, out.code, want, out.stdout, out.stderr)
		}
	}
}

// What cannot be read ends with 3: nothing is said about the log.
func TestAuditCannotComplete(t *testing.T) {
	s := newAuditStage(t)
	for _, dir := range []string{"empty", "noentries"} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.save("text", "nothing in particular")
	for args, want := range map[string]string{
		"verify none -p policy":                                  "none",
		"verify empty -p policy":                                 "holds no log",
		"verify text -p policy":                                  "neither a directory nor a zip",
		"verify http://127.0.0.1:1/log -p policy":                "refused",
		"tail http://127.0.0.1:1/log -p policy --once":           "refused",
		"consistency http://127.0.0.1:1/log log -p policy":       "refused",
		"policy http://127.0.0.1:1/log":                          "refused",
		"policy none":                                            "none",
		"prove log -p policy -i 13 --opening o":                  "has no opening",
		"export log -p policy -o none/x":                         "none/x",
		"verify-token token -p policy --log none":                "none",
		"witness --dir text --name w --log " + s.signer.String(): "text",
		"witness --dir w --name w --log " + s.signer.String() + " --cert text --key text --listen 127.0.0.1:0": "",
	} {
		out := s.audit(strings.Fields(args)...)
		if out.code != exitFailed || !strings.Contains(out.stderr, want) {
			t.Errorf("%s: exit code %d, want 3 and %q on standard error:\n%s%s", args, out.code, want, out.stdout, out.stderr)
		}
	}
	s.audit("bundle", "log", "-p", "policy", "--client", "bank-app", "-o", "part.zip").wants(t, exitDone)
	s.audit("verify-token", "token", "-p", "policy", "--log", "part.zip").wants(t, exitFailed, "has not the entry 2")
	s.audit("policy", "part.zip").wants(t, exitFailed)
	s.audit("prove", "log", "-p", "policy", "-i", "99").wants(t, exitRefused, "MISSING_INDEX")
}

// Every command has a help with an example.
func TestAuditHelp(t *testing.T) {
	s := newAuditStage(t)
	for _, c := range newAuditCommand().Commands() {
		out := s.audit(c.Name(), "--help")
		out.wants(t, exitDone)
		if !strings.Contains(out.stdout, "Examples:\n  tenon audit "+c.Name()) || !strings.Contains(out.stdout, "--json") {
			t.Errorf("%s:\n%s", c.Name(), out.stdout)
		}
	}
	out := s.audit()
	out.wants(t, exitDone)
	for _, limit := range []string{"Exit codes: 0 clean, 1", "not that everything was", "bytes, not truth", "signed diary"} {
		if !strings.Contains(out.stdout, limit) {
			t.Errorf("the help does not say %q:\n%s", limit, out.stdout)
		}
	}
}

// serve puts the log on a server of this machine, where entries are for who knows the secret.
func (s *auditStage) serve() (url string) {
	handler := s.publisher.Handler(func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer s3cret" })
	server := httptest.NewServer(handler)
	s.t.Cleanup(server.Close)
	s.save("secret", "s3cret\n")
	return server.URL + "/log"
}

// Over a URL entries are for auditors, openings come by another way, and an old checkpoint is stale without being asked.
func TestAuditReadsAServer(t *testing.T) {
	s := newAuditStage(t)
	url := s.serve()
	at := []string{"--at", "2026-11-21T09:20:00Z", "--token-file", "secret"}
	s.audit(append([]string{"verify", url, "-p", "policy"}, at...)...).wants(t, exitDone)
	out := s.audit("verify", url, "-p", "policy", "--token-file", "secret")
	out.wants(t, exitStale)
	if !strings.Contains(out.stdout, "STALE") {
		t.Errorf("%s", out.stdout)
	}
	s.audit("verify", url, "-p", "policy", "--token-file", "secret", "--max-age", "0").wants(t, exitDone)
	s.audit("verify", url, "-p", "policy").wants(t, exitFailed, "--token-file")
	s.audit("find", url, "-p", "policy").wants(t, exitFailed, "--token-file")
	out = s.audit("timeline", url, "-p", "policy", "--token-file", "secret", "--jkt", s.jkt)
	out.wants(t, exitDone)
	if !strings.Contains(out.stdout, "incomplete: 9 entries") || strings.Contains(out.stdout, "token.issued") {
		t.Errorf("without openings it says\n%s", out.stdout)
	}
	out = s.audit("timeline", url, "-p", "policy", "--token-file", "secret", "--jkt", s.jkt, "--openings", "log")
	out.wants(t, exitDone)
	if !strings.Contains(out.stdout, "complete:") || !strings.Contains(out.stdout, "token.issued") {
		t.Errorf("with openings it says\n%s", out.stdout)
	}
	s.audit("consistency", "log/archive/00000000000000000004", url, "-p", "policy").wants(t, exitDone)
}

// When the newest checkpoint has no quorum yet, a receipt leads to the newest one that has.
func TestAuditProvesUnderWitnesses(t *testing.T) {
	s := newAuditStage(t)
	s.log(audit.Entry{Type: audit.LogHeartbeat})
	s.publish(0)
	if err := s.archive.Put(s.cosign(s.publisher.Signed(), 1)); err != nil { // one of two is no quorum
		t.Fatal(err)
	}
	for index, want := range map[int]struct {
		level audit.Level
		size  int64
	}{13: {audit.L2, 14}, 2: {audit.L2, 14}, 14: {audit.L1, 15}} {
		got := jsonOf[struct {
			Level audit.Level
			Size  int64
		}](t, s.audit("prove", "log", "-p", "policy", "-i", fmt.Sprint(index), "--json"))
		if got.Level != want.level || got.Size != want.size {
			t.Errorf("entry %d: %+v, want %+v", index, got, want)
		}
	}
}
