package client_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/client"
)

func TestCauseIsReadFromCodeWordsAndClocks(t *testing.T) {
	server := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name        string
		code        tenon.Code
		status      int
		description string
		ahead       time.Duration
		want        client.Cause
		advice      string // a part of it
	}{
		{"old proof", tenon.InvalidDPoPProof, 401, "proof iat is 94 s behind server time; accepted window 60 s", -94 * time.Second, client.CauseClock, "94 s slow"},
		{"early proof", tenon.InvalidDPoPProof, 401, "", 70 * time.Second, client.CauseClock, "70 s fast"},
		{"clock that agrees", tenon.InvalidDPoPProof, 401, "proof iat is too old", 0, client.CauseClock, "clocks agree"},
		{"other URL", tenon.InvalidDPoPProof, 401, "htu is https://a/, the request is https://b/", 0, client.CauseTarget, "htu https://b/"},
		{"other method", tenon.InvalidDPoPProof, 401, "htm is GET, the request is POST", 0, client.CauseTarget, ""},
		{"replay", tenon.InvalidDPoPProof, 401, "this proof was used before", 0, client.CauseReplay, "twice"},
		{"replay on a slow clock", tenon.InvalidDPoPProof, 401, "jti was used before", -30 * time.Second, client.CauseReplay, ""},
		{"nonce by another code", tenon.InvalidDPoPProof, 401, "nonce is stale", 0, client.CauseNonce, ""},
		{"something else", tenon.InvalidDPoPProof, 401, "signature does not verify", 0, client.CauseProof, "algorithm"},
		{"words inside of words", tenon.InvalidDPoPProof, 401, "curious", 0, client.CauseProof, ""},
		{"nonce", tenon.UseDPoPNonce, 401, "", 0, client.CauseNonce, "nonce keys"},
		{"other key, RFC 9449 §7.1", tenon.InvalidToken, 401, "Invalid DPoP key binding", 0, client.CauseKey, "another key"},
		{"other certificate", tenon.InvalidToken, 401, "bound to another certificate", 0, client.CauseCertificate, "mutual TLS"},
		{"revoked", tenon.InvalidToken, 401, "token is revoked", 0, client.CauseToken, "revoked"},
		{"scope", tenon.InsufficientScope, 403, "", 0, client.CauseScope, "scope"},
		{"unknown client", tenon.InvalidClient, 401, "", 0, client.CauseClient, "registered key"},
		{"assertion of another time", tenon.InvalidClient, 401, "", -2 * time.Minute, client.CauseClock, "120 s slow"},
		{"replay memory away", tenon.Unavailable, 503, "", 0, client.CauseUnavailable, "try again"},
		{"proxy without a server", "", 502, "", 0, client.CauseUnavailable, "try again"},
		{"too many requests", "", 429, "", 0, client.CauseUnavailable, "try again"},
		{"application's own error", "", 404, "", 0, client.CauseUnknown, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &client.Refusal{
				Status: c.status, Code: c.code, Description: c.description, At: server.Add(c.ahead), ServerTime: server,
				Sent: client.SentProof{URL: "https://b/"},
			}
			if got := r.Cause(); got != c.want {
				t.Errorf("cause %q, want %q", got, c.want)
			}
			if advice := r.Advice(); !strings.Contains(advice, c.advice) {
				t.Errorf("advice %q does not say %q", advice, c.advice)
			}
		})
	}
}
