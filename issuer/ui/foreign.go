package ui

import (
	"strings"
	"unicode"
)

// Longest texts from outside that are shown, in characters. What is longer ends in an ellipsis.
const (
	longestName   = 80   // of a person, client, passkey
	longestSaying = 280  // a creditor, a permission, a sentence of an error
	longestEntry  = 320  // of what stands in a field and goes back
	longestDetail = 4096 // a value of an authorization detail: more than a type lets in, since what is agreed to is shown whole
)

// foreign makes text from outside fit to show: one line, of bounded length, without letters that cannot be seen. What would
// turn the direction of writing is dropped, since a name that reads backwards is another name; around the text the templates
// put <bdi>, so a name in Arabic or Hebrew keeps its own direction.
func foreign(s string, longest int) string {
	var b strings.Builder
	count, marks := 0, 0
	for _, r := range strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ") {
		if marks = marksAfter(marks, r); invisible(r) || marks > 3 {
			continue
		}
		if count == longest {
			return strings.TrimRight(b.String(), " ") + "…"
		}
		b.WriteRune(r)
		count++
	}
	return strings.TrimSpace(b.String())
}

// marksAfter counts accents that are heaped on one letter; enough of them cover the lines above and below.
func marksAfter(marks int, r rune) int {
	if unicode.Is(unicode.M, r) {
		return marks + 1
	}
	return 0
}

// invisible are control and format characters, among them all that embed, override or isolate a direction. Two that join
// letters stay, for Persian and the languages of India need them to spell.
func invisible(r rune) bool {
	const nonJoiner, joiner = '\u200C', '\u200D'
	if r == nonJoiner || r == joiner {
		return false
	}
	return unicode.Is(unicode.C, r) || r == '\u2028' || r == '\u2029' || r == '\u3164' || r == '\uFFA0' || r == '\u115F' || r == '\u1160'
}

// initial is the letter on the tile that stands for a name.
func initial(s string) string {
	for _, r := range foreign(s, longestName) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "•"
}
