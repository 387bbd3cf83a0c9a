package issuer

import (
	"context"
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
	answer, err := i.push(ctx, &id, pushed, e)
	return reply{http.StatusCreated, answer}, id.nonce, err // RFC 9126 §2.2
}

// push keeps a request that was judged good, and spends the proof and the assertion in the same commit. It is kept for longer
// than it can be begun with: a person who has begun may still be looking for a password.
func (i *Issuer) push(ctx context.Context, id *identified, pushed *pushedRequest, e *Event) (*pushedAnswer, error) {
	lifetime := i.cfg.Codes.Request
	pushed.Expires = pushed.Created.Add(lifetime)
	secret := newSecret()
	var change store.Change
	if err := pushedRequests.Insert(&change, secretID(secret), *pushed, pushed.Expires.Add(browser.Patience)); err != nil {
		return nil, err
	}
	if wait, ok := i.waiting.takeN(id.caller.ID, kibibytes(change.Inserts[0].Body), pushed.Created); !ok {
		return nil, tooMany(wait, "too many requests of this client wait for people")
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
	return &pushedAnswer{RequestURI: requestURIPrefix + secret, ExpiresIn: int64(lifetime / time.Second)}, nil
}

// kibibytes is what a record counts for in the allowance of its client.
func kibibytes(body []byte) int { return 1 + len(body)>>10 }
