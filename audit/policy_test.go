package audit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/tenon-auth/tenon/audit"
)

// policyKeys are keys for policies: one of a log, some of witnesses.
func policyKeys(t testing.TB) (log string, witness []string) {
	t.Helper()
	_, log, err := audit.GenerateKey("log.example")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		_, vkey, err := audit.GenerateCosigner(fmt.Sprintf("w%d.example", i))
		if err != nil {
			t.Fatal(err)
		}
		witness = append(witness, vkey)
	}
	return log, witness
}

func TestPolicyIsRead(t *testing.T) {
	log, w := policyKeys(t)
	p := mustPolicy(t, `# the log and its witnesses
log `+log+` https://as.example/log
witness a `+w[0]+` https://a.example/witness   # with a comment
	witness b `+w[1]+`
witness c `+w[2]+`

group bc any b c
group all all a bc
quorum all
`)
	if p.Origin() != "log.example" || p.LogKey() != log || p.LogVerifier().Name() != "log.example" {
		t.Errorf("log: %q", p.LogKey())
	}
	var names []string
	for _, witness := range p.Witnesses() {
		names = append(names, witness.Name+" "+witness.Verifier.Name()+" "+witness.URL)
	}
	if want := []string{"a w0.example https://a.example/witness", "b w1.example ", "c w2.example "}; !slices.Equal(names, want) {
		t.Errorf("witnesses %q", names)
	}
	for _, witness := range p.Witnesses() {
		if v, err := p.Verifier(witness.Verifier.Name(), witness.Verifier.KeyHash()); err != nil || v != witness.Verifier {
			t.Errorf("verifier of %s: %v, %v", witness.Name, v, err)
		}
	}
	if _, err := p.Verifier("w3.example", 1); err == nil {
		t.Error("a verifier that the policy does not have")
	}
}

// signaturesOf stand for verified signatures.
func signaturesOf(p *audit.Policy, names ...string) []note.Signature {
	var sigs []note.Signature
	for _, w := range p.Witnesses() {
		if slices.Contains(names, w.Name) {
			sigs = append(sigs, note.Signature{Name: w.Verifier.Name(), Hash: w.Verifier.KeyHash()})
		}
	}
	return sigs
}

func TestQuorums(t *testing.T) {
	log, w := policyKeys(t)
	base := "log " + log + "\nwitness a " + w[0] + "\nwitness b " + w[1] + "\nwitness c " + w[2] + "\nwitness d " + w[3] + "\n"
	for _, tt := range []struct {
		rules  string
		needed int
		met    []string
		not    []string
	}{
		{"quorum none", 0, []string{"", "a"}, nil},
		{"quorum a", 1, []string{"a", "a b"}, []string{"", "b c d"}},
		{"group g any a b\nquorum g", 1, []string{"a", "b"}, []string{"", "c d"}},
		{"group g all a b c\nquorum g", 3, []string{"a b c", "a b c d"}, []string{"a b", "a b d"}},
		{"group g 2 a b c\nquorum g", 2, []string{"a b", "b c", "a c"}, []string{"a", "a d", ""}},
		{"group x 2 a b c\ngroup g 1 x d\nquorum g", 1, []string{"d", "a b"}, []string{"a", "c"}},
		{"group x 2 a b c\ngroup g 2 x d\nquorum g", 3, []string{"a c d"}, []string{"a b c", "a d"}},
	} {
		t.Run(tt.rules, func(t *testing.T) {
			p := mustPolicy(t, base+tt.rules+"\n")
			for _, names := range tt.met {
				if q := p.Check(signaturesOf(p, strings.Fields(names)...)); !q.Met || q.Needed != tt.needed || !slices.Equal(q.Satisfied, strings.Fields(names)) || q.Known != 4 {
					t.Errorf("%q: %+v", names, q)
				}
			}
			for _, names := range tt.not {
				if q := p.Check(signaturesOf(p, strings.Fields(names)...)); q.Met {
					t.Errorf("%q: %+v", names, q)
				}
			}
		})
	}
	t.Run("a stranger does not count", func(t *testing.T) {
		p := mustPolicy(t, base+"quorum a\n")
		w := p.Witnesses()[0].Verifier
		if q := p.Check([]note.Signature{{Name: w.Name(), Hash: w.KeyHash() + 1}}); q.Met {
			t.Errorf("%+v", q)
		}
	})
}

func TestPolicyIsRefused(t *testing.T) {
	log, w := policyKeys(t)
	_, otherLog := log, strings.Replace(log, "log.example", "log2.example", 1)
	good := []string{"log " + log, "witness a " + w[0], "witness b " + w[1], "group g 2 a b", "quorum g"}
	// The key of witness a, under another name in the policy and in the key itself.
	again := cosignerKey(t, w[0], "elsewhere.example")
	asWitness := cosignerKey(t, log, "log.example")
	for _, tt := range []struct {
		name  string
		line  int // replaced; beyond the end: added
		text  string
		fault string
	}{
		{"one witness key under two names", 3, "witness b " + w[0], "line 3: the key of witness b is the key of witness a"},
		{"one witness key in two wrappings", 3, "witness b " + again, "line 3: the key of witness b is the key of witness a"},
		{"the log as its own witness", 3, "witness b " + asWitness, "line 3: the key of witness b is the key of the log"},
		{"one name twice", 3, "witness a " + w[1], "line 3: the name \"a\" is taken"},
		{"a witness called none", 3, "witness none " + w[1], "line 3"},
		{"a member twice", 4, "group g 2 a a", "line 4: group g: \"a\" is a member of a group already"},
		{"a member of two groups", 6, "group h any a", "line 6: group h: \"a\" is a member of a group already"},
		{"an unknown member", 4, "group g 2 a x", "line 4: group g: member \"x\""},
		{"a threshold of 0", 4, "group g 0 a b", "line 4: threshold"},
		{"a threshold of 3 of 2", 4, "group g 3 a b", "line 4: threshold"},
		{"a threshold that is no number", 4, "group g +2 a b", "line 4: threshold"},
		{"a group of nobody", 4, "group g any", "line 4: write: group"},
		{"an unknown quorum", 5, "quorum x", "line 5: quorum \"x\""},
		{"no quorum", 5, "", "no quorum"},
		{"two quorums", 6, "quorum a", "line 6: a second quorum"},
		{"a quorum of two words", 5, "quorum g h", "line 5: write: quorum"},
		{"no log", 1, "", "no log"},
		{"two logs", 6, "log " + otherLog, "line 6: a second log"},
		{"a log without a key", 1, "log", "line 1: write: log"},
		{"a log with the key of a witness", 1, "log " + w[2], "line 1: key of the log"},
		{"a witness with the key of a log", 2, "witness a " + log, "line 2: audit: key of a witness"},
		{"a witness without a key", 2, "witness a", "line 2: write: witness"},
		{"a broken key", 2, "witness a " + w[0][:len(w[0])-4], "line 2: audit: key of a witness"},
		{"a URL that is none", 2, "witness a " + w[0] + " ftp://a", "line 2: \"ftp://a\""},
		{"an unknown statement", 6, "trust everybody", "line 6: \"trust\""},
		{"too long", 6, strings.Repeat("#", 70_000), "bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lines := append(slices.Clone(good), "")
			lines[tt.line-1] = tt.text
			_, err := audit.ParsePolicy([]byte(strings.Join(lines, "\n")))
			if err == nil || !strings.Contains(err.Error(), tt.fault) {
				t.Errorf("want %q, got %v", tt.fault, err)
			}
		})
	}
	if _, err := audit.ParsePolicy([]byte(strings.Join(good, "\n"))); err != nil {
		t.Errorf("untouched: %v", err)
	}
	_, err := audit.ParsePolicy([]byte("trust a\nquorum b\nlog c\n"))
	if err == nil || strings.Count(err.Error(), "line") != 3 {
		t.Errorf("every fault is told: %v", err)
	}
}
