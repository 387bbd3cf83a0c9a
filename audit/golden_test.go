package audit_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/store/bolt"
)

// The golden log: a directory as a publisher left it, with a key that is thrown away. With TENON_UPDATE_GOLDEN=1 it is made anew;
// that is right only when the format of logs changes, and then every log that exists changes with it.
const (
	goldenDir    = "testdata/golden"
	goldenKey    = goldenDir + "/throwaway.key"
	goldenPolicy = goldenDir + "/policy"
	goldenLog    = goldenDir + "/log"
)

// goldenSigner is the throwaway key.
func goldenSigner(t testing.TB) *audit.LogSigner {
	t.Helper()
	skey, err := os.ReadFile(goldenKey)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := audit.ParseKey(strings.TrimSpace(string(skey)))
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// What is published for given entries must be the same for ever: tiles, checkpoint, signature.
func TestGoldenLog(t *testing.T) {
	if os.Getenv("TENON_UPDATE_GOLDEN") != "" {
		makeGolden(t)
	}
	signer := goldenSigner(t)
	entries := verify(t, goldenLog, signer.Verifier())
	d := &desk{dir: t.TempDir()}
	key := readFile(t, goldenDir, filepath.Base(goldenKey))
	if err := os.WriteFile(filepath.Join(d.dir, "key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	replay(t, d, d.dir, entries)
	want, got := files(t, goldenLog), files(t, d.log())
	if !maps.Equal(want, got) {
		t.Errorf("the files are %v, the golden ones %v, or their content differs", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	if got, want := readFile(t, d.log(), "checkpoint"), readFile(t, goldenLog, "checkpoint"); !bytes.Equal(got, want) {
		t.Errorf("the checkpoint is %s, the golden one %s", got, want)
	}
	policy, err := os.ReadFile(goldenPolicy)
	if err != nil || !strings.Contains(string(policy), signer.String()) {
		t.Errorf("the policy is %s, %v", policy, err)
	}
}

// Every opening of the golden log opens its entry.
func TestGoldenOpenings(t *testing.T) {
	entries := verify(t, goldenLog, goldenSigner(t).Verifier())
	opened := 0
	for n := range int64(2) {
		all, err := audit.ParseOpenings(readFile(t, goldenLog, audit.OpeningsPath(n)))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range all {
			leaf, err := audit.ParseLeaf(entries[o.Index])
			if err != nil {
				t.Fatal(err)
			}
			if o.Proof != "" && audit.ProofDigest(o.Proof) != leaf.Evidence.Proof {
				t.Errorf("entry %d: another proof", o.Index)
			}
			if o.Nonce == "" {
				continue
			}
			nonce, err := audit.ParseSalt(o.Nonce)
			if err != nil || audit.DetailCommitment(nonce, o.Detail) != leaf.Evidence.Detail {
				t.Errorf("entry %d: another detail, %v", o.Index, err)
			}
			opened++
		}
	}
	if opened < 100 {
		t.Errorf("only %d details", opened)
	}
}

// makeGolden writes the golden log: every type of entry, proofs that hold, a bundle that is full and one that is not.
func makeGolden(t *testing.T) {
	cryptotest.SetGlobalRandom(t, 1)
	if err := os.RemoveAll(goldenDir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(goldenDir, 0o755); err != nil {
		t.Fatal(err)
	}
	skey, vkey, err := audit.GenerateKey("golden.example/log")
	if err != nil {
		t.Fatal(err)
	}
	put := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put(goldenKey, skey+"\n")
	put(goldenPolicy, "log "+vkey+"\nquorum none\n")
	now := time.UnixMilli(1_795_354_000_000)
	db, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	clock := func() time.Time { now = now.Add(250 * time.Millisecond); return now }
	book, err := audit.OpenBook(t.Context(), audit.BookConfig{Store: db, Origin: "golden.example/log", Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	p, err := audit.OpenPublisher(t.Context(), audit.PublisherConfig{Book: book, Dir: goldenLog, Signer: goldenSigner(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(filepath.Join(goldenLog, "lock"))
	defer os.Remove(filepath.Join(goldenLog, "tmp"))
	defer p.Close()
	for i := range 320 {
		e := goldenEntry(t, i, now)
		if _, err := book.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if err := book.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// goldenTypes come in turn between issuances.
var goldenTypes = []audit.Type{
	audit.TokenRefused, audit.TokenRefreshed, audit.TokenExchanged, audit.TokenRevoked, audit.GrantRevoked, audit.KeyRebound,
	audit.TokenUsed, audit.TokenUseRefused, audit.ProofReplayed, audit.KeyMismatch, audit.RefusalSummary, audit.UseSummary,
	audit.ServerKey, audit.PolicyChanged, audit.ClientChanged, audit.ExportMade, audit.SearchMade, audit.LogHeartbeat,
}

func goldenEntry(t *testing.T, i int, now time.Time) audit.Entry {
	if i%4 == 3 {
		return goldenOther(goldenTypes[i/4%len(goldenTypes)], i, now)
	}
	key, err := dpop.NewKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i % 5)}, ed25519.SeedSize)), dpop.EdDSA)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := key.Proof(dpop.Target{Method: "POST", URL: "https://as.golden.example/token", Time: now})
	if err != nil {
		t.Fatal(err)
	}
	account := fmt.Sprintf("person %d", i%7)
	claims := tenon.Claims{
		Issuer: "https://as.golden.example", Subject: account, ClientID: fmt.Sprintf("client-%d", i%5), ID: fmt.Sprintf("token %d", i),
		Audience: []string{"https://api.golden.example"}, IssuedAt: now, Expires: now.Add(5 * time.Minute), Scope: tenon.Scope{"payments"},
	}
	claims.Confirmation.JKT = key.Thumbprint()
	payload, err := claims.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := audit.ClaimsDigest(payload)
	if err != nil {
		t.Fatal(err)
	}
	return audit.Entry{
		Type: audit.TokenIssued, Confirmation: claims.Confirmation, Client: claims.ClientID, Proof: proof,
		Token: audit.TokenFacts{
			ID: claims.ID, Claims: digest, Account: account, Audience: claims.Audience, Scope: claims.Scope, Expires: claims.Expires, KeyID: "golden-1",
		},
		Detail: map[string]any{"ip": "192.0.2.9", "ua": `=cmd|' /C calc'!A0 "<b>"`, "authorization_details": []any{map[string]any{"type": "payment"}}},
	}
}

func goldenOther(what audit.Type, i int, now time.Time) audit.Entry {
	e := audit.Entry{Type: what, Client: fmt.Sprintf("client-%d", i%5)}
	ms := now.UnixMilli()
	switch what {
	case audit.TokenRefused, audit.TokenUseRefused, audit.ProofReplayed, audit.KeyMismatch:
		e.Reason = "replay"
	case audit.RefusalSummary:
		e.Reason, e.Span = "signature", audit.LeafSpan{Count: 1_000_000, From: ms - 900, To: ms}
	case audit.UseSummary:
		e.Span, e.About = audit.LeafSpan{Count: 12, From: ms - 900, To: ms}, new(uint64(i-1))
	case audit.TokenRevoked, audit.GrantRevoked, audit.TokenRefreshed, audit.TokenExchanged:
		e.About = new(uint64(i - 1))
	case audit.LogHeartbeat:
		e = audit.Entry{Type: what, Span: audit.LeafSpan{Count: 17, From: ms - 60_000, To: ms}}
	}
	return e
}
