package people

import (
	"fmt"

	"golang.org/x/text/secure/precis"
)

// maxUsername bounds a username in bytes.
const maxUsername = 128

// NormalizeUsername gives the one form that stands for all ways of writing a username: narrow, lower case, composed (RFC 8265
// §3.3). It refuses spaces, symbols and characters that look like others by compatibility. E-mail addresses are fine.
func NormalizeUsername(username string) (string, error) {
	if len(username) < 1 || len(username) > maxUsername {
		return "", fmt.Errorf("%w: a username has 1 to %d bytes", ErrInvalid, maxUsername)
	}
	name, err := precis.UsernameCaseMapped.String(username)
	if err != nil {
		return "", fmt.Errorf("%w: not a username: %w", ErrInvalid, err)
	}
	again, err := precis.UsernameCaseMapped.String(name)
	if err != nil || again != name || len(name) > maxUsername {
		return "", fmt.Errorf("%w: not a username: it has no one form", ErrInvalid) // RFC 8264 §7: or two names could stand for one person
	}
	return name, nil
}
