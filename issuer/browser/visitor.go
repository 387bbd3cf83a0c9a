package browser

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"

	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/issuer/ui"
	"github.com/tenon-auth/tenon/store"
)

// An exchange is one request of a browser and the answer to it, with what has been found out about it on the way.
type exchange struct {
	w       http.ResponseWriter
	r       *http.Request
	event   *Event
	visitor visitor
	form    form     // of a POST
	asked   *Request // the client's request that this is about; nil on the person's own page
	back    string   // on the person's own page: the page that a login leads back to, see ownPage
}

// A visitor is a browser, and the person who is signed in there, if anybody is.
type visitor struct {
	visit   string          // the visit cookie
	secret  string          // the session cookie; "" without a session
	session *people.Session // nil without
	person  people.Person
}

// identify finds out who it is. A session that has ended is none, and those of a person who
// was removed or disabled have. Nothing is written
// for a visitor without a session but a random cookie.
func (b *Browser) identify(x *exchange) error {
	x.visitor = visitor{visit: cookie(x.r, visitCookie)}
	if len(x.visitor.visit) != randomLength {
		x.newVisit()
	}
	secret := cookie(x.r, sessionCookie)
	if secret == "" {
		return nil
	}
	session, err := b.Sessions.Get(x.r.Context(), secret)
	var person people.Person
	if err == nil {
		person, err = b.People.Get(x.r.Context(), session.Subject)
	}
	if errors.Is(err, store.ErrNotFound) {
		setCookie(x.w, sessionCookie, "", 0)
		return nil
	}
	if err != nil {
		return err
	}
	x.visitor.secret, x.visitor.session, x.visitor.person = secret, &session, person
	x.event.Subject = person.Subject
	return nil
}

// randomLength is the length of a visit cookie.
const randomLength = 43

// newVisit gives the browser a new name, at first and whenever who is signed in changes.
func (x *exchange) newVisit() {
	raw := make([]byte, 32)
	rand.Read(raw) // never fails
	x.visitor.visit = base64.RawURLEncoding.EncodeToString(raw)
	setCookie(x.w, visitCookie, x.visitor.visit, 0)
}

// binding is what a form is bound to: the session, or the browser as long as nobody is signed in. So a form from before a
// login is of no use after it, and that of one person none for another.
func (v visitor) binding() string {
	if v.session != nil {
		return "session " + v.secret
	}
	return "visit " + v.visit
}

// signedIn reports whether a whole login stands behind the session.
func (v visitor) signedIn() bool { return v.session != nil && !v.session.Pending }

// who is what pages tell of the person. A password alone is not enough to be told a name.
func (v visitor) who() *ui.Who {
	if !v.signedIn() {
		return nil
	}
	return &ui.Who{Name: v.person.Name, Username: v.person.Username}
}
