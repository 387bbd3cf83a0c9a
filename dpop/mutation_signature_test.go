package dpop_test

import (
	"crypto/elliptic"
	"encoding/asn1"
	"math/big"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/dpop"
)

// Signatures that other libraries have taken: another length, DER, leading zeros, r or s of zero or of the group's order.
func TestMutationsOfTheSignature(t *testing.T) {
	order := elliptic.P256().Params().N.Bytes()
	zeros := make([]byte, 32)
	sig := func(change func([]byte) []byte) func(testing.TB, *forge) {
		return part(2, func(s string) string {
			raw, err := b64.DecodeString(s)
			if err != nil {
				panic(err)
			}
			return b64.EncodeToString(change(raw))
		})
	}
	for _, m := range []mutation{
		{"ES256 in DER", dpop.ES256, bad + "signature", sig(func(s []byte) []byte {
			der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(s[:32]), new(big.Int).SetBytes(s[32:])})
			if err != nil {
				panic(err)
			}
			return der
		})},
		{"ES256 with 63 bytes", dpop.ES256, bad + "signature", sig(func(s []byte) []byte { return s[:63] })},
		{"ES256 with 65 bytes", dpop.ES256, bad + "signature", sig(func(s []byte) []byte { return append(s, 0) })},
		{"ES256 with zeros in front of r and s", dpop.ES256, bad + "signature", sig(func(s []byte) []byte {
			return append(append([]byte{0}, s[:32]...), append([]byte{0}, s[32:]...)...)
		})},
		{"ES256 with a zero in front of s", dpop.ES256, bad + "signature", sig(func(s []byte) []byte {
			return append(append(append([]byte{}, s[:32]...), 0), s[32:]...)
		})},
		{"ES256 r and s zero", dpop.ES256, bad + "signature", sig(func([]byte) []byte { return make([]byte, 64) })},
		{"ES256 r zero", dpop.ES256, bad + "signature", sig(func(s []byte) []byte { return append(zeros, s[32:]...) })},
		{"ES256 s zero", dpop.ES256, bad + "signature", sig(func(s []byte) []byte { return append(s[:32], zeros...) })},
		{"ES256 r and s the order", dpop.ES256, bad + "signature", sig(func([]byte) []byte { return append(order, order...) })},
		{"ES256 r and s swapped", dpop.ES256, bad + "signature", sig(func(s []byte) []byte { return append(s[32:], s[:32]...) })},
		{"PS256 with a zero in front", dpop.PS256, bad + "signature", sig(func(s []byte) []byte { return append([]byte{0}, s...) })},
		{"PS256 one byte short", dpop.PS256, bad + "signature", sig(func(s []byte) []byte { return s[1:] })},
		{"PS256 all zero", dpop.PS256, bad + "signature", sig(func(s []byte) []byte { return make([]byte, len(s)) })},
		{"Ed25519 with 63 bytes", dpop.Ed25519, bad + "signature", sig(func(s []byte) []byte { return s[:63] })},
		{"Ed25519 with 65 bytes", dpop.Ed25519, bad + "signature", sig(func(s []byte) []byte { return append(s, 0) })},
		{"Ed25519 all zero", dpop.Ed25519, bad + "signature", sig(func([]byte) []byte { return make([]byte, 64) })},
		{"ES256 by another key", dpop.ES256, bad + "signature", func(_ testing.TB, f *forge) { f.signer = otherP256() }},
		{"PS256 by PKCS 1.5", dpop.PS256, bad + "signature", func(_ testing.TB, f *forge) { f.finish = func(p string) string { return resign(f, p, 0) } }},
		{"PS256 with a salt of 20", dpop.PS256, bad + "signature", func(_ testing.TB, f *forge) { f.finish = func(p string) string { return resign(f, p, 20) } }},
		{"PS256 with a salt of 32", dpop.PS256, "accept", func(_ testing.TB, f *forge) { f.finish = func(p string) string { return resign(f, p, 32) } }},
	} {
		t.Run(m.name, m.run)
	}
}

func TestEveryBitOfASignedProofCounts(t *testing.T) {
	for _, alg := range []dpop.Algorithm{dpop.ES256, dpop.Ed25519} {
		f := newForge(alg)
		good, c := f.request(t), newChecker(t, nil)
		for i := range good.Proofs[0] {
			r := good
			flipped := []byte(good.Proofs[0])
			flipped[i] ^= 1
			r.Proofs = []string{string(flipped)}
			if _, err := c.Check(r); !strings.HasPrefix(reason(err), "invalid_") {
				t.Errorf("%s, byte %d: %s", alg, i, reason(err))
			}
		}
		if _, err := c.Check(good); err != nil {
			t.Errorf("%s untouched: %v", alg, err)
		}
	}
}
