package client

import "strings"

// A challenge is one element of a WWW-Authenticate field (RFC 9110 §11.6.1).
type challenge struct {
	scheme string
	params map[string]string // names in lower case; of a name that comes twice, the first
}

// maxChallenges bounds what is read of a server's fields.
const maxChallenges = 8 << 10

// parseChallenges reads all challenges of all field lines. What it cannot read it leaves out: a challenge explains a
// refusal, and nothing is granted by one.
func parseChallenges(fields []string) []challenge {
	var found []challenge
	for _, field := range fields {
		if len(field) > maxChallenges {
			continue
		}
		rest := field
		for rest != "" {
			var element string
			element, rest = cutElement(rest)
			name, value, isParam := parseParam(element)
			if !isParam { // a scheme, perhaps with its first parameter
				scheme, first, _ := strings.Cut(element, " ")
				if !isHeaderToken(scheme) {
					continue
				}
				found = append(found, challenge{scheme: scheme, params: map[string]string{}})
				name, value, isParam = parseParam(first)
			}
			if isParam && len(found) > 0 {
				if params := found[len(found)-1].params; !has(params, name) {
					params[name] = value
				}
			}
		}
	}
	return found
}

func has(params map[string]string, name string) bool { _, ok := params[name]; return ok }

// cutElement takes one element off a comma-separated list; a comma inside a quoted string does not end it.
func cutElement(s string) (element, rest string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			return strings.Trim(s[:i], " \t"), s[i+1:]
		}
	}
	return strings.Trim(s, " \t"), ""
}

// parseParam reads name = value, where value is a token or a quoted string (RFC 9110 §11.2).
func parseParam(s string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(s, "=")
	name, value = strings.Trim(name, " \t"), strings.Trim(value, " \t")
	if !ok || !isHeaderToken(name) {
		return "", "", false
	}
	if !strings.HasPrefix(value, `"`) {
		return strings.ToLower(name), value, isHeaderToken(value)
	}
	var text strings.Builder
	for i := 1; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			return strings.ToLower(name), text.String(), i == len(value)-1
		case c == '\\' && i+1 < len(value):
			i++
			text.WriteByte(value[i])
		default:
			text.WriteByte(c)
		}
	}
	return "", "", false // the string does not end
}

// isHeaderToken checks the token of RFC 9110 §5.6.2.
func isHeaderToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}
