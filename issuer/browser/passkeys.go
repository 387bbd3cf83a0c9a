package browser

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/issuer/ui"
)

// addPasskey keeps a passkey that the browser has just made, and asks for a name.
func (b *Browser) addPasskey(x *exchange) error {
	if good, err := b.accept(x, "/account"); !good || err != nil {
		return err
	}
	if good, err := b.admit(x, true); !good || err != nil {
		return err
	}
	p, err := b.People.FinishPasskey(x.r.Context(), x.visitor.session.Subject, state(x.form["state"]), []byte(x.form["response"]), "")
	if err != nil {
		_, status, err := x.excuse(err)
		if err != nil {
			return err
		}
		return b.showAccount(x, ui.Account{Fault: ui.FaultPasskey}, status)
	}
	x.event.Done = DidAddPasskey
	setCookie(x.w, noticeCookie, string(ui.NoticePasskeyAdded), 0)
	return x.goTo(b.naming(p.ID))
}

func (b *Browser) naming(id string) string {
	return b.base + "/account/passkeys?" + url.Values{"id": {id}}.Encode()
}

// startRename leads to the page for a name.
func (b *Browser) startRename(x *exchange) error { return x.goTo(b.naming(x.form["id"])) }

// serveNaming asks for a passkey's name. Without one to name it only asks for a fresh login, for a page that wants to make one.
func (b *Browser) serveNaming(x *exchange) error {
	id := x.r.URL.Query().Get("id")
	if id == "" {
		if good, err := b.enter(x, "passkeys"); !good || err != nil {
			return err
		}
		return x.goTo(b.base + "/account")
	}
	if err := b.identify(x); err != nil {
		return err
	}
	if good, err := b.admit(x, false); !good || err != nil {
		return err
	}
	return b.showNaming(x, id, ui.NamePasskey{New: takeNotice(x) == ui.NoticePasskeyAdded}, http.StatusOK)
}

func (b *Browser) showNaming(x *exchange, id string, page ui.NamePasskey, status int) error {
	factors, err := b.People.Factors(x.r.Context(), x.visitor.session.Subject)
	if err != nil {
		return err
	}
	for _, p := range factors.Passkeys {
		if p.ID != id {
			continue
		}
		if page.Frame, err = b.formFrame(x, "/account/passkeys", ui.Field{Name: "id", Value: id}); err != nil {
			return err
		}
		page.Current, page.Back = p.Name, b.base+"/account"
		b.render(x, status, page)
		return nil
	}
	return x.goTo(b.base + "/account") // it was removed, or was never theirs
}

// namePasskey gives a passkey a name.
func (b *Browser) namePasskey(x *exchange) error {
	if good, err := b.accept(x, "/account/passkeys", "id"); !good || err != nil {
		return err
	}
	if good, err := b.admit(x, false); !good || err != nil {
		return err
	}
	err := b.People.RenamePasskey(x.r.Context(), x.visitor.session.Subject, x.form["id"], x.form["name"])
	if errors.Is(err, people.ErrInvalid) {
		return b.showNaming(x, x.form["id"], ui.NamePasskey{Fault: ui.FaultOther}, statusWrong)
	}
	if err := gone(err); err != nil {
		return err
	}
	return b.did(x, DidRenamePasskey, ui.NoticePasskeyRenamed)
}

// removePasskey removes a passkey.
func (b *Browser) removePasskey(x *exchange) error {
	if err := gone(b.People.RemovePasskey(x.r.Context(), x.visitor.session.Subject, x.form["id"])); err != nil {
		return err
	}
	return b.did(x, DidRemovePasskey, ui.NoticePasskeyRemoved)
}
