package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/mod/sumdb/note"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/store/bolt"
)

const (
	stageOrigin   = "as.bank.example/2026/as1"
	stageEndpoint = "https://as.bank.example/token"
	stageAudience = "https://api.bank.example"
	stageX5T      = "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"
)

// hostile is what a stranger calls himself to hurt who reads the log.
const hostile = "=cmd|'/C calc'!A0\u202e\u009b31m<script>alert(1)</script>"

// An auditStage is a log with a story and two witnesses, made here by the writing side, and a folder with what an auditor has.
// Randomness and clocks are fixed: the same bytes come every time.
type auditStage struct {
	t         *testing.T
	dir       string // the working directory
	now       time.Time
	skey      string // of the log
	signer    *audit.LogSigner
	witnesses []*audit.Cosigner
	book      *audit.Book
	publisher *audit.Publisher
	archive   *audit.Archive
	issuerKey *ecdsa.PrivateKey
	jkt       string // of the key that the story is about
	token     uint64 // the entry of the token in the file "token"
}

// newAuditStage plays the story. What a test does to the log afterwards is its own.
func newAuditStage(t *testing.T) *auditStage {
	t.Helper()
	if underRace { // the source of randomness is the whole process's, and connections of other tests still read it
		t.Skip("NOT RUN with the race detector: needs reproducible randomness; it runs without")
	}
	cryptotest.SetGlobalRandom(t, 4711)
	s := &auditStage{t: t, dir: t.TempDir(), now: time.Date(2026, 11, 21, 9, 12, 4, 0, time.UTC)}
	t.Chdir(s.dir)
	for _, name := range []string{"LANG", "LC_ALL", logVariable, policyVariable} {
		t.Setenv(name, "")
	}
	t.Setenv("LC_CTYPE", "C.UTF-8")
	s.open()
	s.tell()
	s.save("policy", s.policy("2"))
	return s
}

// must gives a value, or ends the test.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (s *auditStage) clock() time.Time { return s.now }

// wait lets time pass.
func (s *auditStage) wait(d time.Duration) { s.now = s.now.Add(d) }

func (s *auditStage) path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

func (s *auditStage) read(name string) string {
	s.t.Helper()
	return string(must(os.ReadFile(s.path(name)))(s.t))
}

func (s *auditStage) save(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *auditStage) open() {
	s.t.Helper()
	t, start := s.t, s.now
	db := must(bolt.Open(bolt.Config{Path: s.path("db")}))(t)
	t.Cleanup(func() { _ = db.Close() })
	skey, _, err := audit.GenerateKey(stageOrigin)
	s.skey, s.signer = skey, must(audit.ParseKey(skey))(t)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"audit-firm", "bank-b"} {
		skey, _, err := audit.GenerateCosigner(name)
		if err != nil {
			t.Fatal(err)
		}
		s.witnesses = append(s.witnesses, must(audit.NewCosigner(skey, s.clock))(t))
	}
	s.issuerKey = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	s.book = must(audit.OpenBook(t.Context(), audit.BookConfig{
		Store: db, Origin: stageOrigin, Now: s.clock, Uptime: func() time.Duration { return s.now.Sub(start) },
	}))(t)
	s.publisher = must(audit.OpenPublisher(t.Context(), audit.PublisherConfig{Book: s.book, Dir: s.path("log"), Signer: s.signer}))(t)
	t.Cleanup(func() { _ = s.publisher.Close() })
	s.archive = must(audit.OpenArchive(s.path("log")))(t)
}

// policy names the log and its two witnesses, of whom so many must have signed; "none" asks for no witnesses.
func (s *auditStage) policy(needed string) string {
	var text strings.Builder
	text.WriteString("log " + s.signer.String() + "\n")
	for _, w := range s.witnesses {
		text.WriteString(fmt.Sprintf("witness %s %s\n", w.Name(), w.Verifier()))
	}
	if needed == "none" {
		return "log " + s.signer.String() + "\nquorum none\n"
	}
	return text.String() + "group both " + needed + " audit-firm bank-b\nquorum both\n"
}

// log appends an entry and lets a second pass.
func (s *auditStage) log(e audit.Entry) uint64 {
	s.t.Helper()
	i := must(s.book.Append(s.t.Context(), e))(s.t)
	s.wait(time.Second)
	return i
}

// request is a detail record as a verifier writes it.
func request(method, url, address string) map[string]string {
	return map[string]string{"htm": method, "htu": url, "ip": address}
}

// tell is the story: a key gets a token and uses it; the token is copied and replayed; the grant is revoked.
func (s *auditStage) tell() {
	key := must(dpop.GenerateKey(dpop.ES256))(s.t)
	s.jkt = key.Thumbprint()
	proof := must(key.Proof(dpop.Target{Method: "POST", URL: stageEndpoint, Time: s.now}))(s.t)
	s.token = s.issue(s.jkt, proof)
	bound := tenon.Confirmation{JKT: s.jkt}
	s.log(audit.Entry{
		Type: audit.TokenUsed, Confirmation: bound, Client: "tpp-4711", About: &s.token,
		Detail: request("GET", stageAudience+"/accounts", "198.51.100.7"),
	})
	s.publish(2)
	for _, count := range []int64{3, 4, 9, 12, 0, 3} {
		at := s.now.Truncate(time.Minute).UnixMilli()
		s.wait(time.Minute - time.Second)
		if count > 0 {
			s.log(audit.Entry{Type: audit.UseSummary, Confirmation: bound, About: &s.token, Span: audit.LeafSpan{Count: count, From: at, To: at + 59_000}})
		} else {
			s.log(audit.Entry{Type: audit.LogHeartbeat})
		}
	}
	s.log(audit.Entry{Type: audit.TokenRefused, Reason: "unknown client", Client: hostile})
	s.log(audit.Entry{
		Type: audit.ProofReplayed, Reason: "replay", Confirmation: bound, About: &s.token,
		Detail: request("GET", stageAudience+"/accounts", "203.0.113.9"),
	})
	s.log(audit.Entry{
		Type: audit.TokenIssued, Client: "bank-app", Confirmation: tenon.Confirmation{X5T: stageX5T},
		Token: audit.TokenFacts{ID: "jti-2", Audience: []string{stageAudience}, Expires: s.now.Add(5 * time.Minute), Claims: strings.Repeat("c", 43)},
	})
	s.log(audit.Entry{Type: audit.GrantRevoked, Client: "tpp-4711", About: &s.token})
	s.publish(2)
}

// issue logs the issuance of a token and writes the token to the file "token", with the issuer's keys in "jwks".
func (s *auditStage) issue(jkt, proof string) uint64 {
	s.t.Helper()
	claims := tenon.Claims{
		Issuer: "https://as.bank.example", Subject: "alice", ClientID: "tpp-4711", ID: "jti-1", Audience: []string{stageAudience},
		IssuedAt: s.now, Expires: s.now.Add(10 * time.Minute), Scope: tenon.Scope{"accounts"}, Confirmation: tenon.Confirmation{JKT: jkt},
	}
	digest := must(audit.ClaimsDigest(must(json.Marshal(claims))(s.t)))(s.t)
	i := s.log(audit.Entry{
		Type: audit.TokenIssued, Client: "tpp-4711", Confirmation: claims.Confirmation, Proof: proof, Detail: map[string]string{"ip": "198.51.100.7"},
		Token: audit.TokenFacts{
			ID: claims.ID, Claims: digest, Account: "alice", Audience: claims.Audience, Scope: claims.Scope, Expires: claims.Expires, KeyID: "as-2026-11",
		},
	})
	claims.Log = &tenon.LogReference{Origin: stageOrigin, Index: i}
	s.save("token", s.sign(claims)+"\n")
	public := jose.JSONWebKey{Key: s.issuerKey.Public(), KeyID: "as-2026-11"}
	s.save("jwks", string(must(json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}}))(s.t)))
	return i
}

// sign makes a token with the issuer's key, as a thief of that key would too.
func (s *auditStage) sign(claims tenon.Claims) string {
	s.t.Helper()
	signer := must(jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: s.issuerKey, KeyID: "as-2026-11"}},
		(&jose.SignerOptions{}).WithType("at+jwt")))(s.t)
	signed := must(signer.Sign(must(json.Marshal(claims))(s.t)))(s.t)
	return must(signed.CompactSerialize())(s.t)
}

// publish makes a checkpoint, which so many of the witnesses cosign.
func (s *auditStage) publish(witnesses int) {
	s.t.Helper()
	if err := s.publisher.Publish(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	if witnesses == 0 {
		return
	}
	signed := s.cosign(s.publisher.Signed(), witnesses)
	if err := s.archive.Put(signed); err != nil {
		s.t.Fatal(err)
	}
	if err := s.publisher.Cosigned(signed); err != nil {
		s.t.Fatal(err)
	}
}

func (s *auditStage) cosign(signed []byte, witnesses int) []byte {
	s.t.Helper()
	_, n, err := audit.OpenSigned(signed, note.VerifierList(s.signer.Verifier()))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, w := range s.witnesses[:witnesses] {
		signed = must(note.Sign(n, w))(s.t)
		if _, n, err = audit.OpenSigned(signed, note.VerifierList(s.signer.Verifier(), w.Verifier())); err != nil {
			s.t.Fatal(err)
		}
	}
	return signed
}

// audit carries out one of the auditor's commands.
func (s *auditStage) audit(args ...string) outcome { return s.auditWith("", args...) }

func (s *auditStage) auditWith(stdin string, args ...string) outcome {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	root := newRootCommand()
	root.SetArgs(append([]string{"audit"}, args...))
	root.SetIn(io.Reader(strings.NewReader(stdin)))
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	code := report(&stderr, root.ExecuteContext(s.t.Context()))
	return outcome{code, stdout.String(), stderr.String()}
}
