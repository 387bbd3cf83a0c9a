package browser

import (
	"errors"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/issuer/ui"
)

// statusWrong is the status of a form that comes back because what was typed is not right: the same whatever was wrong.
const statusWrong = http.StatusUnprocessableEntity

// showLogin asks who it is. Whoever is signed in already must show again that it is them, or somebody else, if that is what
// the request needs.
func (b *Browser) showLogin(x *exchange, page ui.Login, status int) error {
	var err error
	if page.Frame, err = b.formFrame(x, "/login"); err != nil {
		return err
	}
	page.Passkey, err = b.passkeyLogin(x, "/login/passkey")
	if err != nil {
		return err
	}
	page.Client, page.MayCancel = x.client(), x.asked != nil
	page.Username = shown(page.Username)
	if v := x.visitor; v.signedIn() && x.rightPerson(v.session.Subject) && (page.Username == "" || page.Username == v.person.Username) {
		page.Again, page.Username = true, v.person.Username
	}
	b.render(x, status, page)
	return nil
}

// shown is text to put into a field: a hint is a stranger's.
func shown(text string) string {
	if len(text) > 320 || !utf8.ValidString(text) {
		return ""
	}
	return text
}

// passkeyLogin starts a ceremony, where there are passkeys. Nothing is stored for it.
func (b *Browser) passkeyLogin(x *exchange, path string) (*ui.Ceremony, error) {
	c, err := b.People.BeginPasskeyLogin(x.r.Context())
	if errors.Is(err, people.ErrNoPasskeys) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return b.ceremony(path, c), nil
}

// serveLogin shows the page to sign in for the person's own page.
func (b *Browser) serveLogin(x *exchange) error {
	if err := b.identify(x); err != nil {
		return err
	}
	if x.visitor.signedIn() {
		return x.goTo(b.base + "/account")
	}
	return b.showLogin(x, ui.Login{}, http.StatusOK)
}

// servePassword takes a user name and a password.
func (b *Browser) servePassword(x *exchange) error {
	if good, err := b.accept(x, "/login"); !good || err != nil {
		return err
	}
	if x.form["do"] == "cancel" {
		return b.cancel(x)
	}
	person, err := b.People.CheckPassword(x.r.Context(), people.Attempt{
		Username: x.form["username"], Password: x.form["password"],
		Address: b.Address(x.r), Device: cookie(x.r, deviceCookie),
	})
	if err != nil {
		fault, status, err := x.excuse(err)
		if err != nil {
			return err
		}
		return b.showLogin(x, ui.Login{Username: x.form["username"], Fault: fault.Fault, Wait: fault.Wait}, status)
	}
	factors, err := b.People.Factors(x.r.Context(), person.Subject)
	if err != nil {
		return err
	}
	x.event.Done = DidPassword
	return b.signIn(x, person, people.Session{Methods: []people.Method{people.Pwd}, Pending: factors.TOTP})
}

// servePasskey takes a passkey's answer from somebody who has not said who they are.
func (b *Browser) servePasskey(x *exchange) error {
	if good, err := b.accept(x, "/login"); !good || err != nil {
		return err
	}
	person, methods, err := b.People.FinishPasskeyLogin(x.r.Context(), state(x.form["state"]), []byte(x.form["response"]))
	if err != nil {
		_, status, err := x.excuse(err)
		if err != nil {
			return err
		}
		return b.showLogin(x, ui.Login{Fault: ui.FaultPasskey}, status)
	}
	x.event.Done = DidPasskey
	return b.signIn(x, person, people.Session{Methods: methods})
}

// signIn makes a session of a login, with a new secret whatever the browser had before, and goes on. Somebody else than the
// request is about gets no session: the client is told (OpenID Connect Core §3.1.2.2).
func (b *Browser) signIn(x *exchange, person people.Person, session people.Session) error {
	x.event.Subject = person.Subject
	if !x.rightPerson(person.Subject) {
		return b.refuse(x, tenon.Refuse(tenon.LoginRequired, "subject", "somebody else has signed in"))
	}
	session.Subject, session.AuthTime = person.Subject, b.Now()
	session.Address, session.Agent = b.Address(x.r), x.r.UserAgent()
	if err := b.install(x, session); err != nil {
		return err
	}
	if !session.Pending {
		if err := b.remember(x, person); err != nil {
			return err
		}
	}
	return x.goTo(b.onward(x))
}

// install gives the browser a session: a new one, or the same person's raised. The secret is new in both cases, and so is the
// visit, so that whoever knew what the browser had before knows nothing of what it has now.
func (b *Browser) install(x *exchange, session people.Session) (err error) {
	old := x.visitor
	var secret string
	if old.session != nil && old.session.Subject == session.Subject {
		secret, session, err = b.Sessions.Raise(x.r.Context(), old.secret, session)
	} else {
		secret, session, err = b.Sessions.Start(x.r.Context(), session)
	}
	if err != nil {
		return ended(err)
	}
	if old.session != nil && old.session.Subject != session.Subject {
		if err := b.Sessions.End(x.r.Context(), old.secret); err != nil {
			return err
		}
	}
	x.visitor.secret, x.visitor.session = secret, &session
	setCookie(x.w, sessionCookie, secret, 0)
	x.newVisit()
	return nil
}

// remember makes this a browser from which the person has signed in.
func (b *Browser) remember(x *exchange, person people.Person) error {
	device, err := b.People.Device(person.Username)
	if err != nil {
		return err
	}
	setCookie(x.w, deviceCookie, device, deviceAge)
	return nil
}

// rightPerson reports whether the request may be answered for this person.
func (x *exchange) rightPerson(subject string) bool {
	return x.asked == nil || x.asked.Asked.Subject == "" || x.asked.Asked.Subject == subject
}

// cancel ends what the person does not want to go on with.
func (b *Browser) cancel(x *exchange) error {
	if x.asked == nil {
		return x.goTo(b.base + "/login")
	}
	return b.refuse(x, cancelled())
}

// A setback is why somebody did not get in.
type setback struct {
	Fault ui.Fault
	Wait  time.Duration
}

// excuse tells what a refusal of the directory is told as. The event has the reason, and the page has not.
func (x *exchange) excuse(err error) (setback, int, error) {
	x.event.Err = err
	if throttled, ok := errors.AsType[*people.Throttled](err); ok {
		x.event.Code, x.event.Reason = tenon.AccessDenied, "throttled"
		x.retryAfter(throttled.Wait)
		return setback{ui.FaultThrottled, throttled.Wait}, http.StatusTooManyRequests, nil
	}
	if errors.Is(err, people.ErrWrong) {
		x.event.Code, x.event.Reason = tenon.AccessDenied, "wrong"
		if refusal, ok := errors.AsType[*people.Refusal](err); ok {
			x.event.Reason = refusal.Reason
		}
		return setback{Fault: ui.FaultWrong}, statusWrong, nil
	}
	return setback{}, 0, err
}
