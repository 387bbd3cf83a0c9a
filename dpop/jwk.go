package dpop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/tenon-auth/tenon/internal/strictjson"
)

// Bounds on RSA keys. The upper ones are ours: a stranger chooses the key, and we pay for the exponentiation.
const (
	minModulus  = 2048 // bits (RFC 7518 §3.5)
	maxModulus  = 4096 // bits
	minExponent = 65537
	maxExponent = 1<<31 - 1
)

// A jwk is the members of a public JWK that decide which key it is (RFC 7518 §6). Others are ignored.
type jwk struct {
	kty, crv, x, y, n, e string
}

// parseJWK reads the jwk member of a proof header. Private members are refused by name, whatever their value and whatever
// the key type (RFC 9449 §4.3 (7)): a sender who shows a private key must learn of it.
func parseJWK(v strictjson.Value) (jwk, error) {
	var k jwk
	err := v.Object(func(name string, v strictjson.Value) (err error) {
		switch name {
		case "d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv":
			return refuse("jwk_private", "the jwk has the private member %s: send the public key only", name) // RFC 9449 §4.3 (7)
		case "jku", "x5u":
			return refuse("key", "the jwk has the member %s: nothing is fetched for a proof", name)
		case "kty":
			k.kty, err = v.Str()
		case "crv":
			k.crv, err = v.Str()
		case "x":
			k.x, err = v.Str()
		case "y":
			k.y, err = v.Str()
		case "n":
			k.n, err = v.Str()
		case "e":
			k.e, err = v.Str()
		case "kid", "use", "alg": // no part in anything here, but RFC 7517 §4 says what they are
			_, err = v.Str()
		}
		return err
	})
	return k, err
}

// public turns the members into the key that alg needs, and refuses one that is of another type or weak.
func (k jwk) public(alg Algorithm) (crypto.PublicKey, error) {
	switch alg {
	case ES256:
		return k.p256()
	case PS256:
		return k.rsa()
	case EdDSA, Ed25519:
		return k.ed25519()
	}
	return nil, errors.New("no key fits the alg")
}

func (k jwk) p256() (crypto.PublicKey, error) {
	if k.kty != "EC" || k.crv != "P-256" {
		return nil, errors.New("ES256 needs kty EC and crv P-256") // RFC 7518 §3.4
	}
	x, errX := decode(k.x)
	y, errY := decode(k.y)
	if errX != nil || errY != nil || len(x) != 32 || len(y) != 32 {
		return nil, errors.New("x and y must be 32 bytes each in base64url") // RFC 7518 §6.2.1.2
	}
	point := slices.Concat([]byte{4}, x, y)
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point) // refuses what is not on the curve
	if err != nil {
		return nil, errors.New("x and y are not a point of P-256")
	}
	return pub, nil
}

func (k jwk) rsa() (crypto.PublicKey, error) {
	if k.kty != "RSA" {
		return nil, errors.New("PS256 needs kty RSA")
	}
	n, errN := decode(k.n)
	e, errE := decode(k.e)
	// A leading zero would give one key two thumbprints.
	if errN != nil || errE != nil || len(n) == 0 || len(e) == 0 || n[0] == 0 || e[0] == 0 {
		return nil, errors.New("n and e must be base64url without leading zero bytes") // RFC 7518 §6.3.1
	}
	if len(n) > maxModulus/8 || len(e) > 4 {
		return nil, errors.New("n or e is too long")
	}
	pub := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	return pub, checkRSA(pub)
}

// checkRSA holds an RSA key to the bounds above.
func checkRSA(k *rsa.PublicKey) error {
	switch bits := k.N.BitLen(); {
	case bits < minModulus || bits > maxModulus:
		return fmt.Errorf("an RSA modulus must have %d to %d bits", minModulus, maxModulus) // RFC 7518 §3.5
	case k.N.Bit(0) == 0:
		return errors.New("an RSA modulus must be odd")
	case k.E < minExponent || k.E > maxExponent || k.E%2 == 0:
		return fmt.Errorf("an RSA exponent must be odd, at least %d and below 2^31", minExponent)
	}
	return nil
}

func (k jwk) ed25519() (crypto.PublicKey, error) {
	if k.kty != "OKP" || k.crv != "Ed25519" {
		return nil, errors.New("Ed25519 needs kty OKP and crv Ed25519") // RFC 8037 §2
	}
	x, err := decode(k.x)
	if err != nil || len(x) != ed25519.PublicKeySize {
		return nil, errors.New("x must be 32 bytes in base64url")
	}
	return ed25519.PublicKey(x), checkEd25519(x)
}

// lowOrder holds the y coordinates, little endian, of the eight points whose order divides 8. With such a key one signature
// fits many messages, so a proof by it proves nothing.
var lowOrder = [...]string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}

// checkEd25519 refuses keys of small order, and a y of 2^255-19 or more, which is another spelling of a smaller one and so
// another thumbprint for the same key.
func checkEd25519(key []byte) error {
	y := [32]byte(key)
	y[31] &= 0x7f // the top bit is the sign of x
	if slices.Contains(lowOrder[:], hex.EncodeToString(y[:])) {
		return errors.New("the key has small order")
	}
	canonical := y[31] != 0x7f || y[0] < 0xed || slices.ContainsFunc(y[1:31], func(b byte) bool { return b != 0xff })
	if !canonical {
		return errors.New("the key is not in its canonical form") // RFC 8032 §5.1.3
	}
	return nil
}
