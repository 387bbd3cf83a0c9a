package bench

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// issuing measures the token endpoint: client_credentials, private_key_jwt and a DPoP proof, each request with a durable commit
// of two spent identifiers, a record and a leaf. Bare verifications and signatures take turns with it.
func issuing(ctx context.Context, b *bench, budget time.Duration) (err error) {
	address, stop, err := serve(b.service.tokens)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()

	var issued, verified, signed sample
	for end := time.Now().Add(budget); time.Now().Before(end) && ctx.Err() == nil; {
		if err := b.issueBlock(address, &issued); err != nil {
			return err
		}
		if err := errors.Join(b.raw.verifyBlock(&verified), b.raw.signBlock(&signed)); err != nil {
			return err
		}
	}
	f := newFigure("Token endpoint, private_key_jwt and DPoP, durable, 64 callers", "client_credentials", callers, &issued)
	f.compare("two bare ES256 verifications and a signature", 2*verified.cpuEach()+signed.cpuEach())
	f.Budgets = []Budget{atMost(1.6, "x two bare verifications and a signature", f.Ratio.Value)}
	b.report.add(f)
	return ctx.Err()
}

// issueBlock has the caller do a round of token requests that are made beforehand.
func (b *bench) issueBlock(address string, s *sample) error {
	requests := make([][]byte, roundRequests)
	for i := range requests {
		var err error
		if requests[i], err = b.service.tokenRequest(); err != nil {
			return err
		}
	}
	return b.caller.run(job{address, requests, http.StatusOK, roundLimit}, s)
}
