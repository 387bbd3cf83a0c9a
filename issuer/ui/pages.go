package ui

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/text/language"
)

// Config says whose pages these are.
type Config struct {
	Name string         // of the operator, shown on each page; required
	Base string         // path prefix of the issuer, such as "" or "/t1"; no slash at the end
	Zone *time.Location // in which times are told; nil means UTC. The pages name the zone beside each time of day
}

// Pages renders the pages a person sees. It holds no state of any person and may be used by many requests at once.
type Pages struct {
	config  Config
	assets  assets
	locales []*locale // as many as there are catalogues; the first one is for whoever asks for none of them
	matcher language.Matcher
}

// New checks the configuration and reads the templates, catalogues and files that are embedded in the program.
func New(c Config) (*Pages, error) {
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	p := &Pages{config: c, matcher: language.NewMatcher([]language.Tag{language.English, language.German})}
	var assetsErr, englishErr, germanErr error
	var english, german *locale
	p.assets, assetsErr = readAssets()
	english, englishErr = readLocale("en", c.Zone)
	german, germanErr = readLocale("de", c.Zone)
	p.locales = []*locale{english, german} // in the order of the matcher
	if err := errors.Join(checkConfig(c), assetsErr, englishErr, germanErr); err != nil {
		return nil, err
	}
	return p, nil
}

func checkConfig(c Config) error {
	var faults []error
	if strings.TrimSpace(c.Name) == "" {
		faults = append(faults, errors.New("ui: Name is empty; give the name that people know the operator by"))
	}
	if u, err := url.Parse(c.Base); c.Base != "" && (err != nil || u.Path != c.Base || c.Base[0] != '/' || strings.HasSuffix(c.Base, "/")) {
		faults = append(faults, fmt.Errorf("ui: Base %q is not a plain path such as /t1, without a slash at the end", c.Base))
	}
	return errors.Join(faults...)
}

// A Page is one of the structs of this package: Login, SecondFactor, ChooseAccount, Consent, Account, ChangePassword,
// EnrollTOTP, RecoveryCodes, NamePasskey, Error, Done.
type Page interface {
	frame() Frame
	name() string // of its template, and prefix of its words
}

// A Frame is what every page has in common. The zero value is a page without form, in the language the browser asks for.
type Frame struct {
	Action      string   // path on this host that the page's forms are posted to, prefix included
	CSRF        string   // goes back as the field "csrf" of each form
	Hidden      []Field  // go back with each form, unchanged
	FormTargets []string // origins a post may be redirected to beside our own, such as https://shop.example: Chromium holds redirects to form-action as well
	Locales     []string // BCP 47 tags in order of preference (ui_locales); they come before what the browser asks for
	Signed      *Who     // who is signed in, or nil
}

func (f Frame) frame() Frame { return f }

// A Field is a hidden field of a form.
type Field struct{ Name, Value string }

// Who is a person as the pages show them.
type Who struct {
	Name     string // may be empty
	Username string
}

// Client is the application that sent the person here.
type Client struct {
	Name   string // as registered; may be empty, then ID is shown
	ID     string
	Origin string // where the person is sent back to, such as https://shop.example
}

// A Ceremony is a passkey ceremony that a button starts. The button is there with a script only; the browser's answer is
// posted to Action as the field "response" (the JSON of the credential), with "state", "csrf" and the frame's hidden fields.
type Ceremony struct {
	Action  string // path the answer is posted to, prefix included
	Options []byte // JSON for navigator.credentials: the options, bare or inside "publicKey"
	State   string // goes back as the field "state"
}

// A Fault is why a form is shown again. It is shown above the form and read out at once.
type Fault string

// The faults that the pages have words for. An unknown one is told as FaultOther.
const (
	NoFault        Fault = ""
	FaultWrong     Fault = "wrong"     // user name or password, or the code, is not right; the same words whatever was wrong
	FaultThrottled Fault = "throttled" // too many attempts; Wait says how long
	FaultExpired   Fault = "expired"   // the form was open for too long, or came from another browser
	FaultPasskey   Fault = "passkey"   // the passkey did not work, or the ceremony was broken off
	FaultShort     Fault = "short"     // new password: too short
	FaultCommon    Fault = "common"    // new password: among the commonest, or made from the user name
	FaultLong      Fault = "long"      // new password: too long
	FaultDiffers   Fault = "differs"   // new password: the repetition is not the same
	FaultAgain     Fault = "again"     // code: was used already; wait for the next one
	FaultOther     Fault = "other"     // it did not work, and there is nothing more to say
)

// Render writes a page with its headers. The page is rendered whole before anything is written, so that a fault of ours
// is an answer 500 and never half a page.
func (p *Pages) Render(w http.ResponseWriter, r *http.Request, status int, page Page) {
	p.render(w, r, status, page)
}

// Language says in which language Render would show a page with these locales: "en" or "de". Whoever makes words for a page
// (the lines of a consent) asks first.
func (p *Pages) Language(r *http.Request, locales []string) string {
	return p.choose(r, locales).tag
}

// Static serves the style sheet, the script and the icons below Base + "/ui/". Their names hold a hash of their content.
func (p *Pages) Static() http.Handler { return http.HandlerFunc(p.serveAsset) }
