package ui_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/issuer/ui"
)

func TestMoneyInTheLanguage(t *testing.T) {
	tests := []struct{ amount, currency, en, de string }{
		{"1234.50", "EUR", "€1,234.50", "1.234,50\u00A0€"},
		{"0.01", "GBP", "£0.01", "0,01\u00A0£"},
		{"20000", "CHF", "CHF\u00A020,000", "20.000\u00A0CHF"},
		{"999", "USD", "USD\u00A0999", "999\u00A0USD"}, // a dollar sign stands for twenty currencies
		{"1000", "JPY", "JPY\u00A01,000", "1.000\u00A0JPY"},
		{"12345678901234567890.123", "KWD", "KWD\u00A012,345,678,901,234,567,890.123", "12.345.678.901.234.567.890,123\u00A0KWD"}, // exact beyond any float
		{"007.10", "EUR", "€7.10", "7,10\u00A0€"},
		{"-5.00", "EUR", "€-5.00", "-5,00\u00A0€"},
		{"1,5", "EUR", "1,5\u00A0EUR", "1,5\u00A0EUR"}, // not an amount: shown as it came, never guessed at
		{"1e9", "EUR", "1e9\u00A0EUR", "1e9\u00A0EUR"},
		{"", "", "", ""},
	}
	pages := newPages(t, ui.Config{})
	for _, tt := range tests {
		page := ui.Consent{Client: ui.Client{ID: "c"}, Details: []ui.Detail{{Title: "t", Amount: &ui.Money{Amount: tt.amount, Currency: tt.currency}}}}
		for language, want := range map[string]string{"en": tt.en, "de": tt.de} {
			if got := look(t, pages, page, language).class("amount")[0].text; got != want {
				t.Errorf("%s: %s %s is shown as %q, want %q", language, tt.amount, tt.currency, got, want)
			}
		}
	}
}

func TestValuesOfLines(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	tests := []struct {
		line   ui.Line
		en, de string
	}{
		{ui.Line{Value: "DE89370400440532013000", Kind: ui.IBAN}, "DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 00"},
		{ui.Line{Value: "NO9386011117947", Kind: ui.IBAN}, "NO93 8601 1117 947", "NO93 8601 1117 947"},
		{ui.Line{Value: "GB29 NWBK 6016 1331 9268 19", Kind: ui.IBAN}, "GB29 NWBK 6016 1331 9268 19", "GB29 NWBK 6016 1331 9268 19"},
		{ui.Line{Value: "2026-03-09", Kind: ui.Date}, "9 March 2026", "9. März 2026"},
		{ui.Line{Value: "2026-12-31T23:30:00Z", Kind: ui.Date}, "1 January 2027, 00:30 CET", "1. Januar 2027, 00:30 CET"},
		{ui.Line{Value: "soon", Kind: ui.Date}, "soon", "soon"},
		{ui.Line{Value: "EUR 1234.5", Kind: ui.Sum}, "€1,234.5", "1.234,5\u00A0€"},
		{ui.Line{Value: "a lot", Kind: ui.Sum}, "lot\u00A0a", "lot\u00A0a"},
		{ui.Line{Value: "Order  4711", Kind: ui.Text}, "Order 4711", "Order 4711"},
		{ui.Line{Value: "x", Kind: "new"}, "x", "x"},
	}
	pages := newPages(t, ui.Config{Zone: berlin})
	for _, tt := range tests {
		page := ui.Consent{Client: ui.Client{ID: "c"}, Details: []ui.Detail{{Title: "t", Lines: []ui.Line{tt.line}}}}
		for language, want := range map[string]string{"en": tt.en, "de": tt.de} {
			if got := look(t, pages, page, language).class("lines")[0].tags("dd")[0].text; got != want {
				t.Errorf("%s: %v is shown as %q, want %q", language, tt.line, got, want)
			}
		}
	}
}

func TestHowLongAConsentLasts(t *testing.T) {
	const day = 24 * time.Hour
	tests := []struct {
		lasts  time.Duration
		en, de string
	}{
		{0, "This permission is for one time only.", "Diese Erlaubnis gilt nur für dieses eine Mal."},
		{5 * time.Minute, "lasts 5 minutes.", "gilt 5 Minuten lang."},
		{time.Hour, "lasts 1 hour.", "gilt 1 Stunde lang."},
		{90 * time.Minute, "lasts 90 minutes.", "gilt 90 Minuten lang."},
		{2 * time.Hour, "lasts 2 hours.", "gilt 2 Stunden lang."},
		{day, "lasts 1 day.", "gilt 1 Tag lang."},
		{36 * time.Hour, "lasts 36 hours.", "gilt 36 Stunden lang."},
		{90 * day, "lasts 90 days.", "gilt 90 Tage lang."},
		{90*day - time.Second, "lasts 90 days.", "gilt 90 Tage lang."},
		{365 * day, "lasts 1 year.", "gilt 1 Jahr lang."},
		{730 * day, "lasts 2 years.", "gilt 2 Jahre lang."},
		{366 * day, "lasts 366 days.", "gilt 366 Tage lang."},
	}
	pages := newPages(t, ui.Config{})
	for _, tt := range tests {
		for language, want := range map[string]string{"en": tt.en, "de": tt.de} {
			got := look(t, pages, ui.Consent{Client: ui.Client{ID: "c"}, Lasts: tt.lasts}, language).class("lasts")[0].words()
			if !strings.Contains(got, want) {
				t.Errorf("%s: %v is told as %q", language, tt.lasts, got)
			}
		}
	}
}

// Whoever waits as long as the page says has waited long enough.
func TestWaitIsRoundedUp(t *testing.T) {
	pages := newPages(t, ui.Config{})
	for wait, want := range map[time.Duration]string{
		0: "1 second", 200 * time.Millisecond: "1 second", 1500 * time.Millisecond: "2 seconds", 90 * time.Second: "90 seconds",
		91 * time.Second: "2 minutes", 301 * time.Second: "6 minutes", -time.Second: "1 second",
	} {
		got := look(t, pages, ui.Login{Fault: ui.FaultThrottled, Wait: wait}, "en").id("fault").words()
		if !strings.HasSuffix(got, "Try again in "+want+".") {
			t.Errorf("%v is told as %q", wait, got)
		}
	}
}

func TestTimesHaveAZoneAndAMachineForm(t *testing.T) {
	pages := newPages(t, ui.Config{Zone: time.FixedZone("CET", 3600)})
	page := ui.ChooseAccount{Frame: ui.Frame{Signed: &ui.Who{Username: "ada"}}, Since: time.Date(2026, 11, 22, 23, 30, 0, 0, time.UTC)}
	found := look(t, pages, page, "de").tags("time")
	if len(found) != 1 || found[0].words() != "23. November 2026, 00:30 CET" || found[0].attr["datetime"] != "2026-11-23T00:30:00+01:00" {
		t.Errorf("%v", found[0])
	}
}

func TestScopesAndClaimsInWords(t *testing.T) {
	tests := []struct {
		name   string
		scopes []ui.Scope
		claims []string
		want   []string
	}{
		{"openid says nothing", []ui.Scope{{Name: "openid"}}, nil, nil},
		{"ours", []ui.Scope{{Name: "email"}, {Name: "offline_access"}}, nil, []string{"see your e-mail address", "keep this access while you are away"}},
		{"the operator's", []ui.Scope{{Name: "orders", Title: "see your orders"}}, nil, []string{"see your orders"}},
		{"the operator's for one of ours", []ui.Scope{{Name: "email", Title: "write to you"}}, nil, []string{"write to you"}},
		{"nobody's", []ui.Scope{{Name: "stock.read"}}, nil, []string{"use the permission stock.read"}},
		{"a name that is a key of ours", []ui.Scope{{Name: "other"}}, nil, []string{"use the permission other"}},
		{"claims", nil, []string{"birthdate", "x_tier"}, []string{"see these data: date of birth, x_tier"}},
		{
			"claims that scopes cover",
			[]ui.Scope{{Name: "profile"}, {Name: "email"}, {Name: "phone"}, {Name: "address"}},
			[]string{"name", "email_verified", "phone_number", "address"},
			[]string{"see your name and profile", "see your e-mail address", "see your phone number", "see your postal address"},
		},
		{"claims that scopes do not cover", []ui.Scope{{Name: "email"}}, []string{"name", "email"}, []string{"see your e-mail address", "see these data: name"}},
	}
	pages := newPages(t, ui.Config{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc := look(t, pages, ui.Consent{Client: ui.Client{ID: "c"}, Scopes: tt.scopes, Claims: tt.claims}, "en")
			var got []string
			for _, li := range doc.tags("main")[0].tags("li") {
				got = append(got, strings.NewReplacer("\u2068", "", "\u2069", "").Replace(li.words()))
			}
			if strings.Join(got, "|") != strings.Join(tt.want, "|") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAgentsInWords(t *testing.T) {
	tests := map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0":                                                               "Firefox, Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0":                  "Edge, Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15":                          "Safari, Mac",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36":                                "Chrome, Android",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0.7444.46 Mobile/15E148 Safari/604.1": "Chrome, iPhone",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36":                                 "Chrome, ChromeOS",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36":            "Samsung Internet, Android",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 OPR/126.0.0.0":                            "Opera, Linux",
		"curl/8.5.0":                    "Unknown browser",
		"":                              "Unknown browser",
		"SomeApp on Windows":            "Windows",
		"Firefox/1 <script>x</script>":  "Firefox",
		strings.Repeat("Chrome/", 5000): "Chrome",
	}
	pages := newPages(t, ui.Config{})
	for agent, want := range tests {
		doc := look(t, pages, ui.Account{Sessions: []ui.Session{{Agent: agent}}}, "en")
		for _, section := range doc.tags("section") {
			if section.attr["aria-labelledby"] == "sessions" && section.class("title")[0].words() != want {
				t.Errorf("%.60q is told as %q, want %q", agent, section.class("title")[0].words(), want)
			}
		}
	}
}
