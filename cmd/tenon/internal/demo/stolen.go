package demo

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"

	"github.com/tenon-auth/tenon"
)

// loot is what the thief has copied from an honest request on its way.
type loot struct {
	token string
	proof string // the proof that came with it; none for a token bound to a certificate
	nonce string // the API's nonce that was in the proof: anybody who sees the proof can read it
}

// A tap copies the credentials of every request that is sent under its trace, as somebody who reads along would.
type tap struct {
	mu   sync.Mutex
	seen loot
}

// trace is told of header fields as they go out.
func (t *tap) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{WroteHeaderField: func(name string, values []string) {
		t.mu.Lock()
		defer t.mu.Unlock()
		switch {
		case len(values) == 0:
		case strings.EqualFold(name, "Authorization"):
			_, t.seen.token, _ = strings.Cut(values[0], " ")
		case strings.EqualFold(name, "DPoP"):
			t.seen.proof = values[0]
		}
	}}
}

// loot gives what was copied last.
func (t *tap) loot() (loot, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	got := t.seen
	if got.token == "" {
		return loot{}, fmt.Errorf("no token was seen on its way")
	}
	if got.proof == "" {
		return got, nil
	}
	var claims struct {
		Nonce string `json:"nonce"`
	}
	err := decodeSegment(got.proof, 1, &claims)
	got.nonce = claims.Nonce
	return got, err
}

// decodeSegment reads one part of a JWT without checking anything: whoever holds a token can read it.
func decodeSegment(jwt string, n int, into any) error {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return fmt.Errorf("%d segments are not a JWT", len(parts))
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[n])
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// claimsOf reads a token's claims without checking anything.
func claimsOf(token string) (tenon.Claims, error) {
	var c tenon.Claims
	err := decodeSegment(token, 1, &c)
	return c, err
}

// tampered gives the token with a larger scope and its old signature.
func tampered(token string) (string, error) {
	var claims map[string]any
	if err := decodeSegment(token, 1, &claims); err != nil {
		return "", err
	}
	claims["scope"] = "payments payments.unlimited"
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	parts := strings.Split(token, ".")
	return parts[0] + "." + base64.RawURLEncoding.EncodeToString(payload) + "." + parts[2], nil
}

// short shows enough of a secret to tell it from another, and too little to use.
func short(secret string) string {
	if len(secret) < 16 {
		return "…"
	}
	return secret[:4] + "…" + secret[len(secret)-4:]
}

func pathOf(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return rawURL
	}
	return u.Path
}
