package audit_test

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/audit"
)

// Commitments are worked out again by hand: they must mean the same to any other program.
func TestCommitments(t *testing.T) {
	salt := audit.Salt([]byte("0123456789abcdef0123456789abcdef"))
	by := func(tag, value string) string {
		sum := sha256.Sum256([]byte(tag + string(salt[:]) + value))
		return base64.RawURLEncoding.EncodeToString(sum[:])
	}
	for name, pair := range map[string][2]string{
		"key":     {audit.KeyCommitment(salt, "thumb"), by("kc1", "thumb")},
		"token":   {audit.TokenCommitment(salt, "jti"), by("jc1", "jti")},
		"account": {audit.AccountCommitment(salt, "alice"), by("ac1", "alice")},
		"detail":  {audit.DetailCommitment(salt, []byte(`{"ip":"::1"}`)), by("dc1", `{"ip":"::1"}`)},
		"fixed":   {audit.KeyCommitment(salt, "thumb"), "taxuBScETZfVTwFcxJ2xnQ3bBLKddFOONiyGOfSgk7M"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %s, want %s", name, pair[0], pair[1])
		}
	}
	back, err := audit.ParseSalt(salt.String())
	if err != nil || back != salt {
		t.Errorf("salt %v read as %v, %v", salt, back, err)
	}
	for _, bad := range []string{"", salt.String() + "A", salt.String()[:42], salt.String()[:42] + "\n", salt.String()[:42] + "h", strings.Repeat("=", 43)} {
		if _, err := audit.ParseSalt(bad); err == nil {
			t.Errorf("%q read as a salt", bad)
		}
	}
}

func TestClaimsDigest(t *testing.T) {
	const plain = `{"iss":"https://as.example","aud":["a","b"],"cnf":{"jkt":"x"}}`
	const status, reference = `,"status":{"status_list":{"idx":7,"uri":"https://as.example/status/0"}}`, `,"tlog":{"o":"as.example/log","i":7}`
	want := audit.ProofDigest(plain) // SHA-256 of the text
	open := strings.TrimSuffix(plain, "}")
	for name, payload := range map[string]string{
		"neither": plain, "status": open + status + "}", "tlog": open + reference + "}", "both": open + status + reference + "}",
	} {
		if got, err := audit.ClaimsDigest([]byte(payload)); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, want)
		}
	}
	for name, payload := range map[string]string{
		"tlog before status":       open + reference + status + "}",
		"a claim after tlog":       open + reference + `,"x":1}`,
		"a claim after status":     open + status + `,"x":1}`,
		"a claim in between":       open + status + `,"x":1` + reference + "}",
		"tlog first":               "{" + reference[1:] + "," + plain[1:],
		"tlog alone":               "{" + reference[1:] + "}",
		"tlog twice":               open + reference + reference + "}",
		"status twice":             open + status + status + "}",
		"white space inside":       open + strings.Replace(reference, ":{", ": {", 1) + "}",
		"white space at the end":   open + reference + " }",
		"line end after it":        open + reference + "}\n",
		"the name written escaped": open + strings.Replace(reference, "tlog", `\u0074log`, 1) + "}",
		"not an object":            `[]`,
		"nothing":                  ``,
	} {
		if got, err := audit.ClaimsDigest([]byte(payload)); err == nil {
			t.Errorf("%s: %s has the digest %s", name, payload, got)
		}
	}
}

// FuzzClaimsDigest holds that no payload has the digest of another by what is cut off: putting it back gives the payload again.
func FuzzClaimsDigest(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, `{"a":1,"tlog":{"o":"x","i":1}}`, `{"a":1,"status":{},"tlog":{}}`, `{"tlog":1,"a":2}`, `{"a":1,"status":2 }`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		got, err := audit.ClaimsDigest([]byte(payload))
		if err != nil {
			return
		}
		for cut := range len(payload) {
			if audit.ProofDigest(payload[:cut]+"}") != got || !strings.HasPrefix(payload[cut:], ",") {
				continue
			}
			if tail := payload[cut:]; !strings.HasPrefix(tail, `,"status":`) && !strings.HasPrefix(tail, `,"tlog":`) {
				t.Errorf("%q: %q was cut off", payload, tail)
			}
			return
		}
		if got != audit.ProofDigest(payload) {
			t.Errorf("the digest of %q is of something else", payload)
		}
	})
}
