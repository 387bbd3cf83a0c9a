package issuer

import (
	"crypto/sha256"
	"encoding/base64"
	"math"
	"strings"
	"testing"
)

// Successors can be told by who has the token, and by nobody else; and every one of the grant is known again.
func TestRefreshSecrets(t *testing.T) {
	key, otherKey := newSecret(), newSecret()
	first := newRefreshSecret(key)
	if again := newRefreshSecret(key); again == first {
		t.Error("two grants begin with one secret")
	}
	next := nextRefreshSecret(key, first)
	if nextRefreshSecret(key, first) != next || next == first || nextRefreshSecret(otherKey, first) == next || nextRefreshSecret(key, next) == next {
		t.Error("successors are not what they should be")
	}
	for _, secret := range []string{first, next, nextRefreshSecret(key, next)} {
		if len(secret) != 64 || !wasGiven(key, secret) || wasGiven(otherKey, secret) {
			t.Errorf("%q: %d characters, given %v, by another %v", secret, len(secret), wasGiven(key, secret), wasGiven(otherKey, secret))
		}
	}
	for name, secret := range map[string]string{
		"nothing": "", "cut": first[:63], "longer": first + "AAAA", "not base64url": first[:63] + "!", "another random part": "AAAA" + first[4:],
		"another mark": first[:60] + strings.Repeat("A", 4),
	} {
		if wasGiven(key, secret) {
			t.Errorf("%s was given", name)
		}
	}
}

func TestIndexedTokens(t *testing.T) {
	for _, index := range []uint64{0, 1, 35, 36, 1 << 40, math.MaxUint64} {
		token := indexed(opaquePrefix, index, "secret")
		back, secret, ok := splitIndexed(opaquePrefix, token)
		if !ok || back != index || secret != "secret" {
			t.Errorf("%q was read as %d %q %v", token, back, secret, ok)
		}
		if _, _, ok := splitIndexed(refreshPrefix, token); ok {
			t.Errorf("%q is of another kind", token)
		}
	}
	for _, bad := range []string{"", "tno_", "tno_.", "tno_.a", "tno_a", "tno_a.", "tno_0a.s", "tno_A.s", "tno_-1.s", "tno_+1.s", "tno_1_0.s", "tno_zzzzzzzzzzzzzz.s", "TNO_1.s", " tno_1.s", "tno_1.s" + strings.Repeat("s", 128)} {
		if index, secret, ok := splitIndexed(opaquePrefix, bad); ok {
			t.Errorf("%q was read as %d %q", bad, index, secret)
		}
	}
}

// There is one way to write each token.
func FuzzSplitIndexed(f *testing.F) {
	for _, seed := range []string{"tnr_0.a", "tnr_zz.a.b", "tnr_00.a", "tnr_3w5e11264sgsf.x", "tno_1.a", "tnr_1.", "tnr_+1.a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		index, secret, ok := splitIndexed(refreshPrefix, token)
		if ok && indexed(refreshPrefix, index, secret) != token {
			t.Errorf("%q was read as %d %q", token, index, secret)
		}
	})
}

// Whatever is taken for a secret of the grant is written in the one way in which it was given.
func FuzzWasGiven(f *testing.F) {
	key := strings.Repeat("k", 43)
	first := newRefreshSecret(key)
	f.Add(first)
	f.Add(nextRefreshSecret(key, first))
	f.Add(first + "\n")
	f.Add(first[:62] + "==")
	f.Fuzz(func(t *testing.T, secret string) {
		if wasGiven(key, secret) && (len(secret) != 64 || nextRefreshSecret(key, secret) == secret) {
			t.Errorf("%q was taken for a secret", secret)
		}
	})
}

func TestVerifierIsHeldToItsForm(t *testing.T) {
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636 App. B
	if err := checkVerifier(verifier, challenge); err != nil {
		t.Error(err)
	}
	for name, bad := range map[string][2]string{
		"no verifier":                 {"", challenge},
		"no challenge":                {verifier, ""},
		"neither":                     {"", ""},
		"the challenge itself":        {challenge, challenge},
		"another":                     {verifier[:42] + "l", challenge},
		"one character less":          {verifier[:42], challenge},
		"with a letter of two bytes":  {verifier[:41] + "é", challenge},
		"the challenge cut":           {verifier, challenge[:42]},
		"the challenge with more":     {verifier, challenge + "="},
		"129 characters of their own": {strings.Repeat("a", 129), "wrong"},
	} {
		if checkVerifier(bad[0], bad[1]) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	// What its own challenge was made from, but could not have been by who keeps to RFC 7636 §4.1.
	for verifier, good := range map[string]bool{
		strings.Repeat("a", 42): false, strings.Repeat("a", 43): true, strings.Repeat("a", 128): true, strings.Repeat("a", 129): false,
		strings.Repeat("-._~", 11): true, strings.Repeat("+", 43): false, strings.Repeat("a", 43) + " ": false, strings.Repeat("é", 43): false,
		strings.Repeat("a", 43) + "\n": false, strings.Repeat("a", 43) + "=": false,
	} {
		digest := sha256.Sum256([]byte(verifier))
		if err := checkVerifier(verifier, base64.RawURLEncoding.EncodeToString(digest[:])); (err == nil) != good {
			t.Errorf("%q: %v", verifier, err)
		}
	}
}
