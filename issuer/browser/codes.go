package browser

import (
	"encoding/base64"
	"net/http"

	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/issuer/ui"
)

// What a page for one-time codes carries along, so that a mistyped code does not cost a new key. Nothing of it is stored before
// a code has shown that it arrived, and the seal of the form says that it is what we made.
var enrollment = [...]string{"secret", "url", "png"}

// serveEnroll shows a new key for an authenticator application.
func (b *Browser) serveEnroll(x *exchange) error {
	if good, err := b.enter(x, "codes"); !good || err != nil {
		return err
	}
	factors, err := b.People.Factors(x.r.Context(), x.visitor.session.Subject)
	if err != nil {
		return err
	}
	if factors.TOTP {
		return x.goTo(b.base + "/account") // they are on; another application wants them off first
	}
	key, err := b.People.BeginTOTP(x.r.Context(), x.visitor.session.Subject)
	if err != nil {
		return err
	}
	return b.showEnroll(x, key, ui.EnrollTOTP{}, http.StatusOK)
}

func (b *Browser) showEnroll(x *exchange, key people.Enrollment, page ui.EnrollTOTP, status int) (err error) {
	page.Frame, err = b.formFrame(x, "/account/codes",
		ui.Field{Name: enrollment[0], Value: key.Secret},
		ui.Field{Name: enrollment[1], Value: key.URL},
		ui.Field{Name: enrollment[2], Value: base64.StdEncoding.EncodeToString(key.PNG)})
	if err != nil {
		return err
	}
	page.Secret, page.URL, page.PNG, page.Back = key.Secret, key.URL, key.PNG, b.base+"/account"
	b.render(x, status, page)
	return nil
}

// confirmCodes turns one-time codes on, and shows the recovery codes this once.
func (b *Browser) confirmCodes(x *exchange) error {
	if good, err := b.post(x, "codes", enrollment[:]...); !good || err != nil {
		return err
	}
	recovery, err := b.People.ConfirmTOTP(x.r.Context(), x.visitor.session.Subject, x.form["secret"], x.form["code"])
	if err != nil {
		fault, status, err := x.excuse(err)
		if err != nil {
			return err
		}
		picture, err := base64.StdEncoding.DecodeString(x.form["png"])
		if err != nil {
			return err
		}
		key := people.Enrollment{Secret: x.form["secret"], URL: x.form["url"], PNG: picture}
		return b.showEnroll(x, key, ui.EnrollTOTP{Fault: fault.Fault, Wait: fault.Wait}, status)
	}
	return b.showRecovery(x, DidCodesOn, ui.RecoveryCodes{Codes: recovery})
}

func (b *Browser) showRecovery(x *exchange, done string, page ui.RecoveryCodes) error {
	x.event.Done = done
	page.Frame, page.Back = x.frame(), b.base+"/account"
	b.render(x, http.StatusOK, page)
	return nil
}

// newRecoveryCodes makes the recovery codes anew. The earlier ones work no more.
func (b *Browser) newRecoveryCodes(x *exchange) error {
	codes, err := b.People.NewRecoveryCodes(x.r.Context(), x.visitor.session.Subject)
	if err != nil {
		return ended(err)
	}
	return b.showRecovery(x, DidNewRecovery, ui.RecoveryCodes{Codes: codes, Renewed: true})
}

// removeCodes turns one-time codes off.
func (b *Browser) removeCodes(x *exchange) error {
	if err := gone(b.People.RemoveTOTP(x.r.Context(), x.visitor.session.Subject)); err != nil {
		return err
	}
	return b.did(x, DidCodesOff, ui.NoticeCodesOff)
}
