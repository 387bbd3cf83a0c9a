package bench

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/tenon-auth/tenon/dpop"
)

// A raw is one algorithm of the standard library on ready keys: what no implementation can do without.
type raw struct {
	alg    dpop.Algorithm
	signer crypto.Signer
	sum    []byte // what is signed: for Ed25519 a message of a proof's length, else its digest
	sig    []byte
}

// proofLength is about what a proof has in front of its signature.
const proofLength = 480

var errSignature = errors.New("the standard library refuses its own signature")

func newRaw(alg dpop.Algorithm) (*raw, error) {
	key, err := dpop.GenerateKey(alg)
	if err != nil {
		return nil, err
	}
	r := &raw{alg: alg, signer: key.Signer(), sum: make([]byte, proofLength)}
	if alg == dpop.ES256 || alg == dpop.PS256 {
		digest := sha256.Sum256(r.sum)
		r.sum = digest[:]
	}
	r.sig, err = r.sign()
	return r, err
}

func (r *raw) sign() ([]byte, error) {
	switch r.alg {
	case dpop.ES256:
		return r.signer.Sign(rand.Reader, r.sum, crypto.SHA256)
	case dpop.PS256:
		return r.signer.Sign(rand.Reader, r.sum, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
	}
	return r.signer.Sign(rand.Reader, r.sum, crypto.Hash(0))
}

func (r *raw) verify() error {
	good := false
	switch public := r.signer.Public().(type) {
	case *ecdsa.PublicKey:
		good = ecdsa.VerifyASN1(public, r.sum, r.sig)
	case *rsa.PublicKey:
		good = rsa.VerifyPSS(public, crypto.SHA256, r.sum, r.sig, nil) == nil
	case ed25519.PublicKey:
		good = ed25519.Verify(public, r.sum, r.sig)
	}
	if !good {
		return errSignature
	}
	return nil
}

// block is how many operations run before the yardstick has its turn: some milliseconds of work.
const block = 100

// verifyBlock has the yardstick take its turn.
func (r *raw) verifyBlock(s *sample) error {
	return s.run(block, func(int) error { return r.verify() })
}

// signBlock is verifyBlock for signatures.
func (r *raw) signBlock(s *sample) error {
	return s.run(block, func(int) error { _, err := r.sign(); return err })
}

// signatures measures the bare operations.
func signatures(ctx context.Context, b *bench, budget time.Duration) error {
	var all []*raw
	for _, alg := range []dpop.Algorithm{dpop.ES256, dpop.PS256, dpop.Ed25519} {
		r, err := newRaw(alg)
		if err != nil {
			return err
		}
		all = append(all, r)
	}
	verified, signed := make([]sample, len(all)), sample{}
	for end := time.Now().Add(budget); time.Now().Before(end) && ctx.Err() == nil; {
		for i, r := range all {
			if err := r.verifyBlock(&verified[i]); err != nil {
				return err
			}
		}
		if err := all[0].signBlock(&signed); err != nil {
			return err
		}
	}
	for i, r := range all {
		b.report.add(newFigure("Bare signatures", fmt.Sprintf("%s verify", r.alg), 1, &verified[i]))
	}
	b.report.add(newFigure("Bare signatures", "ES256 sign", 1, &signed))
	return ctx.Err()
}
