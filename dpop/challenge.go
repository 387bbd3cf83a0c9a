package dpop

import (
	"net/http"
	"strings"
)

// challengeError returns the error of the first DPoP challenge of an answer, "" when there is none (RFC 9449 §7.1). Several
// challenges may share a header field; scheme and parameter names are case-insensitive (RFC 9110 §11).
func challengeError(h http.Header) string {
	for _, field := range h.Values("WWW-Authenticate") {
		if len(field) > maxChallenge {
			continue
		}
		if code := scanChallenges(field); code != "" {
			return code
		}
	}
	return ""
}

const maxChallenge = 4 << 10 // bytes

// scanChallenges walks over scheme, parameter, comma. A token that no "=" follows starts a new challenge.
func scanChallenges(field string) string {
	scheme := ""
	for field != "" {
		field = strings.TrimLeft(field, " \t,")
		name, rest := leadingToken(field)
		if name == "" {
			return ""
		}
		rest = strings.TrimLeft(rest, " \t")
		if !strings.HasPrefix(rest, "=") {
			scheme, field = name, rest
			continue
		}
		value, after, ok := parameterValue(strings.TrimLeft(rest[1:], " \t"))
		if !ok {
			return ""
		}
		if strings.EqualFold(scheme, "DPoP") && strings.EqualFold(name, "error") {
			return value
		}
		field = after
	}
	return ""
}

// leadingToken cuts a token of RFC 9110 §5.6.2 off.
func leadingToken(s string) (token, rest string) {
	i := 0
	for i < len(s) && isTokenChar(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

func isTokenChar(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// parameterValue reads a token or a quoted string (RFC 9110 §5.6.4).
func parameterValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		value, rest = leadingToken(s)
		return value, rest, value != ""
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}
