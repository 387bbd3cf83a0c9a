package dpop

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// jtiBytes is the randomness of a jti: 128 bits, where RFC 9449 §4.2 asks for 96.
const jtiBytes = 16

// A Target is the request that a proof is made for.
type Target struct {
	Method      string    // as on the wire; case matters
	URL         string    // absolute http or https; query and fragment are left out of the proof
	AccessToken string    // the token the request carries; empty at a token endpoint
	Nonce       string    // the newest nonce the server gave; empty when it gave none
	Time        time.Time // iat; zero means now
}

// madeClaims is the payload of a proof we make (RFC 9449 §4.2).
type madeClaims struct {
	JTI   string `json:"jti"`
	HTM   string `json:"htm"`
	HTU   string `json:"htu"`
	IAT   int64  `json:"iat"`
	ATH   string `json:"ath,omitempty"`
	Nonce string `json:"nonce,omitempty"`
}

// Proof makes a proof for one request: the value of one DPoP header field. Every call gives another jti, so a repeated
// request needs a call of its own (RFC 9449 §7.3).
func (k *Key) Proof(t Target) (string, error) {
	claims, err := t.claims()
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("dpop: %w", err)
	}
	signed := k.prefix + encode(payload)
	sig, err := k.sign(signed)
	if err != nil {
		return "", fmt.Errorf("dpop: signing a proof: %w", err)
	}
	return signed + "." + encode(sig), nil
}

func (t Target) claims() (*madeClaims, error) {
	if t.Method == "" || len(t.Method) > maxHTM {
		return nil, errors.New("dpop: a proof needs the request's method")
	}
	if _, ok := appendTarget(nil, t.URL, dotsRefused); !ok {
		return nil, errors.New("dpop: a proof needs an absolute http or https URL without user name and dot segments")
	}
	if t.Nonce != "" && !validNonce(t.Nonce) {
		return nil, errors.New("dpop: the nonce has characters that a nonce cannot have")
	}
	c := &madeClaims{JTI: newJTI(), HTM: t.Method, HTU: withoutQuery(t.URL), Nonce: t.Nonce}
	if t.AccessToken != "" {
		c.ATH = AccessTokenHash(t.AccessToken)
	}
	if t.Time.IsZero() {
		t.Time = time.Now()
	}
	c.IAT = t.Time.Unix()
	return c, nil
}

// newJTI returns a random jti. crypto/rand ends the program rather than return less than it was asked for.
func newJTI() string {
	var b [jtiBytes]byte
	rand.Read(b[:])
	return encode(b[:])
}
