package issuer

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/tenon-auth/tenon/issuer/browser"
	"github.com/tenon-auth/tenon/store"
)

// requestURIPrefix is what every request_uri begins with; 256 random bits follow (RFC 9126 §2.2).
const requestURIPrefix = "urn:ietf:params:oauth:request_uri:"

// A pushedAnswer is the answer to a pushed request (RFC 9126 §2.2).
type pushedAnswer struct {
	RequestURI string `json:"request_uri"`
	ExpiresIn  int64  `json:"expires_in"`
}

// processPAR is the pushed authorization request endpoint without HTTP (RFC 9126 §2): the client authenticates as it does for
// tokens, and the request is judged as far as that can be done without its person.
func (i *Issuer) processPAR(ctx context.Context, req *call, e *Event) (_ reply, nonce string, err error) {
	now := i.cfg.Now()
	id, err := i.identify(ctx, req, e, now)
	if err != nil {
		return reply{}, id.nonce, err
	}
	a := &asking{Issuer: i, form: req.form, client: &id.caller.Client, held: id.held, now: now}
	pushed, err := a.judge(ctx)
	if err != nil {
		return reply{}, id.nonce, err
	}
	if err := i.takeRoom(&id, req.from, pushed); err != nil {
		return reply{}, id.nonce, err
	}
	answer, err := i.push(ctx, &id, pushed, e)
	return reply{http.StatusCreated, answer}, id.nonce, err // RFC 9126 §2.2
}

// push keeps a request that was judged good, and spends the proof and the assertion in the same commit. It is kept for longer
// than it can be begun with: a person who has begun may still be looking for a password.
func (i *Issuer) push(ctx context.Context, id *identified, pushed *pushedRequest, e *Event) (*pushedAnswer, error) {
	secret := newSecret()
	var change store.Change
	if err := pushedRequests.Insert(&change, secretID(secret), *pushed, pushed.Expires.Add(browser.Patience)); err != nil {
		return nil, err
	}
	id.spend(&change, i.cfg.Issuer)
	begin := time.Now()
	_, err := i.cfg.Store.Commit(ctx, &change)
	e.Commit = time.Since(begin)
	if conflict, ok := errors.AsType[*store.Conflict](err); ok {
		return nil, conflicted(conflict)
	}
	if err != nil {
		return nil, unavailable(err)
	}
	return &pushedAnswer{RequestURI: requestURIPrefix + secret, ExpiresIn: int64(i.cfg.Codes.Request / time.Second)}, nil
}

// strangerCost is how many times as much a request counts that anybody could have pushed.
const strangerCost = 16

// takeRoom takes what a request will fill of the store off the allowance of its client, or, where anybody can push in the client's
// name, off that of the address.
func (i *Issuer) takeRoom(id *identified, from sender, pushed *pushedRequest) error {
	body, err := json.Marshal(pushed)
	if err != nil {
		return err
	}
	cost := 1 + len(body)>>10 // KiB
	if id.caller.AuthMethod == NoAuth {
		cost *= strangerCost
	}
	if wait, ok := i.waiting.takeN(id.payer(from), cost, pushed.Created); !ok {
		return tooMany(wait, "too many requests of this client wait for people")
	}
	return nil
}
