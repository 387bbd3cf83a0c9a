package browser

import (
	"errors"
	"net/http"

	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/issuer/ui"
)

// minPassword is told beside the field. The directory decides.
const minPassword = 12

// enter admits to a page that changes what the person signs in with.
func (b *Browser) enter(x *exchange, page string) (good bool, err error) {
	if err := b.identify(x); err != nil {
		return false, err
	}
	x.back = page
	return b.admit(x, true)
}

// post is enter for a form of such a page.
func (b *Browser) post(x *exchange, page string, hidden ...string) (good bool, err error) {
	path, _ := ownPage(page)
	if good, err := b.accept(x, path, hidden...); !good || err != nil {
		return good, err
	}
	return b.admit(x, true)
}

// serveChangePassword shows the page for a new password.
func (b *Browser) serveChangePassword(x *exchange) error {
	if good, err := b.enter(x, "password"); !good || err != nil {
		return err
	}
	return b.showPassword(x, ui.ChangePassword{}, http.StatusOK)
}

func (b *Browser) showPassword(x *exchange, page ui.ChangePassword, status int) error {
	factors, err := b.People.Factors(x.r.Context(), x.visitor.session.Subject)
	if err != nil {
		return err
	}
	if page.Frame, err = b.formFrame(x, "/account/password"); err != nil {
		return err
	}
	page.HasPassword, page.Minimum, page.Back = factors.Password, minPassword, b.base+"/account"
	b.render(x, status, page)
	return nil
}

// changePassword sets a new password. All other sessions end: somebody may know the old one.
func (b *Browser) changePassword(x *exchange) error {
	if good, err := b.post(x, "password"); !good || err != nil {
		return err
	}
	if err := b.checkPresent(x); err != nil {
		fault, status, err := x.excuse(err)
		if err != nil {
			return err
		}
		return b.showPassword(x, ui.ChangePassword{Fault: fault.Fault, Wait: fault.Wait}, status)
	}
	if x.form["password"] != x.form["repeat"] {
		return b.showPassword(x, ui.ChangePassword{Fault: ui.FaultDiffers}, statusWrong)
	}
	err := b.People.SetPassword(x.r.Context(), x.visitor.session.Subject, x.form["password"])
	if weak, ok := errors.AsType[*people.Weak](err); ok {
		x.event.Reason = weak.Reason
		return b.showPassword(x, ui.ChangePassword{Fault: weakness(weak.Reason)}, statusWrong)
	}
	if err != nil {
		return err
	}
	if err := b.restart(x); err != nil {
		return err
	}
	return b.did(x, DidChangePassword, ui.NoticePassword)
}

// checkPresent checks the present password of whoever has one.
func (b *Browser) checkPresent(x *exchange) error {
	factors, err := b.People.Factors(x.r.Context(), x.visitor.session.Subject)
	if err != nil || !factors.Password {
		return err
	}
	_, err = b.People.CheckPassword(x.r.Context(), people.Attempt{
		Username: x.visitor.person.Username, Password: x.form["current"],
		Address: b.Address(x.r), Device: cookie(x.r, deviceCookie),
	})
	return err
}

// weakness is what the reason of a refused password is told as.
func weakness(reason string) ui.Fault {
	switch reason {
	case "short":
		return ui.FaultShort
	case "long":
		return ui.FaultLong
	case "username", "simple", "common":
		return ui.FaultCommon
	}
	return ui.FaultOther
}
