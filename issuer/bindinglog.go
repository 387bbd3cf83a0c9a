package issuer

import (
	"context"
	"errors"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/store"
)

// A Recorder takes what happens into the binding log; [audit.Book] is one. An error means that it is not recorded, and then it
// must not happen.
type Recorder interface {
	// Add appends an entry to a Change, so that the record and what it records are committed together.
	Add(ctx context.Context, change *store.Change, e audit.Entry) error
	// Origin is the name of the log, which tokens carry.
	Origin() string
}

// BindingLog is where an Issuer writes what it did.
type BindingLog struct {
	Book Recorder // required
	// Refusals takes refused requests, and folds those of strangers. nil: refusals are not logged.
	Refusals *audit.Summaries
	// Receipt gives the proof that an entry is in the log, for token requests with binding_receipt=true. nil: none is given.
	Receipt func(ctx context.Context, index uint64) ([]byte, error)
}

// A sender is what the log keeps, under a commitment, of where a request came from. Part of it is the sender's own word.
type sender struct {
	Address string `json:"ip,omitempty"`
	Agent   string `json:"ua,omitempty"`
}

// maxAgent bounds what is kept of a User-Agent.
const maxAgent = 256

// entries are those of a token that is about to be committed, its own first: the token carries its index. A proof backs one
// entry only, or it would look like one that was used twice.
func (p *plan) entries(claims string) []audit.Entry {
	all := []audit.Entry{p.issued(claims)}
	if s := p.authorization.Standing; s != nil && s.Rebound {
		all = append(all, audit.Entry{
			Type: audit.KeyRebound, Confirmation: p.cnf, Client: p.caller.ID, About: s.First, Detail: p.from,
			Token: audit.TokenFacts{Account: p.authorization.Subject},
		})
	}
	return all
}

// issued is the entry of the token. claims is the digest of all that the token will say but the entry's own index.
func (p *plan) issued(claims string) audit.Entry {
	e := audit.Entry{
		Type:         audit.TokenIssued,
		Confirmation: p.cnf,
		Client:       p.caller.ID,
		Token: audit.TokenFacts{
			ID:       p.id,
			Claims:   claims,
			Audience: p.authorization.Audience,
			Scope:    p.authorization.Scope,
			Expires:  p.expires,
			KeyID:    p.key.id(),
		},
		Proof:  p.held.proofText,
		Detail: p.from,
	}
	if s := p.authorization.Standing; s != nil {
		e.Token.Account = p.authorization.Subject
		if s.First != nil {
			e.Type, e.About = audit.TokenRefreshed, s.First
		}
	}
	return e
}

// logRefusal records that a token request was refused. A challenge for a nonce is no refusal: it is the first half of a request.
// The request stays refused whether or not that can be recorded.
func (i *Issuer) logRefusal(ctx context.Context, req *call, e *Event, err error) error {
	refusal, ok := errors.AsType[*tenon.Error](err)
	if i.cfg.Log.Refusals == nil || !ok || refusal.Code == tenon.UseDPoPNonce || refusal.Code == tenon.Unavailable {
		return err
	}
	entry := audit.Entry{Type: audit.TokenRefused, Reason: refusal.Reason, Client: e.ClientID, Detail: req.from}
	if refusal.Code == tenon.InvalidDPoPProof && refusal.Reason == "replay" {
		entry.Type = audit.ProofReplayed
	}
	if logErr := i.cfg.Log.Refusals.Refusal(ctx, entry); logErr != nil {
		return refusal.Because(errors.Join(err, logErr))
	}
	return err
}

// errNoLog means that a change was asked for that could not be recorded.
var errNoLog = errors.New("issuer: there is no binding log to record this in")

// record appends an entry about what an operator or the schedule does.
func record(ctx context.Context, log Recorder, change *store.Change, e audit.Entry) error {
	if log == nil {
		return errNoLog
	}
	return log.Add(ctx, change, e)
}
