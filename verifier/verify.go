package verifier

import (
	"context"
	"errors"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
)

// Verify judges one request. It returns what the request may do, or nil and an error: a *tenon.Error is a refusal whose code is for the
// caller, with [tenon.Unavailable] when something that must be known cannot be known now; any other is a fault of the service.
//
// The order is cheap before dear and stateless before stateful. The replay memory is asked last, so a refused request neither
// uses up its proof nor stores anything.
func (v *Verifier) Verify(ctx context.Context, r Request) (*Access, error) {
	start := time.Now() // not Config.Now: a duration needs the monotonic clock
	h := hearing{Event: Event{Method: r.Method}}
	access, err := v.verify(ctx, r, &h)
	if err != nil {
		h.refused(err)
		if skew, ok := errors.AsType[*dpop.Skew](err); ok {
			h.Offset, h.HasOffset = skew.Offset, true
		}
		access = nil
	}
	h.Duration = time.Since(start)
	v.observe(ctx, h.Event)
	v.record(r, &h)
	return access, err
}

// A hearing is what is noted while a request is judged, for those who are told of the verdict.
type hearing struct {
	Event
	token *token // nil until it was verified
}

// verify is the column of checks. It fills h on the way.
func (v *Verifier) verify(ctx context.Context, r Request, h *hearing) (*Access, error) {
	// What could be read in two ways is not read at all.
	target, err := v.publicURL(r.Target)
	if err != nil {
		return nil, err
	}
	presented, err := r.credential()
	if err != nil {
		return nil, err
	}

	// The token comes before the proof: without one that the issuer signed, nothing dear is computed and nothing is stored, and
	// a stranger learns nothing from how a proof is answered.
	token, err := v.token(ctx, presented.token)
	if err != nil {
		return nil, err
	}
	h.token = token
	h.ClientID, h.Thumbprint = token.claims.ClientID, boundTo(token.claims.Confirmation)

	// Every key that the token names must be proved on this request.
	held, err := v.bind(possession{credential: presented, request: r, url: target}, token.claims.Confirmation)
	if err != nil {
		return nil, err
	}
	if held.proof != nil {
		h.Offset, h.HasOffset = held.proof.Offset(), true
	}

	// A good token may have been revoked (FAPI 2.0 §5.3.4 (3)).
	if err := v.checkRevocation(ctx, presented.token, token); err != nil {
		return nil, err
	}

	// A proof is good for one request (RFC 9449 §11.1).
	if held.proof != nil {
		start := time.Now()
		err := v.useProof(ctx, held.proof)
		h.Replay = time.Since(start)
		if err != nil {
			return nil, err
		}
	}
	return v.newAccess(token, presented.scheme, held), nil
}

// checkRevocation refuses a revoked token, and any token while its revocation cannot be known. Who said what an opaque token stands
// for has said at the same time that it is alive.
func (v *Verifier) checkRevocation(ctx context.Context, presented string, t *token) error {
	if t.key == nil {
		return nil
	}
	revoked, err := v.config.Revocation.Revoked(ctx, presented, &t.claims)
	if err != nil {
		if _, refused := errors.AsType[*tenon.Error](err); refused {
			return err
		}
		return unavailable("whether the token was revoked cannot be known now", err)
	}
	if revoked {
		return refuseToken("revoked", "the token was revoked: get a new one")
	}
	return nil
}

// useProof uses the proof up. The memory says whether this was the first time, atomically for all who share it.
func (v *Verifier) useProof(ctx context.Context, proof *dpop.Proof) error {
	first, err := v.config.Replays.Use(ctx, proof.ReplayKey(v.config.Audience), proof.Until())
	if err != nil {
		return unavailable("whether the proof was used before cannot be known now", err)
	}
	if !first {
		return tenon.Refuse(tenon.InvalidDPoPProof, "replay", "this proof was used before: make a new one for every request") // RFC 9449 §11.1
	}
	return nil
}

// unavailable is the answer when something that must be known cannot be known: never a guess.
func unavailable(what string, cause error) error {
	return tenon.Refuse(tenon.Unavailable, "unavailable", "%s: try again", what).Because(cause)
}
