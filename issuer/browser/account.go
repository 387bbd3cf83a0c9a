package browser

import (
	"errors"
	"net/http"
	"time"

	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/issuer/ui"
	"github.com/tenon-auth/tenon/store"
)

// freshness is how old a login may be that changes what the person signs in with. Whoever finds a browser open must not be able
// to make it theirs.
const freshness = 5 * time.Minute

// ownPage gives the path of a page of the person's own that a login may lead back to. The names go through forms, and paths never.
func ownPage(name string) (path string, ok bool) {
	switch name {
	case "":
		return "/account", true
	case "password", "codes", "passkeys":
		return "/account/" + name, true
	}
	return "", false
}

// serveAccount shows the page of a person's own.
func (b *Browser) serveAccount(x *exchange) error {
	if err := b.identify(x); err != nil {
		return err
	}
	if good, err := b.admit(x, false); !good || err != nil {
		return err
	}
	page := ui.Account{Notice: takeNotice(x)}
	return b.showAccount(x, page, http.StatusOK)
}

// admit lets a person go on who is signed in, and has signed in a short time ago if need be. Otherwise the page to do so is
// the answer, and leads back to where it was asked for.
func (b *Browser) admit(x *exchange, fresh bool) (good bool, err error) {
	v := x.visitor
	switch {
	case v.session == nil:
		return false, b.showLogin(x, ui.Login{}, http.StatusOK)
	case v.session.Pending:
		return false, b.showSecond(x, ui.SecondFactor{}, http.StatusOK)
	case fresh && b.Now().Sub(v.session.AuthTime) > freshness:
		return false, b.showLogin(x, ui.Login{}, http.StatusOK)
	}
	return true, nil
}

// showOwnInstead is showInstead for the person's own page.
func (b *Browser) showOwnInstead(x *exchange, path string) error {
	switch v := x.visitor; {
	case v.session == nil:
		return b.showLogin(x, ui.Login{Fault: ui.FaultExpired}, http.StatusForbidden)
	case v.session.Pending:
		return b.showSecond(x, ui.SecondFactor{Fault: ui.FaultExpired}, http.StatusForbidden)
	case path == "/login" || path == "/login/code":
		return x.goTo(b.onward(x)) // signed in from another tab: nothing is left to do
	}
	return b.showAccount(x, ui.Account{Fault: ui.FaultExpired}, http.StatusForbidden)
}

// showAccount gathers and shows all that the page has.
func (b *Browser) showAccount(x *exchange, page ui.Account, status int) error {
	x.back = "" // its forms lead nowhere else
	subject := x.visitor.session.Subject
	factors, err := b.People.Factors(x.r.Context(), subject)
	if err != nil {
		return err
	}
	sessions, err := b.Sessions.Of(x.r.Context(), subject)
	if err != nil {
		return err
	}
	grants, err := b.Grants.Of(x.r.Context(), subject)
	if err != nil {
		return err
	}
	if page.Frame, err = b.formFrame(x, "/account"); err != nil {
		return err
	}
	page.Email, page.Factors = x.visitor.person.Email, shownFactors(factors)
	page.Sessions, page.Grants = shownSessions(sessions, x.visitor.session.ID), b.shownGrants(x, page.Frame, grants)
	if page.Factors.Add, err = b.newPasskey(x); err != nil {
		return err
	}
	b.render(x, status, page)
	return nil
}

func shownFactors(f people.Factors) ui.Factors {
	shown := ui.Factors{Password: f.Password, TOTP: f.TOTP, RecoveryCodes: f.RecoveryCodes}
	for _, p := range f.Passkeys {
		shown.Passkeys = append(shown.Passkeys, ui.Passkey{ID: p.ID, Name: p.Name, Created: p.Created, LastUsed: p.LastUsed, Synced: p.Synced})
	}
	return shown
}

func shownSessions(sessions []people.Session, current string) []ui.Session {
	var shown []ui.Session
	for _, s := range sessions {
		shown = append(shown, ui.Session{ID: s.ID, Agent: s.Agent, Address: s.Address, Started: s.Created, Seen: s.Seen, Current: s.ID == current})
	}
	return shown
}

func (b *Browser) shownGrants(x *exchange, frame ui.Frame, grants []Grant) []ui.Grant {
	lang := b.Pages.Language(x.r, frame.Locales)
	var shown []ui.Grant
	for _, g := range grants {
		shown = append(shown, ui.Grant{
			ID: g.ID, Client: client(g.Client), Scopes: b.scopes(g.Scope, lang), Details: b.details(g.Details, lang),
			Created: g.Created, Used: g.Used, Expires: g.Expires,
		})
	}
	return shown
}

// newPasskey starts a ceremony for a new passkey, where there are passkeys and room for one.
func (b *Browser) newPasskey(x *exchange) (*ui.Ceremony, error) {
	c, err := b.People.BeginPasskey(x.r.Context(), x.visitor.session.Subject)
	if errors.Is(err, people.ErrNoPasskeys) || errors.Is(err, people.ErrFull) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return b.ceremony("/account/passkeys/add", c), nil
}

// serveDeed does what a button of the page says.
func (b *Browser) serveDeed(x *exchange) error {
	if good, err := b.accept(x, "/account"); !good || err != nil {
		return err
	}
	deed, ok := b.deeds()[x.form["do"]]
	if !ok {
		return malformed("the form says nothing that can be done here")
	}
	if good, err := b.admit(x, deed.fresh); !good || err != nil {
		return err
	}
	return deed.run(x)
}

// A deed is what a button of the page does.
type deed struct {
	fresh bool // it changes what the person signs in with
	run   func(*exchange) error
}

func (b *Browser) deeds() map[string]deed {
	return map[string]deed{
		"remove-passkey":     {true, b.removePasskey},
		"rename-passkey":     {false, b.startRename},
		"remove-codes":       {true, b.removeCodes},
		"new-recovery-codes": {true, b.newRecoveryCodes},
		"end-session":        {false, b.endSession},
		"end-other-sessions": {false, b.endOtherSessions},
		"end-grant":          {false, b.endGrant},
		"logout":             {false, b.logout},
	}
}

// did ends a deed: the page is shown again, and says what was done.
func (b *Browser) did(x *exchange, done string, notice ui.Notice) error {
	x.event.Done = done
	setCookie(x.w, noticeCookie, string(notice), time.Minute)
	return x.goTo(b.base + "/account")
}

// takeNotice gives what was just done, once. A word that is none of ours is nothing.
func takeNotice(x *exchange) ui.Notice {
	notice := ui.Notice(cookie(x.r, noticeCookie))
	if notice != "" {
		setCookie(x.w, noticeCookie, "", 0)
	}
	switch notice {
	case ui.NoticePasskeyAdded, ui.NoticePasskeyRenamed, ui.NoticePasskeyRemoved, ui.NoticePassword, ui.NoticeCodesOn,
		ui.NoticeCodesOff, ui.NoticeSessionEnded, ui.NoticeSessionsEnded, ui.NoticeGrantEnded:
		return notice
	}
	return ui.NoNotice
}

// gone makes nothing of the refusal that something is not there: somebody was faster, and it is gone, as asked for.
func gone(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
