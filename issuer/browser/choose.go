package browser

import (
	"net/http"

	"github.com/tenon-auth/tenon/issuer/ui"
)

// showChoose asks whether the account that is signed in is the one to go on with (OpenID Connect Core §3.1.2.1, prompt
// select_account).
func (b *Browser) showChoose(x *exchange, status int) error {
	frame, err := b.formFrame(x, "/login/choose")
	if err != nil {
		return err
	}
	b.render(x, status, ui.ChooseAccount{Frame: frame, Client: x.client(), Since: x.visitor.session.AuthTime, MayCancel: true})
	return nil
}

// serveChoice takes the answer. What comes next is the answer to this form, since a choice is written down nowhere.
func (b *Browser) serveChoice(x *exchange) error {
	if good, err := b.accept(x, "/login/choose"); !good || err != nil {
		return err
	}
	if x.asked == nil || !x.visitor.signedIn() {
		return x.goTo(b.onward(x))
	}
	switch x.form["do"] {
	case "continue":
		return b.proceed(x, showing{status: http.StatusOK, chosen: true})
	case "other":
		return b.showOther(x)
	case "cancel":
		return b.cancel(x)
	}
	return malformed("the form says neither continue, other nor cancel")
}

// showOther asks for another person's login. Whoever is signed in stays so until it succeeds.
func (b *Browser) showOther(x *exchange) error {
	frame, err := b.formFrame(x, "/login")
	if err != nil {
		return err
	}
	frame.Signed = nil
	passkey, err := b.passkeyLogin(x, "/login/passkey")
	if err != nil {
		return err
	}
	b.render(x, http.StatusOK, ui.Login{Frame: frame, Client: x.client(), Passkey: passkey, MayCancel: true})
	return nil
}
