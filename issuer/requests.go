package issuer

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer/browser"
	"github.com/tenon-auth/tenon/store"
)

// requests are the pushed requests as the browser side sees them.
type requests struct{ *Issuer }

var _ browser.Requests = requests{}

// A stored request is a pushed one as it was read: what is done with it later fails when it was completed in between.
type stored struct {
	item   store.Item[pushedRequest]
	client *registered
}

// Open finds a pushed request, and judges it by the registration of today: that may have changed since (RFC 9126 §4).
func (q requests) Open(ctx context.Context, clientID, requestURI string) (*browser.Request, error) {
	secret, ok := strings.CutPrefix(requestURI, requestURIPrefix)
	if !ok { // it is not fetched, wherever it points to (RFC 9101 §10.4)
		return nil, tenon.Refuse(tenon.InvalidRequestURI, "request_uri", "request_uri is not one that this server gave out: push the request first") // FAPI 2.0 §5.3.2.2 (3)
	}
	item, err := pushedRequests.Get(ctx, q.cfg.Store, secretID(secret))
	if errors.Is(err, store.ErrNotFound) || err == nil && item.Value.ClientID != clientID { // RFC 9126 §2.2: it is its client's only
		return nil, tenon.Refuse(tenon.InvalidRequestURI, "unknown_request", "this request is not known, has expired, was completed already or is another client's")
	}
	if err != nil {
		return nil, unavailable(err)
	}
	client, err := q.clients.find(ctx, clientID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, unavailable(err)
	}
	if err != nil || client.Disabled {
		return nil, tenon.Refuse(tenon.UnauthorizedClient, "disabled", "this client may not be used any more")
	}
	if !stillMay(&client.Client, &item.Value) {
		return nil, tenon.Refuse(tenon.UnauthorizedClient, "changed", "the client's registration was changed since it made this request") // RFC 9126 §4
	}
	return q.opened(requestURI, stored{item, client}), nil
}

// stillMay reports whether a client could push the request as it is registered now.
func stillMay(c *Client, p *pushedRequest) bool {
	return c.may(AuthorizationCode) && c.redirectsTo(p.RedirectURI) && c.Scope.Covers(p.Scope) &&
		containsAll(c.Resources, p.Resources) && containsAll(c.DetailTypes, p.Details.Types())
}

// opened is what the browser side needs of a request.
func (q requests) opened(uri string, s stored) *browser.Request {
	p, c := s.item.Value, s.client
	info := clientInfo(&c.Client)
	info.RedirectOrigin = originOf(p.RedirectURI)
	lasts := time.Duration(0)
	if c.may(RefreshToken) {
		lasts = q.cfg.Codes.Grant
	}
	return &browser.Request{
		ID: s.item.ID[:12], URI: uri, Client: info, Scope: p.Scope, Details: p.Details, Resources: p.Resources,
		Asked: browser.Asked{
			Prompt: p.Wishes.Prompt, MaxAge: p.Wishes.MaxAge, ACR: p.Wishes.ACR, ACREssential: p.Wishes.ACREssential,
			LoginHint: p.Wishes.LoginHint, Subject: p.Wishes.Subject, Locales: p.Wishes.Locales, Claims: p.Identity.names(),
		},
		Created: p.Created, Expires: p.Expires, Lasts: lasts, Stored: s,
	}
}

// clientInfo is what people are told about a client.
func clientInfo(c *Client) browser.ClientInfo {
	return browser.ClientInfo{ID: c.ID, Name: c.Name, Public: c.AuthMethod == NoAuth}
}

// Approve makes the grant and the code, and spends the request: all of it or nothing.
func (q requests) Approve(ctx context.Context, r *browser.Request, a browser.Approval) (string, error) {
	s, err := storedOf(r)
	if err != nil {
		return "", err
	}
	if err := q.checkApproval(&s.item.Value, a); err != nil {
		return "", err
	}
	if err := q.rememberSubject(ctx, &s.client.Client, a.Subject); err != nil {
		return "", err
	}
	code, change, err := q.approved(s, a)
	if err != nil {
		return "", err
	}
	if err := q.complete(ctx, change); err != nil {
		return "", err
	}
	return q.answer(&s.item.Value, url.Values{"code": {code}}), nil
}

func storedOf(r *browser.Request) (stored, error) {
	s, ok := r.Stored.(stored)
	if !ok {
		return s, errors.New("issuer: a request that was not opened here")
	}
	return s, nil
}

// checkApproval makes sure that nobody was asked for less than is given. What it finds is a fault of ours.
func (q requests) checkApproval(p *pushedRequest, a browser.Approval) error {
	switch {
	case a.Subject == "" || a.AuthTime.IsZero():
		return errors.New("issuer: an approval by nobody")
	case p.Wishes.Subject != "" && p.Wishes.Subject != a.Subject: // OpenID Connect Core §3.1.2.2
		return errors.New("issuer: an approval by another person than was asked for")
	case !p.Scope.Covers(a.Scope):
		return fmt.Errorf("issuer: an approval of the scope %q, which was not asked for", a.Scope)
	case len(a.Details) > 0 && q.cfg.Details == nil:
		return errors.New("issuer: an approval of authorization details, and there are no types of them")
	case len(a.Details) > 0:
		return q.cfg.Details.Within(a.Details, p.Details)
	}
	return nil
}

// approved gathers what a yes does. The grant lives as long as the code, until the code is redeemed.
func (q requests) approved(s stored, a browser.Approval) (code string, change *store.Change, err error) {
	p, now := &s.item.Value, q.cfg.Now()
	until := now.Add(q.cfg.Codes.Code)
	grant, code := grantID(a.Subject), newSecret()
	change = &store.Change{}
	pushedRequests.Delete(change, s.item) // FAPI 2.0 §5.3.2.2, note 3: it is used up by completion
	err = errors.Join(
		personGrants.Insert(change, grant, grantRecord{
			Person: a.Subject, ClientID: p.ClientID, SessionID: a.SessionID, Scope: a.Scope, Details: a.Details, Resources: p.Resources,
			Authentication: tenon.Authentication{Time: a.AuthTime.Truncate(time.Second), ACR: a.ACR, AMR: a.AMR},
			Identity:       p.Identity, Created: now,
		}, until.Add(commitMargin)),
		codes.Insert(change, secretID(code), codeRecord{
			Grant: grant, ClientID: p.ClientID, RedirectURI: p.RedirectURI, Challenge: p.Challenge, JKT: p.Thumbprint,
			Nonce: p.Nonce, Until: until,
		}, until.Add(commitMargin)),
	)
	return code, change, err
}

// Refuse spends the request and tells the client why there is no code.
func (q requests) Refuse(ctx context.Context, r *browser.Request, why *tenon.Error) (string, error) {
	s, err := storedOf(r)
	if err != nil {
		return "", err
	}
	var change store.Change
	pushedRequests.Delete(&change, s.item)
	if err := q.complete(ctx, &change); err != nil {
		return "", err
	}
	answer := url.Values{"error": {string(why.Code)}} // RFC 6749 §4.1.2.1
	if why.Description != "" {
		answer.Set("error_description", why.Description)
	}
	return q.answer(&s.item.Value, answer), nil
}

// complete commits what spends a request. Of several that try, one succeeds.
func (q requests) complete(ctx context.Context, change *store.Change) error {
	_, err := q.cfg.Store.Commit(ctx, change)
	switch {
	case isConflict(err):
		return tenon.Refuse(tenon.InvalidRequestURI, "completed", "this request was completed elsewhere").Because(err)
	case err != nil:
		return unavailable(err)
	}
	return nil
}

// answer is where the browser goes: iss is in every answer, and state as it was sent.
func (q requests) answer(p *pushedRequest, answer url.Values) string {
	answer.Set("iss", q.cfg.Issuer) // RFC 9207 §2, FAPI 2.0 §5.3.2.2 (7)
	if p.State != "" {
		answer.Set("state", p.State) // RFC 6749 §4.1.2
	}
	return withParameters(p.RedirectURI, answer)
}

// containsAll reports whether every element of want is in have.
func containsAll(have, want []string) bool {
	return !slices.ContainsFunc(want, func(s string) bool { return !slices.Contains(have, s) })
}
