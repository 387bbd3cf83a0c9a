package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/dpop"
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

// running is a command that goes on until it is stopped.
type running struct {
	t     *testing.T
	lines *bufio.Scanner
	stop  context.CancelFunc
	ended chan int
}

func (s *auditStage) start(args ...string) *running {
	s.t.Helper()
	ctx, stop := context.WithCancel(s.t.Context())
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

// signProof makes a proof with any claims.
func signProof(t *testing.T, key *dpop.Key, claims map[string]any) string {
	t.Helper()
	var jwk jose.JSONWebKey
	if err := json.Unmarshal(key.JWK(), &jwk); err != nil {
		t.Fatal(err)
	}
	options := (&jose.SignerOptions{}).WithType("dpop+jwt").WithHeader("jwk", jwk)
	signer := must(jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key.Signer()}, options))(t)
	signed := must(signer.Sign(must(json.Marshal(claims))(t)))(t)
	return must(signed.CompactSerialize())(t)
}

// A kept proof is judged as when it came, whatever today's date: form, algorithm and signature.
func TestKeptProof(t *testing.T) {
	key := must(dpop.GenerateKey(dpop.ES256))(t)
	at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	claims := func(change func(map[string]any)) map[string]any {
		c := map[string]any{"jti": "1", "htm": "POST", "htu": stageEndpoint, "iat": at.Unix()}
		change(c)
		return c
	}
	good := signProof(t, key, claims(func(map[string]any) {}))
	parts := strings.Split(good, ".")
	for name, c := range map[string]struct {
		proof string
		ok    bool
	}{
		"years later":            {good, true},
		"with ath and nonce":     {signProof(t, key, claims(func(c map[string]any) { c["ath"], c["nonce"] = "x", "n" })), true},
		"not before, a bit late": {signProof(t, key, claims(func(c map[string]any) { c["nbf"] = at.Unix() + 90 })), true},
		"expired when made":      {signProof(t, key, claims(func(c map[string]any) { c["exp"] = at.Unix() })), true},
		"dots in the address":    {signProof(t, key, claims(func(c map[string]any) { c["htu"] = "https://as.bank.example/a/%2e%2e/token" })), true},
		"no jti":                 {signProof(t, key, claims(func(c map[string]any) { delete(c, "jti") })), false},
		"no address":             {signProof(t, key, claims(func(c map[string]any) { c["htu"] = "token" })), false},
		"no iat":                 {signProof(t, key, claims(func(c map[string]any) { delete(c, "iat") })), false},
		"another signature":      {parts[0] + "." + parts[1] + "." + strings.Repeat("A", 86), false},
		"another payload": {parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"jti":"1","htm":"GET","htu":"https://a.example/","iat":1577836800}`)) +
			"." + parts[2], false},
		"two parts":   {parts[0] + "." + parts[1], false},
		"not base64":  {"*.*.*", false},
		"not JSON":    {"e30.e30x.e30", false},
		"empty":       {"", false},
		"other types": {parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"iat":"x"}`)) + "." + parts[2], false},
	} {
		t.Run(name, func(t *testing.T) {
			thumbprint, htm, _, iat, err := checkKeptProof(c.proof)
			if (err == nil) != c.ok {
				t.Fatalf("error %v", err)
			}
			if c.ok && (thumbprint != key.Thumbprint() || htm != "POST" || !iat.Equal(at)) {
				t.Errorf("it says %s %s %v", thumbprint, htm, iat)
			}
		})
	}
}
