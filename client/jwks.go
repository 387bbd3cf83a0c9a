package client

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	keysFresh = time.Hour
	keysEvery = 10 * time.Second // an unknown kid makes us look again this often: who makes tokens up cannot make us hammer the server
)

// keyring has the public keys of the issuer (RFC 7517), from the jwks_uri of its metadata and from nowhere else: a token's
// own jku, x5u or jwk is not looked at (FAPI 2.0 §5.4.2).
type keyring struct {
	http http.RoundTripper // follows no redirect
	now  func() time.Time

	turn chan struct{} // of size 1: who has put something in owns what follows
	held jose.JSONWebKeySet
	from string
	at   time.Time // when held was read
}

// find gives the keys that may have signed something with this header. None is an answer too.
func (k *keyring) find(ctx context.Context, uri string, header jose.Header) ([]any, error) {
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	age := k.now().Sub(k.at)
	known := k.from == uri && age >= 0 && age < keysFresh
	if known {
		if keys := k.fitting(header); len(keys) > 0 || age < keysEvery {
			return keys, nil
		}
	}
	held, err := k.read(ctx, uri)
	if err != nil {
		return nil, fmt.Errorf("keys of the issuer: %w", err)
	}
	k.held, k.from, k.at = held, uri, k.now()
	return k.fitting(header), nil
}

// fitting lists the keys by kid, use, and algorithm. Every signed token names its key (FAPI 2.0 §5.4.2); a server with one
// key may leave it out.
func (k *keyring) fitting(header jose.Header) []any {
	var fitting []any
	for _, key := range k.held.Keys {
		switch {
		case key.KeyID != header.KeyID && (header.KeyID != "" || len(k.held.Keys) > 1),
			key.Use != "" && key.Use != "sig",
			key.Algorithm != "" && key.Algorithm != header.Algorithm && !sameAlgorithm(key.Algorithm, header.Algorithm):
			continue
		}
		if usable := usableKey(key.Key, header.Algorithm); usable != nil {
			fitting = append(fitting, usable)
		}
	}
	return fitting
}

// sameAlgorithm knows that EdDSA and Ed25519 are two names here (RFC 9864 §2.2).
func sameAlgorithm(a, b string) bool {
	return (a == "EdDSA" || a == "Ed25519") && (b == "EdDSA" || b == "Ed25519")
}

// usableKey gives key in the form that go-jose verifies algorithm with, nil when it is of another kind or weak (FAPI 2.0
// §5.4.1 (2), (3)).
func usableKey(key any, algorithm string) any {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		if algorithm == "ES256" && key.Curve == elliptic.P256() {
			return key
		}
	case *rsa.PublicKey:
		if algorithm == "PS256" && key.N.BitLen() >= 2048 {
			return key
		}
	case ed25519.PublicKey:
		if sameAlgorithm(algorithm, algorithm) {
			return edwards(key)
		}
	}
	return nil
}

// edwards verifies Ed25519 signatures under both of its names; go-jose knows the older one only.
type edwards ed25519.PublicKey

var _ jose.OpaqueVerifier = edwards{}

// VerifyPayload checks one signature (RFC 8037 §3.1).
func (e edwards) VerifyPayload(payload, signature []byte, _ jose.SignatureAlgorithm) error {
	if len(e) != ed25519.PublicKeySize || !ed25519.Verify(ed25519.PublicKey(e), payload, signature) {
		return errors.New("the signature is wrong")
	}
	return nil
}

func (k *keyring) read(ctx context.Context, uri string) (set jose.JSONWebKeySet, err error) {
	if _, err := parseHTTPS(uri); err != nil {
		return set, fmt.Errorf("jwks_uri: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return set, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := k.http.RoundTrip(req)
	if err != nil {
		return set, fmt.Errorf("GET %s: %w", uri, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return set, fmt.Errorf("GET %s: %s, wanted 200 and no redirect", uri, resp.Status)
	}
	body, err := readAll(resp.Body, metadataSize)
	if err != nil {
		return set, fmt.Errorf("GET %s: %w", uri, err)
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return set, fmt.Errorf("GET %s: not a JWK set", uri)
	}
	return set, nil
}
