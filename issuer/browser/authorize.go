package browser

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/issuer/ui"
)

// serveAuthorize shows what comes next for a request, or ends it (RFC 6749 §3.1, RFC 9126 §4).
func (b *Browser) serveAuthorize(x *exchange) error {
	clientID, requestURI, err := frontChannel(x.r.URL.RawQuery)
	if err != nil {
		return err
	}
	if err := b.identify(x); err != nil {
		return err
	}
	if err := b.open(x, clientID, requestURI, true); err != nil {
		return err
	}
	return b.proceed(x, showing{status: http.StatusOK})
}

// servePostedAuthorize takes the same parameters in a body (OpenID Connect Core §3.1.2.1), and makes a GET of them: the session
// cookie does not come along with a form from elsewhere, and does with the GET.
func (b *Browser) servePostedAuthorize(x *exchange) error {
	body, err := readBody(x.w, x.r)
	if err != nil {
		return err
	}
	clientID, requestURI, err := frontChannel(body)
	if err != nil {
		return err
	}
	if err := b.open(x, clientID, requestURI, false); err != nil {
		return err
	}
	return x.goTo(b.onward(x))
}

// open finds the request that an exchange is about. One that has expired is for browsers only that opened it before.
func (b *Browser) open(x *exchange, clientID, requestURI string, entering bool) error {
	asked, err := b.Requests.Open(x.r.Context(), clientID, requestURI)
	if err != nil {
		return err
	}
	x.event.ClientID, x.event.RequestID = asked.Client.ID, asked.ID
	began, err := b.began(x.r, asked)
	if err != nil {
		return err
	}
	if !began && !b.Now().Before(asked.Expires) {
		return tenon.Refuse(tenon.InvalidRequestURI, "expired", "the request has expired: go back and start again") // RFC 9126 §2.2
	}
	x.asked = asked
	if began || !entering {
		return nil
	}
	return b.begin(x)
}

// onward is the path where the request that an exchange is about goes on, or a page of the person's own.
func (b *Browser) onward(x *exchange) string {
	if x.asked == nil {
		path, _ := ownPage(x.back)
		return b.base + path
	}
	return b.base + "/authorize?" + url.Values{"client_id": {x.asked.Client.ID}, "request_uri": {x.asked.URI}}.Encode()
}

// showing is how the next page is shown.
type showing struct {
	status int
	fault  ui.Fault
	chosen bool // the person has just said that this is the account
}

// proceed does the next step. What a posted form has done is derived again here: nothing is remembered but the session.
func (b *Browser) proceed(x *exchange, s showing) error {
	now, err := b.situation(x, s.chosen)
	if err != nil {
		return err
	}
	next, refusal := now.next()
	switch {
	case refusal != nil:
		return b.refuse(x, refusal)
	case next == stepLogin:
		return b.showLogin(x, ui.Login{Username: x.asked.Asked.LoginHint, Fault: s.fault}, s.status)
	case next == stepSecond:
		return b.showSecond(x, ui.SecondFactor{Fault: s.fault}, s.status)
	case next == stepChoose:
		return b.showChoose(x, s.status)
	case next == stepConsent:
		return b.showConsent(x, s.status)
	}
	return b.approve(x, DidApproveEarlier)
}

// situation gathers what the next step depends on.
func (b *Browser) situation(x *exchange, chosen bool) (situation, error) {
	s := situation{Asked: x.asked.Asked, created: x.asked.Created, now: b.Now(), session: x.visitor.session, chosen: chosen}
	if s.session == nil {
		return s, nil
	}
	var err error
	if s.factors, err = b.People.Factors(x.r.Context(), s.session.Subject); err != nil || s.session.Pending {
		return s, err
	}
	s.covered, _, err = b.earlier(x)
	return s, err
}

// earlier tells whether the person has said yes to all of this before, and whether to anything of this client. What is done
// once is asked for each time: authorization details, single claims, and whatever a client asks that anybody may pose as.
func (b *Browser) earlier(x *exchange) (covered, known bool, err error) {
	grants, err := b.Grants.Of(x.r.Context(), x.visitor.session.Subject)
	if err != nil {
		return false, false, err
	}
	r := x.asked
	repeatable := len(r.Details) == 0 && len(r.Asked.Claims) == 0 && !r.Client.Public // RFC 6749 §10.2
	for _, g := range grants {
		if g.Client.ID != r.Client.ID || !g.Expires.IsZero() && !b.Now().Before(g.Expires) {
			continue
		}
		known = true
		if repeatable && g.Scope.Covers(r.Scope) && coversAll(g.Resources, r.Resources) {
			covered = true
		}
	}
	return covered, known, nil
}

func coversAll(have, want []string) bool {
	return !slices.ContainsFunc(want, func(one string) bool { return !slices.Contains(have, one) })
}

// approve completes the request with the person's yes.
func (b *Browser) approve(x *exchange, done string) error {
	session := x.visitor.session
	redirect, err := b.Requests.Approve(x.r.Context(), x.asked, Approval{
		Subject: session.Subject, SessionID: session.ID, AuthTime: session.AuthTime,
		ACR: people.ACR(session.Methods), AMR: people.AMR(session.Methods),
		Scope: x.asked.Scope, Details: x.asked.Details,
	})
	if err != nil {
		return err
	}
	x.event.Done = done
	return leave(x, redirect)
}

// refuse completes the request with an error for the client.
func (b *Browser) refuse(x *exchange, why *tenon.Error) error {
	redirect, err := b.Requests.Refuse(x.r.Context(), x.asked, why)
	if err != nil {
		return err
	}
	x.event.Done, x.event.Code, x.event.Reason = DidRefuse, why.Code, why.Reason
	return leave(x, redirect)
}

// cancelled is the person's no (RFC 6749 §4.1.2.1).
func cancelled() *tenon.Error {
	return tenon.Refuse(tenon.AccessDenied, "person", "the person said no")
}

// leave sends the browser back to the client. The address is the protocol side's word, and a fault of ours if it is none.
func leave(x *exchange, redirect string) error {
	u, err := url.Parse(redirect)
	if err != nil || !u.IsAbs() || slices.Contains([]string{"javascript", "data", "vbscript", "blob", "file"}, u.Scheme) {
		return errors.New("browser: the answer to a request leads to no address")
	}
	return x.goTo(redirect)
}
