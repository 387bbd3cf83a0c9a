package bench

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/tenon-auth/tenon/verifier"
)

// A round is long enough for a throughput, and short enough that what is compared takes many turns.
const (
	roundRequests = 1024
	roundLimit    = 2 * time.Second
)

// calling measures an API on loopback behind the middleware. The three memories and an API without any verifier take turns.
func calling(ctx context.Context, b *bench, budget time.Duration) (err error) {
	list, err := b.memories("calling ")
	if err != nil {
		return err
	}
	stop := keep(ctx, list)
	defer func() { err = errors.Join(err, stop()) }()
	addresses, closeAPIs, err := b.raiseAPIs(list)
	defer func() { err = errors.Join(err, closeAPIs()) }()
	if err != nil {
		return err
	}
	called, bare := make([]sample, len(addresses)), sample{}
	for end := time.Now().Add(budget); time.Now().Before(end) && ctx.Err() == nil; {
		for i, address := range addresses {
			if err := b.callBlock(address, &called[i]); err != nil {
				return err
			}
			if err := b.raw.verifyBlock(&bare); err != nil {
				return err
			}
		}
	}
	b.reportCalls(list, called, &bare)
	return ctx.Err()
}

// reportCalls compares the durable memories with the one that is not.
func (b *bench) reportCalls(list []memory, called []sample, bare *sample) {
	const section = "HTTP API behind the middleware, 64 callers"
	least := map[string]float64{synced: 0.75, fenced: 0.95}
	plain := &called[0]
	for i, m := range list {
		f := newFigure(section, m.name, callers, &called[i])
		f.compare(oneVerification, bare.cpuEach())
		if i > 0 {
			f.Budgets = []Budget{
				atLeast(least[m.name], "of the throughput with memory only", called[i].perSecond()/plain.perSecond()),
				atMost(2, "x the p99 with memory only", ratio(called[i].percentile(99), plain.percentile(99))),
			}
		}
		b.report.add(f)
	}
	b.report.add(newFigure(section, "no verifier at all", callers, &called[len(list)]))
}

// raiseAPIs serves one API for each memory, and one without a verifier at the end. closeAPIs is good also after an error.
func (b *bench) raiseAPIs(list []memory) (addresses []string, closeAPIs func() error, err error) {
	var stops []func() error
	closeAPIs = func() error {
		var faults []error
		for _, stop := range stops {
			faults = append(faults, stop())
		}
		return errors.Join(faults...)
	}
	bare := http.HandlerFunc(balance)
	handlers := make([]http.Handler, 0, len(list)+1)
	for _, m := range list {
		v, err := b.service.verifier(m.replays)
		if err != nil {
			return nil, closeAPIs, err
		}
		handlers = append(handlers, v.Middleware(verifier.Require("payments")(bare)))
	}
	for _, handler := range append(handlers, bare) {
		address, stop, err := serve(handler)
		if err != nil {
			return nil, closeAPIs, err
		}
		stops = append(stops, stop)
		addresses = append(addresses, address)
	}
	return addresses, closeAPIs, nil
}

// balance is the smallest API there is.
func balance(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"balance":"12.50"}`)
}

// callBlock has the caller do a round of requests that are made beforehand.
func (b *bench) callBlock(address string, s *sample) error {
	proofs, err := b.service.proofs(roundRequests, "/payments")
	if err != nil {
		return err
	}
	requests := make([][]byte, len(proofs))
	for i, proof := range proofs {
		requests[i] = b.service.getRequest("/payments", proof)
	}
	return b.caller.run(job{address, requests, http.StatusOK, roundLimit}, s)
}
