package audit_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/audit"
)

// token wraps claims as a JWT. Whether its signature is right is not the log's business.
func token(payload string) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"typ":"at+jwt"}`)) + "." + part([]byte(payload)) + "." + part([]byte("signature"))
}

// verifyToken verifies against the log, with the rules for proofs, and keeps evidence.
func (f *forge) verifyToken(jwt string, change func(*audit.TokenConfig)) *audit.TokenReport {
	f.t.Helper()
	c := audit.TokenConfig{
		Policy: f.policy("two"), Token: jwt, Source: f.source(), Proofs: forgeRules, Evidence: filepath.Join(f.t.TempDir(), "evidence"),
		CheckSignature: func(string) error { return nil },
	}
	if change != nil {
		change(&c)
	}
	r, err := audit.VerifyToken(f.t.Context(), c)
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

func TestVerifyTokenAcceptsWhatWasLogged(t *testing.T) {
	f := newForge(t)
	f.fill(3)
	g := f.issue(jktOf("a"), "jti-1", nil)
	f.fill(300)
	f.publish(0, 1)
	for name, jwt := range map[string]string{"a JWT": token(g.payload), "its claims": g.payload} {
		t.Run(name, func(t *testing.T) {
			r := f.verifyToken(jwt, nil)
			if len(r.Findings) != 0 || r.Exit() != 0 || r.Index != 4 || r.Level != audit.L2 || r.Size != 305 {
				t.Fatalf("%+v", r)
			}
			if len(r.Checked) != 7 || len(r.NotChecked) != 1 {
				t.Errorf("checked %q, not checked %q", r.Checked, r.NotChecked)
			}
		})
	}
	t.Run("offline, with a receipt", func(t *testing.T) {
		reader, err := audit.NewReader(t.Context(), f.source(), f.policy("two"))
		if err != nil {
			t.Fatal(err)
		}
		receipt, err := reader.Receipt(t.Context(), g.index)
		if err != nil {
			t.Fatal(err)
		}
		r := f.verifyToken(token(g.payload), func(c *audit.TokenConfig) {
			c.Source, c.Entry, c.Receipt, c.Opening = nil, f.entries[g.index], receipt, &g.opening
		})
		if len(r.Findings) != 0 || r.Level != audit.L2 || len(r.Checked) != 6 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("at an older checkpoint that is witnessed, while the newest is not", func(t *testing.T) {
		f.fill(5)
		f.publish()
		r := f.verifyToken(token(g.payload), nil)
		if len(r.Findings) != 0 || r.Level != audit.L2 || r.Size != 305 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("not asked for everything, it says so", func(t *testing.T) {
		r := f.verifyToken(token(g.payload), func(c *audit.TokenConfig) { c.CheckSignature, c.Proofs = nil, audit.ProofRules{} })
		if len(r.Findings) != 0 || len(r.NotChecked) != 3 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("a receipt and an opening of another entry", func(t *testing.T) {
		other := f.issue(jktOf("b"), "jti-2", nil)
		f.publish(0, 1)
		reader, err := audit.NewReader(t.Context(), f.source(), f.policy("two"))
		if err != nil {
			t.Fatal(err)
		}
		receipt, err := reader.Receipt(t.Context(), other.index)
		if err != nil {
			t.Fatal(err)
		}
		r := f.verifyToken(token(g.payload), func(c *audit.TokenConfig) { c.Entry, c.Receipt = f.entries[other.index], receipt })
		demandOne(t, r.Findings, r.Exit(), wanted{audit.UnloggedToken, g.index, "", 1})
		r = f.verifyToken(token(g.payload), func(c *audit.TokenConfig) { c.Opening = &other.opening })
		demandOne(t, r.Findings, r.Exit(), wanted{audit.Malformed, g.index, "", 1})
	})
}

// A token made with a stolen signing key, in all the ways that there are.
func TestTokensOfAStolenSigningKey(t *testing.T) {
	f := newForge(t)
	f.fill(6)
	g := f.issue(jktOf("a"), "jti-1", nil)
	refused := f.leaf(audit.Leaf{Type: audit.TokenIssued, Outcome: audit.Refused, Reason: "scope"})
	f.publish(0, 1)
	thief := jktOf("t")
	without, _, _ := strings.Cut(g.payload, `,"tlog"`)
	at := func(jkt string, index int64) string { return f.claims(jkt, "jti-1", index) }
	for _, tt := range []struct {
		name, payload string
		want          wanted
	}{
		{"no entry named", without + "}", wanted{audit.UnloggedToken, -1, "", 1}},
		{"an entry that is no issuance", at(thief, 3), wanted{audit.UnloggedToken, 3, "", 1}},
		{"an issuance that was refused", at(thief, refused), wanted{audit.UnloggedToken, refused, "", 1}},
		{"an entry that the log does not have", at(thief, 500), wanted{audit.MissingIndex, 500, "", 1}},
		{"an entry that no log can have", at(thief, 1<<53), wanted{audit.Malformed, -1, "", 1}},
		{"somebody's entry, other claims", strings.Replace(g.payload, `"sub":"alice"`, `"sub":"bob"`, 1), wanted{audit.ClaimsMismatch, g.index, "", 1}},
		{"somebody's entry, the thief's key", at(thief, g.index), wanted{audit.BindingMismatch, g.index, "", 1}},
		{"somebody's entry, bound by certificate", strings.Replace(g.payload, `"jkt"`, `"x5t#S256"`, 1), wanted{audit.BindingMismatch, g.index, "", 1}},
		{"somebody's entry, not bound at all", strings.Replace(g.payload, fmt.Sprintf(`"cnf":{"jkt":%q},`, jktOf("a")), "", 1), wanted{audit.BindingMismatch, g.index, "", 1}},
		{"tlog before another claim", fmt.Sprintf(`{"tlog":{"o":%q,"i":%d},`, f.origin, g.index) + without[1:] + "}", wanted{audit.ClaimsMismatch, g.index, "", 1}},
		{"an entry of another log", strings.Replace(g.payload, f.origin, "other.example/log", 1), wanted{audit.OriginMismatch, g.index, "", 1}},
		{"claims cut short", g.payload[:40], wanted{audit.Malformed, -1, "", 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := f.verifyToken(token(tt.payload), nil)
			if len(r.Findings) != 1 {
				t.Fatal(list(r.Findings))
			}
			got := demandOne(t, r.Findings, r.Exit(), tt.want)
			if string(evidence(t, got, "token")) != token(tt.payload) {
				t.Error("the token was not saved")
			}
		})
	}
	t.Run("an entry whose own commitment is to another token id", func(t *testing.T) {
		f := newForge(t)
		g := f.issue(jktOf("a"), "jti-1", func(l *audit.Leaf, o *audit.Opening) {
			salt, err := audit.ParseSalt(o.TokenSalt)
			if err != nil {
				t.Fatal(err)
			}
			l.Token.ID = audit.TokenCommitment(salt, "jti-2")
		})
		f.publish(0, 1)
		r := f.verifyToken(token(g.payload), nil)
		demandOne(t, r.Findings, r.Exit(), wanted{audit.ClaimsMismatch, g.index, "", 1})
	})
	t.Run("a wrong signature", func(t *testing.T) {
		r := f.verifyToken(token(g.payload), func(c *audit.TokenConfig) { c.CheckSignature = func(string) error { return errors.New("no") } })
		demandOne(t, r.Findings, r.Exit(), wanted{audit.Malformed, -1, "", 1})
	})
	t.Run("no token at all", func(t *testing.T) {
		r := f.verifyToken("a.b", nil)
		demandOne(t, r.Findings, r.Exit(), wanted{audit.Malformed, -1, "", 1})
	})
}

// A tail that no witness saw was cut; a token still names an entry of it.
func TestMissingIndex(t *testing.T) {
	f := newForge(t)
	f.fill(3)
	f.publish(0, 1)
	g := f.issue(jktOf("a"), "jti-1", nil)
	f.publish()
	f.rewrite(func() { f.entries = f.entries[:4] })
	f.publish(0, 1)
	clean(t, f.verify(nil))
	r := f.verifyToken(token(g.payload), nil)
	got := demandOne(t, r.Findings, r.Exit(), wanted{audit.MissingIndex, 4, "", 1})
	if string(evidence(t, got, "token")) != token(g.payload) {
		t.Error("the token was not saved")
	}
}

func TestKeptProofs(t *testing.T) {
	jkt := jktOf("a")
	url := "https://as.bank.example/token"
	for _, tt := range []struct {
		name, proof string
		why         string
	}{
		{"of another key", fakeProof(jktOf("t"), "POST", url, forgeStart), "key"},
		{"for another address", fakeProof(jkt, "POST", "https://api.bank.example/pay", forgeStart), "htu"},
		{"for another method", fakeProof(jkt, "GET", url, forgeStart), "htm"},
		{"an hour old", fakeProof(jkt, "POST", url, forgeStart.Add(-time.Hour)), "time"},
		{"of tomorrow", fakeProof(jkt, "POST", url, forgeStart.Add(24*time.Hour)), "time"},
		{"with a wrong signature", strings.Replace(fakeProof(jkt, "POST", url, forgeStart), "signed", "forged", 1), "signature"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newForge(t)
			g := f.issue(jkt, "jti-1", func(l *audit.Leaf, o *audit.Opening) {
				o.Proof, l.Evidence.Proof = tt.proof, audit.ProofDigest(tt.proof)
			})
			f.publish(0, 1)
			r := f.verifyToken(token(g.payload), nil)
			got := demandOne(t, r.Findings, r.Exit(), wanted{audit.ProofInvalid, g.index, "", 1})
			if !strings.HasPrefix(got.Detail, tt.why+":") {
				t.Errorf("why: %s", got.Detail)
			}
			whole := f.verify(func(c *audit.VerifyConfig) { c.Openings, c.Proofs = true, forgeRules })
			if got := demand(t, whole, wanted{audit.ProofInvalid, g.index, "", 1}); !strings.HasPrefix(got.Detail, tt.why+":") {
				t.Errorf("why: %s", got.Detail)
			}
		})
	}
	t.Run("exchanged for another", func(t *testing.T) {
		f := newForge(t)
		g := f.issue(jkt, "jti-1", func(_ *audit.Leaf, o *audit.Opening) { o.Proof += " " })
		f.publish(0, 1)
		r := f.verifyToken(token(g.payload), nil)
		demandOne(t, r.Findings, r.Exit(), wanted{audit.ProofInvalid, g.index, "", 1})
	})
	t.Run("at the address in another spelling", func(t *testing.T) {
		f := newForge(t)
		g := f.issue(jkt, "jti-1", func(l *audit.Leaf, o *audit.Opening) {
			o.Proof = fakeProof(jkt, "POST", "HTTPS://AS.bank.example:443/token", forgeStart)
			l.Evidence.Proof = audit.ProofDigest(o.Proof)
		})
		f.publish(0, 1)
		if r := f.verifyToken(token(g.payload), nil); len(r.Findings) != 0 {
			t.Error(list(r.Findings))
		}
	})
}

func TestProofReused(t *testing.T) {
	f := newForge(t)
	first := f.issue(jktOf("a"), "jti-1", nil)
	f.fill(3)
	same := func(l *audit.Leaf, o *audit.Opening) {
		o.Proof, l.Evidence.Proof = first.proof, audit.ProofDigest(first.proof)
	}
	second := f.issue(jktOf("a"), "jti-2", same)
	f.issue(jktOf("a"), "jti-3", func(l *audit.Leaf, o *audit.Opening) { // refused as it should be: no fault
		same(l, o)
		l.Type, l.Outcome, l.Reason = audit.ProofReplayed, audit.Refused, "replay"
	})
	f.issue(jktOf("a"), "jti-4", func(l *audit.Leaf, o *audit.Opening) {
		same(l, o)
		l.Outcome, l.Reason = audit.Refused, "replay"
	})
	f.publish(0, 1)
	got := demand(t, f.verify(nil), wanted{audit.ProofReused, second.index, "", 1})
	if !slices.Equal(got.Also, []int64{first.index}) {
		t.Errorf("the other entry: %v", got.Also)
	}
	r := f.verifyToken(token(first.payload), nil)
	got = demandOne(t, r.Findings, r.Exit(), wanted{audit.ProofReused, first.index, "", 1})
	if !slices.Equal(got.Also, []int64{second.index}) {
		t.Errorf("the other entry: %v", got.Also)
	}
}

func TestRedacted(t *testing.T) {
	f := newForge(t)
	g := f.issue(jktOf("a"), "jti-1", nil)
	kept := f.issue(jktOf("b"), "jti-2", nil)
	f.publish(0, 1)
	f.openings[0] = f.openings[0][1:]
	f.writeTiles()
	r := f.verify(func(c *audit.VerifyConfig) { c.Openings, c.Proofs = true, forgeRules })
	demand(t, r, wanted{audit.Redacted, g.index, "", 0})
	if r.Counts.Erased != 1 || r.Counts.Proofs != 1 {
		t.Errorf("erased %d, proofs %d", r.Counts.Erased, r.Counts.Proofs)
	}
	one := f.verifyToken(token(g.payload), nil)
	demandOne(t, one.Findings, one.Exit(), wanted{audit.Redacted, g.index, "", 0})
	if len(one.NotChecked) != 2 {
		t.Errorf("not checked: %q", one.NotChecked)
	}
	if other := f.verifyToken(token(kept.payload), nil); len(other.Findings) != 0 {
		t.Error(list(other.Findings))
	}
	t.Run("the claims still bind what was erased", func(t *testing.T) {
		bad := f.verifyToken(token(f.claims(jktOf("t"), "jti-1", g.index)), nil)
		demandOne(t, bad.Findings, bad.Exit(), wanted{audit.ClaimsMismatch, g.index, "", 1})
	})
}

// Keys that were logged in clear need no salt.
func TestVerifyTokenWithAClearThumbprint(t *testing.T) {
	f := newForge(t)
	clear := func(l *audit.Leaf, o *audit.Opening) {
		l.Binding, o.KeySalt = audit.LeafBinding{Method: audit.ByClearJKT, Key: jktOf("a")}, ""
	}
	g := f.issue(jktOf("a"), "jti-1", clear)
	f.publish(0, 1)
	if r := f.verifyToken(token(g.payload), nil); len(r.Findings) != 0 {
		t.Error(list(r.Findings))
	}
	r := f.verifyToken(token(f.claims(jktOf("t"), "jti-1", g.index)), nil)
	demandOne(t, r.Findings, r.Exit(), wanted{audit.BindingMismatch, g.index, "", 1})
}

func TestVerifyTokenCannotTell(t *testing.T) {
	f := newForge(t)
	g := f.issue(jktOf("a"), "jti-1", nil)
	f.publish(0, 1)
	for name, c := range map[string]audit.TokenConfig{
		"no policy":         {Token: token(g.payload), Source: f.source()},
		"no token":          {Policy: f.policy("two"), Source: f.source()},
		"neither log, etc.": {Policy: f.policy("two"), Token: token(g.payload)},
		"no such level":     {Policy: f.policy("two"), Token: token(g.payload), Source: f.source(), Level: 3},
	} {
		if r, err := audit.VerifyToken(t.Context(), c); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
