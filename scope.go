package tenon

import (
	"fmt"
	"slices"
	"strings"
)

// A Scope is a set of scope tokens in the order given (RFC 6749 §3.3). Tokens are compared exactly.
type Scope []string

// ParseScope reads a space-delimited scope. Empty text is the empty scope; a token outside the grammar of RFC 6749 §3.3, a
// stray space or a tab is an error. A token that comes twice is kept once.
func ParseScope(s string) (Scope, error) {
	if s == "" {
		return nil, nil
	}
	var scope Scope
	for token := range strings.SplitSeq(s, " ") {
		if !isScopeToken(token) {
			return nil, fmt.Errorf("scope token %q is not 1*( %%x21 / %%x23-5B / %%x5D-7E )", token)
		}
		if !slices.Contains(scope, token) {
			scope = append(scope, token)
		}
	}
	return scope, nil
}

// Has reports whether token is in the scope.
func (s Scope) Has(token string) bool { return slices.Contains(s, token) }

// Covers reports whether every token of want is in the scope.
func (s Scope) Covers(want Scope) bool {
	return !slices.ContainsFunc(want, func(token string) bool { return !s.Has(token) })
}

// String gives the space-delimited form.
func (s Scope) String() string { return strings.Join(s, " ") }

func isScopeToken(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
