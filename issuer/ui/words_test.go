package ui_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/issuer/ui"
)

func catalogue(t *testing.T, tag string) map[string]string {
	t.Helper()
	b, err := os.ReadFile("words/" + tag + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var words map[string]string
	if err := json.Unmarshal(b, &words); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(b), `": "`); lines != len(words) {
		t.Errorf("%s: %d lines hold %d keys: one comes twice", tag, lines, len(words))
	}
	return words
}

var place = regexp.MustCompile(`\{[^}]*\}?|\}`)

func TestCataloguesSayTheSameThings(t *testing.T) {
	english, german := catalogue(t, "en"), catalogue(t, "de")
	if diff := cmp.Diff(slices.Sorted(maps.Keys(english)), slices.Sorted(maps.Keys(german))); diff != "" {
		t.Errorf("-en +de:\n%s", diff)
	}
	for key, sentence := range english {
		places := slices.Sorted(slices.Values(place.FindAllString(sentence, -1)))
		if diff := cmp.Diff(places, slices.Sorted(slices.Values(place.FindAllString(german[key], -1)))); diff != "" {
			t.Errorf("%s: -en +de:\n%s", key, diff)
		}
		for _, p := range places {
			if !regexp.MustCompile(`^\{[a-z]+\}$`).MatchString(p) {
				t.Errorf("%s: %q is no place", key, p)
			}
		}
		for _, s := range []string{sentence, german[key]} {
			if strings.TrimSpace(s) == "" || s != strings.TrimSpace(s) || strings.ContainsAny(s, "<>&") || strings.Contains(s, "  ") {
				t.Errorf("%s: %q", key, s)
			}
		}
	}
}

// Families of keys of which the program makes the last part.
var families = []string{"error.", "done.", "notice.", "fault.", "act.", "scope.", "claim.", "month.", "unit.", "account.recovery.left."}

func TestEveryKeyIsUsedAndEveryUseHasItsKey(t *testing.T) {
	words := catalogue(t, "en")
	files, err := filepath.Glob("templates/*.html")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, file := range append(files, sources...) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`"([a-z][a-z0-9_.-]*)"`).FindAllStringSubmatch(string(b), -1) {
			used[m[1]] = true
		}
		for _, m := range regexp.MustCompile(`(?:text|say) "([^"]+)"`).FindAllStringSubmatch(string(b), -1) {
			if words[m[1]] == "" {
				t.Errorf("%s says %q, and there are no words for it", file, m[1])
			}
		}
	}
	for key := range words {
		own := strings.Contains("login second account enroll password name", strings.SplitN(key, ".", 2)[0]) && strings.HasSuffix(key, ".wrong")
		if !used[key] && !own && key != "account.passkey" && !slices.ContainsFunc(families, func(f string) bool { return strings.HasPrefix(key, f) }) {
			t.Errorf("nobody says %q", key)
		}
	}
}

// Each value that a caller may choose has words of its own, and each language its own words for it.
func TestFaultsNoticesOutcomesAndActsHaveWords(t *testing.T) {
	pages := newPages(t, ui.Config{})
	seen := map[string]string{}
	fresh := func(what, words string) {
		if other, ok := seen[words]; words == "" || ok {
			t.Errorf("%s and %s are both told as %q", what, other, words)
		}
		seen[words] = what
	}
	for _, language := range []string{"en", "de"} {
		for _, f := range []ui.Fault{ui.FaultWrong, ui.FaultThrottled, ui.FaultExpired, ui.FaultPasskey, ui.FaultShort, ui.FaultCommon, ui.FaultLong, ui.FaultDiffers, ui.FaultAgain, ui.FaultOther} {
			fresh(language+" fault "+string(f), look(t, pages, ui.ChangePassword{Fault: f}, language).id("fault").words())
		}
		for _, n := range []ui.Notice{ui.NoticePasskeyAdded, ui.NoticePasskeyRenamed, ui.NoticePasskeyRemoved, ui.NoticePassword, ui.NoticeCodesOn, ui.NoticeCodesOff, ui.NoticeSessionEnded, ui.NoticeSessionsEnded, ui.NoticeGrantEnded} {
			fresh(language+" notice "+string(n), look(t, pages, ui.Account{Notice: n}, language).class("notice")[0].words())
		}
		for _, o := range []ui.Outcome{ui.Finished, ui.SignedOut, ui.Approved, ui.Refused} {
			fresh(language+" outcome "+string(o), look(t, pages, ui.Done{What: o}, language).tags("h1")[0].words())
		}
	}
}

// The same words whatever was wrong: user name, password, or both.
func TestUnknownFaultAndOutcomeAreToldPlainly(t *testing.T) {
	pages := newPages(t, ui.Config{})
	if got := look(t, pages, ui.Login{Fault: "new-one"}, "en").id("fault").words(); got != "That did not work. Try again." {
		t.Errorf("fault: %q", got)
	}
	if got := look(t, pages, ui.Done{What: "new-one"}, "en").tags("h1")[0].words(); got != "Done" {
		t.Errorf("outcome: %q", got)
	}
}
