package browser

import (
	"encoding/base64"
	"errors"
	"net/http"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/issuer/ui"
	"github.com/tenon-auth/tenon/store"
)

// formFrame makes the frame of a page whose forms are posted to a path. What they are about goes along in hidden fields, and the
// seal says that all of it is ours: shown to this browser and this person, for this path and this request, not long ago.
func (b *Browser) formFrame(x *exchange, path string, more ...ui.Field) (ui.Frame, error) {
	f := x.frame()
	f.Action, f.Hidden = b.base+path, more
	if x.asked != nil {
		f.Hidden = append(f.Hidden, ui.Field{Name: "client_id", Value: x.asked.Client.ID}, ui.Field{Name: "request_uri", Value: x.asked.URI})
		f.FormTargets = []string{x.asked.Client.RedirectOrigin}
	} else if x.back != "" {
		f.Hidden = append(f.Hidden, ui.Field{Name: "back", Value: x.back})
	}
	var err error
	f.CSRF, err = b.seal(x.formSeal(path, more), b.Now().Add(formLife))
	return f, err
}

// formSeal is what the field "csrf" of a form must be.
func (x *exchange) formSeal(path string, more []ui.Field) seal {
	about := x.back
	if x.asked != nil {
		about = "request " + x.asked.ID
	}
	setting := []string{path, x.visitor.binding(), about}
	for _, f := range more {
		setting = append(setting, f.Name, f.Value)
	}
	return seal{"form", setting}
}

// frame is what each page has, with a form or without.
func (x *exchange) frame() ui.Frame {
	f := ui.Frame{Signed: x.visitor.who()}
	switch {
	case x.asked != nil:
		f.Locales = x.asked.Asked.Locales
	case x.visitor.signedIn() && x.visitor.person.Locale != "":
		f.Locales = []string{x.visitor.person.Locale}
	}
	return f
}

// accept reads a posted form and judges whether it is one that we showed here. If it is not, nothing is done, and the person
// gets the page again that belongs here now: an old tab and the back button lead nowhere bad, and a foreign form nowhere at all.
// Fields named in hidden must be as they were shown.
func (b *Browser) accept(x *exchange, path string, hidden ...string) (good bool, err error) {
	if err := b.guard.Check(x.r); err != nil {
		return false, &answer{status: http.StatusForbidden, refusal: tenon.Refuse(tenon.InvalidRequest, "origin", "this form came from another site")}
	}
	if x.form, err = readForm(x.w, x.r); err != nil {
		return false, err
	}
	if err := b.identify(x); err != nil {
		return false, err
	}
	if id := x.form["client_id"]; id != "" {
		if err := b.open(x, id, x.form["request_uri"], false); err != nil {
			return false, err
		}
	} else if _, ok := ownPage(x.form["back"]); ok {
		x.back = x.form["back"]
	}
	var more []ui.Field
	for _, name := range hidden {
		more = append(more, ui.Field{Name: name, Value: x.form[name]})
	}
	good, err = b.sealed(x.formSeal(path, more), x.form["csrf"])
	if err != nil || good {
		return good, err
	}
	x.event.Code, x.event.Reason = tenon.InvalidRequest, "csrf"
	return false, b.showInstead(x, path)
}

// showInstead shows what belongs here now to a form that was not ours, or not any more. It ends no request: that takes a visit.
func (b *Browser) showInstead(x *exchange, path string) error {
	if x.asked == nil {
		return b.showOwnInstead(x, path)
	}
	now, err := b.situation(x, false)
	if err != nil {
		return err
	}
	if next, refusal := now.next(); refusal != nil || next == stepApprove {
		return x.goTo(b.onward(x))
	}
	return b.proceed(x, showing{status: http.StatusForbidden, fault: ui.FaultExpired})
}

// ceremony makes a passkey ceremony for a page.
func (b *Browser) ceremony(path string, c people.Ceremony) *ui.Ceremony {
	return &ui.Ceremony{Action: b.base + path, Options: c.Options, State: base64.RawURLEncoding.EncodeToString(c.State)}
}

// state reads the state of a ceremony. What is malformed is none, which the directory refuses.
func state(text string) []byte {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil
	}
	return raw
}

// client is whom the request comes from, for pages.
func (x *exchange) client() ui.Client {
	if x.asked == nil {
		return ui.Client{}
	}
	return client(x.asked.Client)
}

func client(c ClientInfo) ui.Client {
	return ui.Client{Name: c.Name, ID: c.ID, Origin: c.RedirectOrigin}
}

// ended makes a refusal of a session that ended while its form was on the way.
func ended(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return tenon.Refuse(tenon.AccessDenied, "session", "the session has ended: start again").Because(err)
	}
	return err
}
