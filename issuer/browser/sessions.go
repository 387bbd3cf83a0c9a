package browser

import (
	"net/http"

	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/issuer/ui"
)

// endSession signs the person out in one of their browsers.
func (b *Browser) endSession(x *exchange) error {
	err := b.Sessions.EndID(x.r.Context(), x.visitor.session.Subject, x.form["id"])
	if err := gone(err); err != nil {
		return err
	}
	return b.did(x, DidEndSession, ui.NoticeSessionEnded)
}

// endOtherSessions signs the person out everywhere but here.
func (b *Browser) endOtherSessions(x *exchange) error {
	current := x.visitor.session
	sessions, err := b.Sessions.Of(x.r.Context(), current.Subject)
	if err != nil {
		return err
	}
	for _, s := range sessions {
		if s.ID == current.ID {
			continue
		}
		if err := gone(b.Sessions.EndID(x.r.Context(), current.Subject, s.ID)); err != nil {
			return err
		}
	}
	return b.did(x, DidEndSessions, ui.NoticeSessionsEnded)
}

// restart ends all sessions of the person, also those that wait for a second factor, and gives this browser a new one. It is
// for when what they were made with is worth nothing any more.
func (b *Browser) restart(x *exchange) error {
	old := *x.visitor.session
	if err := b.Sessions.EndAll(x.r.Context(), old.Subject); err != nil {
		return err
	}
	x.visitor.session = nil
	return b.install(x, people.Session{
		Subject: old.Subject, Methods: old.Methods, AuthTime: old.AuthTime, Address: b.Address(x.r), Agent: x.r.UserAgent(),
	})
}

// endGrant takes back what the person allowed a client.
func (b *Browser) endGrant(x *exchange) error {
	if err := gone(b.Grants.End(x.r.Context(), x.visitor.session.Subject, x.form["id"])); err != nil {
		return err
	}
	return b.did(x, DidEndGrant, ui.NoticeGrantEnded)
}

// logout signs the person out here. What clients were allowed stays: they hold it in the person's name, whoever sits here.
func (b *Browser) logout(x *exchange) error {
	if err := b.Sessions.End(x.r.Context(), x.visitor.secret); err != nil {
		return err
	}
	setCookie(x.w, sessionCookie, "", 0)
	x.newVisit()
	x.visitor.session, x.visitor.secret = nil, ""
	x.event.Done = DidLogout
	b.render(x, http.StatusOK, ui.Done{Frame: x.frame(), What: ui.SignedOut, Back: b.base + "/login"})
	return nil
}
