package people

import (
	_ "embed"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

// Weak is an [ErrWeak] with the reason.
type Weak struct {
	Reason string // "short", "long", "characters", "username", "simple" or "common"
}

func (w *Weak) Error() string { return ErrWeak.Error() + ": " + w.advice() }

// advice says what to change.
func (w *Weak) advice() string {
	switch w.Reason {
	case "short":
		return fmt.Sprintf("use %d characters or more", minPassword)
	case "long":
		return fmt.Sprintf("use %d bytes at most", maxPassword)
	case "characters":
		return "leave out control characters and what is not UTF-8"
	case "username":
		return "leave the user name out of it"
	case "simple":
		return fmt.Sprintf("use %d different characters or more", minDistinct)
	case "common":
		return "it is made of words that everybody tries first"
	}
	return w.Reason
}

// Is makes every Weak an ErrWeak.
func (w *Weak) Is(target error) bool { return target == ErrWeak }

const (
	minPassword = 12   // characters
	maxPassword = 1024 // bytes; hashing takes the longer the longer it is
	minDistinct = 5    // different characters
)

// commonWords are what people make their passwords of most, without digits and signs.
//
//go:embed common.txt
var commonWords string

// preparePassword gives the form in which a password is hashed: composed, and with one kind of space (RFC 8265 §4.2).
func preparePassword(password string) (string, error) {
	if len(password) > maxPassword {
		return "", &Weak{"long"}
	}
	prepared, err := precis.OpaqueString.String(password)
	if err != nil || !utf8.ValidString(password) { // the library lets bytes pass that are no characters
		return "", &Weak{"characters"}
	}
	return prepared, nil
}

// judgePassword refuses a new password that is among the first that somebody would try. It asks for length and not for kinds of
// characters.
func judgePassword(password, username string) (prepared string, err error) {
	if utf8.RuneCountInString(password) < minPassword {
		return "", &Weak{"short"}
	}
	if prepared, err = preparePassword(password); err != nil {
		return "", err
	}
	lower := strings.ToLower(prepared)
	if distinct(lower) < minDistinct {
		return "", &Weak{"simple"}
	}
	local, _, _ := strings.Cut(username, "@")
	if len(local) >= 3 && strings.Contains(lower, local) {
		return "", &Weak{"username"}
	}
	if isCommon(lower) {
		return "", &Weak{"common"}
	}
	return prepared, nil
}

// isCommon tells whether nothing is left of a password but common words once digits, signs and the usual disguises are undone.
func isCommon(password string) bool {
	words := strings.Fields(commonWords)
	core := strings.TrimFunc(password, func(r rune) bool { return !unicode.IsLetter(r) }) // where digits and signs are no disguise
	return madeOf(letters(password), words) || madeOf(letters(undisguise.Replace(core)), words)
}

// undisguise undoes what everybody does to letters.
var undisguise = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "8", "b", "@", "a", "$", "s", "!", "i")

// letters leaves out everything else.
func letters(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return r
		}
		return -1
	}, text)
}

// madeOf tells whether text is a row of words, or nothing.
func madeOf(text string, words []string) bool {
	good := make([]bool, len(text)+1) // good[i]: the first i bytes are a row of words
	good[0] = true
	for i := range text {
		for _, w := range words {
			if good[i] && strings.HasPrefix(text[i:], w) {
				good[i+len(w)] = true
			}
		}
	}
	return good[len(text)]
}

func distinct(text string) int {
	seen := map[rune]bool{}
	for _, r := range text {
		seen[r] = true
	}
	return len(seen)
}
