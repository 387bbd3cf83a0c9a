package audit_test

import (
	"crypto/ed25519"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/dpop"
)

// Torchwood reads the same policies and comes to the same answer for every set of witnesses.
func TestTorchwoodJudgesQuorumsAlike(t *testing.T) {
	f := newForge(t)
	f.addWitness("d")
	f.fill(3)
	witnesses := strings.Split(f.policyText("none"), "group")[0]
	for _, rules := range []string{
		"quorum none", "quorum bank-b", "group g any audit-firm bank-b\nquorum g", "group g all audit-firm bank-b bank-c\nquorum g",
		"group g 2 audit-firm bank-b bank-c\nquorum g", "group x 2 audit-firm bank-b bank-c\ngroup g any x d\nquorum g",
		"group x 2 audit-firm bank-b bank-c\ngroup g all x d\nquorum g",
	} {
		text := witnesses + rules + "\n"
		ours := mustPolicy(t, text)
		theirs, err := torchwood.ParsePolicy([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", rules, err)
		}
		for set := range 1 << len(f.witnesses) {
			var by []int
			for i := range f.witnesses {
				if set>>i&1 == 1 {
					by = append(by, i)
				}
			}
			signed := f.sign(f.skey, by...)
			h, err := ours.Open(signed)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := torchwood.VerifyCheckpoint(signed, theirs); (err == nil) != h.Quorum.Met {
				t.Errorf("%s, witnesses %v: we say %t, torchwood %v", rules, by, h.Quorum.Met, err)
			}
		}
	}
}

// Our witnesses are accepted by torchwood, and its by us, with the same time.
func TestTorchwoodCosignaturesAreOurs(t *testing.T) {
	at := time.Unix(1_795_354_021, 0)
	ours := cosignerAt(t, at)
	v, err := torchwood.NewCosignatureVerifier(ours.Verifier().String())
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: someCheckpoint}, ours)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := torchwood.CosignatureTimestamp(n.Sigs[0]); err != nil || got != at.Unix() {
		t.Errorf("time %d, %v", got, err)
	}
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := torchwood.NewCosignatureSigner("their.example", private)
	if err != nil {
		t.Fatal(err)
	}
	mine, err := audit.NewCosignatureVerifier(theirs.Verifier().String())
	if err != nil {
		t.Fatal(err)
	}
	if signed, err = note.Sign(&note.Note{Text: someCheckpoint}, theirs); err != nil {
		t.Fatal(err)
	}
	if _, err = note.Open(signed, note.VerifierList(mine)); err != nil {
		t.Error(err)
	}
}

// What we find, Tessera's fsck does not pass, and what it passes we do.
func TestTesseraAgreesAboutDamage(t *testing.T) {
	f := newForge(t)
	f.fill(600)
	f.publish(0, 1)
	key, err := note.NewVerifier(f.vkey)
	if err != nil {
		t.Fatal(err)
	}
	clean(t, f.verify(nil))
	if err := checkWithTessera(t, f.dir, key); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"tile/entries/001", "tile/entries/002.p/89", "tile/0/000", "tile/1/000.p/2"} {
		good := f.read(path)
		for how, bad := range map[string][]byte{"cut": good[:len(good)-40], "altered": append(append(slices.Clone(good[:30]), good[30]^1), good[31:]...)} {
			f.write(path, bad)
			if f.verify(nil).Exit() != 1 {
				t.Errorf("%s %s: not found", path, how)
			}
			if err := checkWithTessera(t, f.dir, key); err == nil {
				t.Errorf("%s %s: fsck passes it", path, how)
			}
		}
		f.write(path, good)
	}
}

// The golden log is verified whole, with its clients' proofs, and every receipt made from its files is good for torchwood too.
func TestGoldenLogIsVerified(t *testing.T) {
	text, err := os.ReadFile(goldenPolicy)
	if err != nil {
		t.Fatal(err)
	}
	policy := mustPolicy(t, string(text))
	source, err := audit.OpenDir(goldenLog)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	at := time.Unix(1_795_354_200, 0)
	checker, err := dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms(), MaxAge: 5 * time.Minute, Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	const endpoint = "https://as.golden.example/token"
	rules := audit.ProofRules{URLs: []string{endpoint}, Check: func(proof string) (string, string, string, time.Time, error) {
		p, err := checker.Check(dpop.Request{Method: "POST", URL: endpoint, Proofs: []string{proof}})
		if err != nil {
			return "", "", "", time.Time{}, err
		}
		return p.Thumbprint(), "POST", endpoint, p.IssuedAt(), nil
	}}
	r, err := audit.Verify(t.Context(), audit.VerifyConfig{Source: source, Policy: policy, Openings: true, Proofs: rules})
	if err != nil {
		t.Fatal(err)
	}
	clean(t, r)
	if r.Counts.Proofs < 200 || r.Counts.Erased != 0 || r.Counts.Parsed != r.Size || r.Counts.Summarized < 1_000_000 {
		t.Errorf("%+v", r.Counts)
	}
	theirs, err := torchwood.ParsePolicy(text)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := audit.NewReader(t.Context(), source, policy)
	if err != nil {
		t.Fatal(err)
	}
	for index := int64(0); index < reader.Size(); index += 17 {
		entry, err := reader.Entry(t.Context(), index)
		if err != nil {
			t.Fatal(err)
		}
		receipt, err := reader.Receipt(t.Context(), index)
		if err != nil {
			t.Fatal(err)
		}
		if err := torchwood.VerifyProof(theirs, tlog.RecordHash(entry), receipt); err != nil {
			t.Errorf("receipt of %d: %v", index, err)
		}
		if _, err := audit.VerifyReceipt(policy, entry, receipt, audit.L1); err != nil {
			t.Errorf("receipt of %d: %v", index, err)
		}
	}
	for _, at := range []int64{1, 256, 300} {
		proof, root, err := reader.Consistency(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		c := reader.Head().Checkpoint
		if err := tlog.CheckTree(proof, c.Size, c.Root, at, root); err != nil {
			t.Errorf("from %d: %v", at, fmt.Errorf("consistency: %w", err))
		}
	}
}
