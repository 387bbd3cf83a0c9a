package browser

import (
	"slices"

	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/issuer/ui"
)

// showSecond asks for one thing more: to complete a login, or to reach the level that the client needs. It offers what helps.
func (b *Browser) showSecond(x *exchange, page ui.SecondFactor, status int) error {
	session := x.visitor.session
	factors, err := b.People.Factors(x.r.Context(), session.Subject)
	if err != nil {
		return err
	}
	if page.Frame, err = b.formFrame(x, "/login/code"); err != nil {
		return err
	}
	now := situation{session: session, factors: factors}
	if x.asked != nil {
		now.Asked = x.asked.Asked
	}
	page.Codes = now.codes() && (session.Pending || now.reached(people.ACRMulti))
	page.Recovery = page.Codes && factors.RecoveryCodes > 0
	if len(factors.Passkeys) > 0 {
		if page.Passkey, err = b.passkeyLogin(x, "/login/code/passkey"); err != nil {
			return err
		}
	}
	page.Client, page.MayCancel = x.client(), x.asked != nil
	b.render(x, status, page)
	return nil
}

// serveCode takes a code from the authenticator application, or a recovery code.
func (b *Browser) serveCode(x *exchange) error {
	if good, err := b.accept(x, "/login/code"); !good || err != nil {
		return err
	}
	if x.form["do"] == "cancel" {
		return b.cancel(x)
	}
	session := *x.visitor.session // the seal of the form says that there is one
	method, err := b.People.CheckCodeFrom(x.r.Context(), session.Subject, x.form["code"],
		people.Attempt{Address: b.Address(x.r), Device: cookie(x.r, deviceCookie)})
	if err != nil {
		fault, status, err := x.excuse(err)
		if err != nil {
			return err
		}
		return b.showSecond(x, ui.SecondFactor{Fault: fault.Fault, Wait: fault.Wait}, status)
	}
	session.Methods = with(session.Methods, method) // the time stays that of the password: the older of the two
	return b.complete(x, session)
}

// serveSecondPasskey takes a passkey of the person who is half signed in, or steps up.
func (b *Browser) serveSecondPasskey(x *exchange) error {
	if good, err := b.accept(x, "/login/code"); !good || err != nil {
		return err
	}
	person, methods, err := b.People.FinishPasskeyLogin(x.r.Context(), state(x.form["state"]), []byte(x.form["response"]))
	if err != nil {
		_, status, err := x.excuse(err)
		if err != nil {
			return err
		}
		return b.showSecond(x, ui.SecondFactor{Fault: ui.FaultPasskey}, status)
	}
	session := *x.visitor.session
	if person.Subject != session.Subject {
		x.event.Reason = "subject"
		return b.showSecond(x, ui.SecondFactor{Fault: ui.FaultPasskey}, statusWrong)
	}
	if session.Pending { // the password came a moment ago, and belongs to this login
		methods = with(session.Methods, methods...)
	}
	session.Methods, session.AuthTime = methods, b.Now()
	return b.complete(x, session)
}

// complete raises the session to a whole login, and goes on.
func (b *Browser) complete(x *exchange, session people.Session) error {
	session.Pending = false
	if err := b.install(x, session); err != nil {
		return err
	}
	if err := b.remember(x, x.visitor.person); err != nil {
		return err
	}
	x.event.Done = DidSecondFactor
	return x.goTo(b.onward(x))
}

// with adds methods, each once.
func with(methods []people.Method, more ...people.Method) []people.Method {
	all := slices.Clone(methods)
	for _, m := range more {
		if !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	return all
}
