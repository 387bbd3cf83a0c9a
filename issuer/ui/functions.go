package ui

import (
	"encoding/base64"
	"html/template"
	"net/url"
	"slices"
	"strings"
	"time"
)

// functions are what the templates of a language may call. What takes text from outside gives text (which html/template
// escapes) that foreign has made fit to show.
func (l *locale) functions() template.FuncMap {
	return template.FuncMap{
		"say": l.say, "text": l.text, "count": l.count,
		"name":  func(s string) string { return foreign(s, longestName) },
		"long":  func(s string) string { return foreign(s, longestSaying) },
		"entry": func(s string) string { return foreign(s, longestEntry) },

		"money": func(m *Money) string { return l.money(*m) },
		"value": l.value, "fours": fours, "agent": l.agent, "initial": initialOf,
		"day": l.day, "moment": l.moment, "duration": l.ownDuration,

		"clientName": clientName, "pays": pays, "grants": l.permissions,
		"fault": l.fault, "newPasswordFault": newPasswordFault, "errorWords": l.errorWords,
		"outcome": l.outcome, "notice": func(n Notice) string { return "notice." + string(n) },
		"png": pngURL, "otpauth": otpauthURL, "query": queryURL,
	}
}

func clientName(c Client) string {
	if foreign(c.Name, longestName) == "" {
		return c.ID
	}
	return c.Name
}

// initialOf makes the letter of a tile from a person or a name.
func initialOf(v any) string {
	switch v := v.(type) {
	case *Who:
		if v.Name == "" {
			return initial(v.Username)
		}
		return initial(v.Name)
	case string:
		return initial(v)
	}
	return initial("")
}

// pays tells whether money would move, which the page then says in its first words.
func pays(details []Detail) bool {
	return slices.ContainsFunc(details, func(d Detail) bool { return d.Amount != nil })
}

// permissions are the sentences for scopes and single claims. What the scopes say already is not said again.
func (l *locale) permissions(scopes []Scope, claims []string) ([]string, error) {
	var lines []string
	for _, s := range scopes {
		line, err := l.permission(s)
		if err != nil {
			return nil, err
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	names := l.claimNames(scopes, claims)
	if len(names) == 0 {
		return lines, nil
	}
	line, err := l.text("claims", "names", ours(strings.Join(names, ", ")))
	return append(lines, line), err
}

// claimNames are the words for claims that no scope covers.
func (l *locale) claimNames(scopes []Scope, claims []string) []string {
	var names []string
	for _, c := range claims {
		if slices.ContainsFunc(scopes, func(s Scope) bool { return covers(s.Name, c) }) {
			continue
		}
		if words := l.words["claim."+c]; words != "" {
			c = words
		}
		names = append(names, foreign(c, longestName))
	}
	return names
}

// covers tells whether a scope stands for a claim (OpenID Connect Core §5.4).
func covers(scope, claim string) bool {
	switch claim {
	case "email", "email_verified":
		return scope == "email"
	case "phone_number", "phone_number_verified":
		return scope == "phone"
	case "address":
		return scope == "address"
	case "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website",
		"gender", "birthdate", "zoneinfo", "locale", "updated_at":
		return scope == "profile"
	}
	return false
}

func (l *locale) permission(s Scope) (string, error) {
	switch {
	case s.Title != "":
		return s.Title, nil
	case s.Name == "openid":
		return "", nil
	case s.Name != "other" && l.known("scope."+s.Name):
		return l.text("scope." + s.Name)
	}
	return l.text("scope.other", "name", s.Name)
}

// fault gives the words for a fault: those of the page where it has its own, and the common ones elsewhere.
func (l *locale) fault(page string, f Fault, wait time.Duration) (string, error) {
	switch {
	case f == NoFault:
		return "", nil
	case f == FaultThrottled:
		d, err := l.shortDuration(wait)
		if err != nil {
			return "", err
		}
		return l.text("fault.throttled", "wait", ours(d))
	case l.known(page + "." + string(f)):
		return l.text(page + "." + string(f))
	case l.known("fault." + string(f)):
		return l.text("fault." + string(f))
	}
	return l.text("fault.other")
}

func newPasswordFault(f Fault) bool {
	return slices.Contains([]Fault{FaultShort, FaultCommon, FaultLong, FaultDiffers}, f)
}

// errorWords are the title or the text for an error code. Codes come from outside, so not all have words.
func (l *locale) errorWords(code, which string) (string, error) {
	if l.known("error." + code + "." + which) {
		return l.text("error." + code + "." + which)
	}
	return l.text("error.other." + which)
}

func (l *locale) outcome(o Outcome, which string) string {
	if key := "done." + string(o) + "." + which; l.known(key) {
		return key
	}
	return "done." + string(Finished) + "." + which
}

func (l *locale) ownDuration(d time.Duration) (template.HTML, error) {
	s, err := l.duration(d)
	return template.HTML(template.HTMLEscapeString(s)), err //nolint:gosec // words of ours, escaped
}

// The three addresses below are of kinds that html/template would not let through; each is made of what cannot be an address of
// another kind.

func pngURL(png []byte) template.URL {
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png)) //nolint:gosec // base64 has no other meaning here
}

func otpauthURL(s string) template.URL {
	if u, err := url.Parse(s); err != nil || u.Scheme != "otpauth" || u.Host != "totp" {
		return ""
	}
	return template.URL(s) //nolint:gosec // the scheme is the one of authenticator applications
}

func queryURL(q url.Values) template.URL {
	return template.URL("?" + q.Encode()) //nolint:gosec // encoded, and a query of this same page
}
