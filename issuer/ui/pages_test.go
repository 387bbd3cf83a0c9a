package ui_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/issuer/ui"
	"github.com/tenon-auth/tenon/issuer/ui/testdata/samples"
)

// What tests, password managers and people's habits hold on to.
func TestControlsOfEachPage(t *testing.T) {
	tests := map[string][]string{ // sample -> id, name=value, autocomplete
		"login":            {"username username= username webauthn", "password password= current-password", "login do=login ", "passkey = "},
		"login-own":        {"username username= username", "password password= current-password", "login do=login "},
		"login-again":      {"username username=ada username webauthn", "password password= current-password", "login do=login ", "passkey = "},
		"second":           {"code code= one-time-code", "login do=login ", "passkey = ", "recovery code= off"},
		"second-passkey":   {"passkey = "},
		"choose":           {"continue do=continue ", "other do=other "},
		"consent-pay":      {"approve do=approve ", "deny do=deny "},
		"consent-scopes":   {"approve do=approve ", "deny do=deny "},
		"account":          {"logout do=logout ", "passkey = "},
		"enroll":           {"code code= one-time-code", "confirm do=confirm "},
		"password":         {"current current= current-password", "password password= new-password", "repeat repeat= new-password", "change do=change "},
		"password-new":     {"password password= new-password", "repeat repeat= new-password", "change do=change "},
		"name":             {"name name=Passkey of 22 November off", "save do=name "},
		"error":            nil,
		"done":             nil,
		"recovery":         nil,
		"password-differs": {"current current= current-password", "password password= new-password", "repeat repeat= new-password", "change do=change "},
	}
	pages, all := newPages(t, ui.Config{}), samples.Pages()
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, e := range look(t, pages, all[name], "en").tags("input", "button") {
				if e.attr["id"] != "" {
					got = append(got, fmt.Sprintf("%s %s=%s %s", e.attr["id"], e.attr["name"], e.attr["value"], e.attr["autocomplete"]))
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A browser that posts by the Enter key uses the first button of the form.
func TestEnterSignsInAndNeverCancels(t *testing.T) {
	pages, all := newPages(t, ui.Config{}), samples.Pages()
	for _, name := range []string{"login", "second", "consent-pay", "choose"} {
		first := look(t, pages, all[name], "en").tags("main")[0].tags("button")[0]
		if do := first.attr["value"]; do == "cancel" || do == "deny" {
			t.Errorf("%s: the first button is %q", name, do)
		}
	}
}

func TestPasskeyIsOfferedByTheScriptOnly(t *testing.T) {
	pages, all := newPages(t, ui.Config{}), samples.Pages()
	for name, verb := range map[string]string{"login": "get", "second": "get", "account": "create"} {
		form := look(t, pages, all[name], "en").id("passkey").parent
		if !hasAttr(form, "hidden") || form.attr["data-passkey"] != verb || !strings.Contains(form.attr["data-options"], `"challenge":"AAECAwQFBgcICQoLDA0ODw"`) {
			t.Errorf("%s: %v", name, form.attr)
		}
	}
	for _, name := range []string{"login-own", "consent-pay", "error", "password"} {
		if found := look(t, pages, all[name], "en").tags("script"); len(found) > 0 {
			t.Errorf("%s loads a script and has no use for it", name)
		}
	}
}

func TestCancelIsOfferedWhenThereIsAWayBack(t *testing.T) {
	pages := newPages(t, ui.Config{})
	for _, may := range []bool{true, false} {
		for _, page := range []ui.Page{
			ui.Login{Client: ui.Client{ID: "c"}, MayCancel: may},
			ui.SecondFactor{Client: ui.Client{ID: "c"}, MayCancel: may},
			ui.ChooseAccount{Client: ui.Client{ID: "c"}, MayCancel: may},
		} {
			cancel := look(t, pages, page, "en").all(func(e *element) bool { return e.attr["value"] == "cancel" })
			if len(cancel) == 1 != may || may && (cancel[0].attr["name"] != "do" || !hasAttr(cancel[0], "formnovalidate")) {
				t.Errorf("%T, MayCancel %t: %d ways to cancel", page, may, len(cancel))
			}
		}
	}
}

// OpenID Connect Core §3.1.2.6 and the issue's own words: code, plain words and a reference, in an element with id "error".
func TestErrorPage(t *testing.T) {
	pages := newPages(t, ui.Config{})
	e := look(t, pages, samples.Pages()["error"], "en").id("error")
	for _, want := range []string{"invalid_request_uri", "This link is not valid any more", "7QK2-9FXM", "22 November 2026, 14:05 UTC", "push the request again"} {
		if !strings.Contains(e.words(), want) {
			t.Errorf("no %q in %q", want, e.words())
		}
	}
	unknown := look(t, pages, ui.Error{Code: "something_new"}, "de").id("error").words()
	if !strings.Contains(unknown, "something_new") || !strings.Contains(unknown, "Das hat nicht funktioniert") {
		t.Error(unknown)
	}
}

func TestStatusIsTheCallers(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusBadRequest, http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		w := httptest.NewRecorder()
		newPages(t, ui.Config{}).Render(w, httptest.NewRequest(http.MethodPost, "/login", nil), status, ui.Error{Code: "invalid_request"})
		if w.Code != status || w.Body.Len() == 0 {
			t.Errorf("asked for %d, got %d with %d bytes", status, w.Code, w.Body.Len())
		}
	}
}

func TestAccountForms(t *testing.T) {
	doc := look(t, newPages(t, ui.Config{}), samples.Pages()["account"], "en")
	got := map[string]int{}
	for _, form := range doc.tags("form") {
		id := ""
		for _, input := range form.tags("input") {
			if input.attr["name"] == "id" {
				id = input.attr["value"]
			}
		}
		for _, b := range form.tags("button") {
			if b.attr["name"] == "do" {
				got[strings.TrimSpace(b.attr["value"]+" "+id)]++
			}
		}
	}
	want := map[string]int{
		"logout": 1, "rename-passkey p1": 1, "remove-passkey p1": 1, "rename-passkey p2": 1, "remove-passkey p2": 1, "remove-codes": 1,
		"new-recovery-codes": 1, "end-session s2": 1, "end-other-sessions": 1, "end-grant g1": 1, "end-grant g2": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for id, href := range map[string]string{"change-password": "/account/password"} {
		if got := doc.id(id).attr["href"]; got != href {
			t.Errorf("%s leads to %q", id, got)
		}
	}
}

// What cannot be undone is asked once more: the button that does it stands behind a question.
func TestWhatEndsSomethingAsksFirst(t *testing.T) {
	doc := look(t, newPages(t, ui.Config{}), samples.Pages()["account"], "en")
	for _, b := range doc.tags("button") {
		do := b.attr["value"]
		if (strings.HasPrefix(do, "remove-") || strings.HasPrefix(do, "end-") || do == "new-recovery-codes") && !b.within("details") {
			t.Errorf("%s asks nothing", do)
		}
	}
}

func TestEnrollShowsPictureKeyAndLink(t *testing.T) {
	pages := newPages(t, ui.Config{})
	doc := look(t, pages, ui.EnrollTOTP{PNG: []byte("png"), Secret: "JBSWY3DPEHPK3PXP", URL: "otpauth://totp/B:ada?secret=J&issuer=B"}, "en")
	if src := doc.class("qr")[0].attr["src"]; src != "data:image/png;base64,cG5n" {
		t.Errorf("src %q", src)
	}
	if key := doc.id("secret").words(); key != "JBSW Y3DP EHPK 3PXP" {
		t.Errorf("key %q", key)
	}
	if links := doc.tags("main")[0].tags("a"); len(links) != 1 || links[0].attr["href"] != "otpauth://totp/B:ada?secret=J&issuer=B" {
		t.Errorf("links %v", links)
	}
	for _, hostile := range []string{"javascript:alert(1)", "https://evil.example/", "otpauth://hotp/x", "intent://totp/x", "%zz"} {
		if links := look(t, pages, ui.EnrollTOTP{URL: hostile}, "en").tags("main")[0].tags("a"); len(links) != 0 {
			t.Errorf("%s became a link to %q", hostile, links[0].attr["href"])
		}
	}
}

func TestNewSaysWhatIsWrong(t *testing.T) {
	for _, c := range []ui.Config{{}, {Name: " "}, {Name: "B", Base: "t1"}, {Name: "B", Base: "/"}, {Name: "B", Base: "/t1/"}, {Name: "B", Base: "/a?b"}, {Name: "B", Base: "https://x/"}} {
		if p, err := ui.New(c); err == nil || p != nil {
			t.Errorf("%+v was taken", c)
		}
	}
	_, err := ui.New(ui.Config{Base: "t1"})
	if err == nil || !strings.Contains(err.Error(), "Name") || !strings.Contains(err.Error(), "Base") {
		t.Errorf("not all faults at once: %v", err)
	}
}
