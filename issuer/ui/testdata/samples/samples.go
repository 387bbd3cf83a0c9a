// Package samples has each page of issuer/ui in each state that looks different, for its tests and for the preview.
package samples

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"time"

	"github.com/tenon-auth/tenon/issuer/ui"
)

// Operator is whose pages they are.
const Operator = "Harbour Bank"

// Now is the time on the pages.
var now = time.Date(2026, time.November, 22, 14, 5, 0, 0, time.UTC)

// Pages gives the samples by name. They are made anew, so that a test may change its own.
func Pages() map[string]ui.Page {
	all := map[string]ui.Page{}
	for _, part := range []map[string]ui.Page{signIn(), consents(), own(), enrolling(), endings()} {
		for name, page := range part {
			all[name] = page
		}
	}
	return all
}

func frame(action string) ui.Frame {
	return ui.Frame{Action: action, CSRF: "csrf-value", Hidden: []ui.Field{{Name: "request", Value: "hidden-value"}}}
}

func signed(f ui.Frame) ui.Frame {
	f.Signed = &ui.Who{Name: "Ada Lovelace", Username: "ada"}
	return f
}

var shop = ui.Client{Name: "Blue Kettle Tea", ID: "blue-kettle", Origin: "https://tea.example"}

func passkey(action string) *ui.Ceremony {
	return &ui.Ceremony{Action: action, State: "ceremony-state", Options: []byte(`{"publicKey":{"challenge":"AAECAwQFBgcICQoLDA0ODw","rpId":"localhost","userVerification":"required","timeout":300000}}`)}
}

func signIn() map[string]ui.Page {
	return map[string]ui.Page{
		"login":           ui.Login{Frame: frame("/login"), Client: shop, Passkey: passkey("/login/passkey"), MayCancel: true},
		"login-own":       ui.Login{Frame: frame("/login")},
		"login-wrong":     ui.Login{Frame: frame("/login"), Client: shop, Username: "ada", Fault: ui.FaultWrong, Passkey: passkey("/login/passkey"), MayCancel: true},
		"login-throttled": ui.Login{Frame: frame("/login"), Client: shop, Username: "ada", Fault: ui.FaultThrottled, Wait: 95 * time.Second},
		"login-again":     ui.Login{Frame: signed(frame("/login")), Client: shop, Username: "ada", Again: true, Passkey: passkey("/login/passkey"), MayCancel: true},
		"second":          ui.SecondFactor{Frame: frame("/login/code"), Client: shop, Codes: true, Recovery: true, Passkey: passkey("/login/passkey"), MayCancel: true},
		"second-wrong":    ui.SecondFactor{Frame: signed(frame("/login/code")), Client: shop, Codes: true, Recovery: true, Fault: ui.FaultWrong},
		"second-passkey":  ui.SecondFactor{Frame: signed(frame("/login/code")), Client: shop, Passkey: passkey("/login/passkey"), MayCancel: true},
		"choose":          ui.ChooseAccount{Frame: signed(frame("/choose")), Client: shop, Since: now, MayCancel: true},
	}
}

func payment() ui.Detail {
	return ui.Detail{
		Title:    "Make a payment",
		Amount:   &ui.Money{Amount: "1234.50", Currency: "EUR"},
		Creditor: "Blue Kettle Tea Trading",
		Lines: []ui.Line{
			{Label: "To account", Value: "DE89370400440532013000", Kind: ui.IBAN},
			{Label: "From account", Value: "DE02120300000000202051", Kind: ui.IBAN},
			{Label: "Reference", Value: "Order 2026-11-4711"},
			{Label: "Latest on", Value: "2026-11-30", Kind: ui.Date},
		},
	}
}

func accounts() ui.Detail {
	return ui.Detail{
		Title: "See your accounts",
		Lines: []ui.Line{
			{Label: "May", Value: "list accounts, read balances"},
			{Label: "Account", Value: "DE02120300000000202051", Kind: ui.IBAN},
			{Label: "Until", Value: "2027-02-20T00:00:00Z", Kind: ui.Date},
			{Label: "Highest single sum", Value: "CHF 20000", Kind: ui.Sum},
			{Label: "Mandate", Value: "mnd-0042", Kind: ui.Code},
		},
	}
}

// Hostile is text that would do harm if it were believed.
const Hostile = "</bdi></p><script>alert(1)</script>\"' onload=x \u202Egpj.exe\u2066\u200B\u0007"

func consents() map[string]ui.Page {
	f := signed(frame("/consent"))
	f.FormTargets = []string{"https://tea.example"}
	scopes := []ui.Scope{{Name: "openid"}, {Name: "profile"}, {Name: "email"}, {Name: "orders", Title: "see your orders"}, {Name: "stock.read"}, {Name: "offline_access"}}
	hostile := ui.Client{Name: Hostile, ID: Hostile, Origin: Hostile}
	hostileFrame := f
	hostileFrame.Signed = &ui.Who{Name: Hostile, Username: Hostile}
	return map[string]ui.Page{
		"consent-pay":    ui.Consent{Frame: f, Client: shop, Details: []ui.Detail{payment()}},
		"consent-scopes": ui.Consent{Frame: f, Client: shop, Scopes: scopes, Claims: []string{"birthdate", "x_tier"}, Lasts: 90 * 24 * time.Hour, Known: true},
		"consent-both":   ui.Consent{Frame: f, Client: ui.Client{ID: "s6BhdRkqt3"}, Scopes: scopes[:3], Details: []ui.Detail{accounts(), payment()}, Lasts: 24 * time.Hour},
		"consent-hostile": ui.Consent{Frame: hostileFrame, Client: hostile, Scopes: []ui.Scope{{Name: Hostile}, {Name: "t", Title: Hostile}}, Claims: []string{Hostile},
			Details: []ui.Detail{{Title: Hostile, Amount: &ui.Money{Amount: Hostile, Currency: Hostile}, Creditor: Hostile, Lines: []ui.Line{{Label: Hostile, Value: Hostile, Kind: ui.IBAN}, {Label: Hostile, Value: Hostile}}}}},
	}
}

func own() map[string]ui.Page {
	f := signed(frame("/account"))
	firefox := "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
	phone := "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	return map[string]ui.Page{
		"account": ui.Account{
			Frame: f, Notice: ui.NoticePasskeyAdded, Email: "ada@example.org",
			Factors: ui.Factors{Password: true, TOTP: true, RecoveryCodes: 7, Add: passkey("/account/passkey"), Passkeys: []ui.Passkey{
				{ID: "p1", Name: "Phone", Created: ago(400 * time.Hour), LastUsed: ago(time.Hour), Synced: true},
				{ID: "p2", Name: "Security key on the key ring", Created: ago(9000 * time.Hour)},
			}},
			Sessions: []ui.Session{
				{ID: "s1", Agent: firefox, Address: "192.0.2.17", Started: ago(time.Hour), Seen: now, Current: true},
				{ID: "s2", Agent: phone, Address: "2001:db8:85a3::8a2e:370:7334", Started: ago(70 * time.Hour), Seen: ago(6 * time.Hour)},
			},
			Grants: []ui.Grant{
				{ID: "g1", Client: shop, Details: []ui.Detail{payment()}, Created: ago(time.Hour)},
				{ID: "g2", Client: ui.Client{Name: "Household Ledger", ID: "ledger"}, Scopes: []ui.Scope{{Name: "openid"}, {Name: "profile"}, {Name: "offline_access"}}, Details: []ui.Detail{accounts()}, Created: ago(2000 * time.Hour), Used: ago(30 * time.Hour), Expires: now.Add(2000 * time.Hour)},
			},
		},
		"account-new": ui.Account{Frame: f, Fault: ui.FaultPasskey, Factors: ui.Factors{Password: true, Add: passkey("/account/passkey")}, Sessions: []ui.Session{{ID: "s1", Started: now, Seen: now, Current: true}}},
	}
}

func enrolling() map[string]ui.Page {
	f := signed(frame("/account/x"))
	return map[string]ui.Page{
		"enroll":           ui.EnrollTOTP{Frame: f, PNG: square(), Secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", URL: "otpauth://totp/Harbour%20Bank:ada?secret=JBSWY3DPEHPK3PXP", Back: "/account"},
		"enroll-wrong":     ui.EnrollTOTP{Frame: f, PNG: square(), Secret: "JBSWY3DPEHPK3PXP", URL: "javascript:alert(1)", Back: "/account", Fault: ui.FaultWrong},
		"recovery":         ui.RecoveryCodes{Frame: f, Codes: []string{"k7fj-2mqx", "p0ws-9cte", "b4nd-hh3z", "v8ry-1kka", "m2gt-x6fe", "d5qu-ss0w", "j9ep-4bhc", "t3zn-r7vy", "f6ca-w8md", "q1xk-5gjs"}, Renewed: true, Back: "/account"},
		"password":         ui.ChangePassword{Frame: f, HasPassword: true, Minimum: 12, Back: "/account"},
		"password-differs": ui.ChangePassword{Frame: f, HasPassword: true, Minimum: 12, Back: "/account", Fault: ui.FaultDiffers},
		"password-new":     ui.ChangePassword{Frame: f, Minimum: 12, Back: "/account", Fault: ui.FaultCommon},
		"name":             ui.NamePasskey{Frame: f, Current: "Passkey of 22 November", New: true, Back: "/account"},
		"name-rename":      ui.NamePasskey{Frame: f, Current: "Phone", Back: "/account", Fault: ui.FaultOther},
	}
}

func endings() map[string]ui.Page {
	return map[string]ui.Page{
		"error":            ui.Error{Code: "invalid_request_uri", Reference: "7QK2-9FXM", Time: now, Detail: "request_uri was used at 2026-11-22T14:04:11Z; push the request again"},
		"error-unknown":    ui.Error{Code: "something_new", Reference: "7QK2-9FXM", Client: shop, Back: "/account"},
		"error-hostile":    ui.Error{Code: Hostile, Reference: Hostile, Detail: Hostile, Client: ui.Client{ID: Hostile}, Back: "javascript:alert(1)"},
		"done":             ui.Done{What: ui.SignedOut, Back: "/account"},
		"done-client":      ui.Done{What: ui.Approved, Client: shop},
		"done-unspecified": ui.Done{},
	}
}

// square is a picture of the kind a QR code is.
func square() []byte {
	const modules, size = 25, 8
	img := image.NewGray(image.Rect(0, 0, modules*size, modules*size))
	for y := range modules * size {
		for x := range modules * size {
			mx, my := x/size, y/size
			if (mx*mx*3+my*7+mx*my*5)%11 > 5 {
				img.SetGray(x, y, color.Gray{Y: 255})
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err) // a buffer takes everything
	}
	return b.Bytes()
}
