package verifier_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// An answer is what came back over the wire.
type answer struct {
	*http.Response
	body string
}

// nonceSyntax is what a nonce may be made of (RFC 9449 §8.1).
var nonceSyntax = regexp.MustCompile(`^[\x21\x23-\x5b\x5d-\x7e]{1,512}$`)

// checkAnswer checks what holds for every answer, whatever the attack was.
func checkAnswer(t *testing.T, s *stage, p presentation, a answer) {
	t.Helper()
	if s.lastEvent().Method == "" {
		return // net/http answered before the verifier saw anything
	}
	if a.Header.Get("Date") == "" {
		t.Error("no Date") // asked for by the FAPI 2.0 conformance tests
	}
	checkNonce(t, a)
	if a.Header.Get("Reached") == "yes" {
		return
	}
	if got := a.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control is %q", got)
	}
	if a.StatusCode < 500 && a.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("%d without a challenge", a.StatusCode) // RFC 9110 §11.6.1, RFC 6750 §3
	}
	if a.StatusCode == http.StatusServiceUnavailable && a.Header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	for _, challenge := range a.Header.Values("WWW-Authenticate") {
		if strings.ContainsFunc(challenge, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("a challenge has characters that it must not have: %q", challenge) // RFC 6749 §5.2
		}
	}
	checkSecrets(t, s, p, a)
}

// checkNonce checks that a nonce comes when one is asked for, once, in our own alphabet, and is kept by no cache.
func checkNonce(t *testing.T, a answer) {
	t.Helper()
	nonces := a.Header.Values("DPoP-Nonce")
	asked := strings.Contains(a.Header.Get("WWW-Authenticate"), `error="use_dpop_nonce"`)
	if len(nonces) > 1 || asked && len(nonces) == 0 {
		t.Errorf("%d nonces", len(nonces)) // RFC 9449 §8, §9
	}
	for _, nonce := range nonces {
		if !nonceSyntax.MatchString(nonce) {
			t.Errorf("the nonce is %q", nonce)
		}
		if a.Header.Get("Cache-Control") != "no-store" || !strings.Contains(a.Header.Get("Access-Control-Expose-Headers"), "DPoP-Nonce") {
			t.Errorf("an answer with a nonce has the header %v", a.Header) // RFC 9449 §8.2, §7.1
		}
	}
}

// checkSecrets checks that neither the caller nor the observer is told what would help a thief: the token, the proof, and the key
// that the token is bound to.
func checkSecrets(t *testing.T, s *stage, p presentation, a answer) {
	t.Helper()
	event := s.lastEvent()
	told := strings.Join(a.Header.Values("WWW-Authenticate"), "\n") + a.body
	for _, secret := range []string{p.token, p.proof} {
		if len(secret) > 40 && (strings.Contains(told, secret) || strings.Contains(event.Err.Error(), secret)) {
			t.Error("the answer or the event holds the token or the proof")
		}
	}
	if event.Thumbprint != "" && strings.Contains(told, event.Thumbprint) {
		t.Errorf("the answer says which key the token is bound to: %s", told)
	}
}
