package issuer

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/tenon-auth/tenon"
)

// maxParameters bounds a form: the largest request that means anything has a dozen.
const maxParameters = 64

// A form is the parameters of a request. An empty parameter is an absent one (RFC 6749 §3.1).
type form map[string][]string

// get gives a parameter, "" when it is absent. Those that may come more than once are read with all.
func (f form) get(name string) string {
	if v := f[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// all gives every value of a parameter.
func (f form) all(name string) []string { return f[name] }

// readForm reads the body of a POST as parameters, and nothing else as parameters.
func readForm(w http.ResponseWriter, r *http.Request, limit int64) (form, error) {
	if r.URL.RawQuery != "" {
		return nil, tenon.Refuse(tenon.InvalidRequest, "form", "parameters belong in the body, not in the URL") // RFC 6749 §2.3.1
	}
	if err := checkFormType(r.Header); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		if _, over := errors.AsType[*http.MaxBytesError](err); over {
			return nil, tooLarge(limit)
		}
		return nil, tenon.Refuse(tenon.InvalidRequest, "form", "the body could not be read").Because(err)
	}
	return parseForm(string(body))
}

func checkFormType(h http.Header) error {
	types := h.Values("Content-Type")
	if len(types) != 1 {
		return tenon.Refuse(tenon.InvalidRequest, "form", "%d Content-Type fields: send application/x-www-form-urlencoded", len(types))
	}
	media, params, err := mime.ParseMediaType(types[0])
	if err != nil || media != "application/x-www-form-urlencoded" {
		return tenon.Refuse(tenon.InvalidRequest, "form", "Content-Type is not application/x-www-form-urlencoded") // RFC 6749 §3.2, App. B
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return tenon.Refuse(tenon.InvalidRequest, "form", "the charset of the form must be UTF-8") // RFC 6749 App. B
	}
	if h.Get("Content-Encoding") != "" {
		return tenon.Refuse(tenon.InvalidRequest, "form", "Content-Encoding is not taken: send the form as it is")
	}
	return nil
}

// parseForm reads application/x-www-form-urlencoded. A parameter that comes twice is refused, because two readers could
// take different ones; resource may come several times (RFC 8707 §2).
func parseForm(body string) (form, error) {
	if strings.Count(body, "&") >= maxParameters {
		return nil, tenon.Refuse(tenon.InvalidRequest, "form", "more than %d parameters", maxParameters)
	}
	f, seen := make(form), make(map[string]bool)
	for pair := range strings.SplitSeq(body, "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(rawName)
		value, err2 := url.QueryUnescape(rawValue)
		if err1 != nil || err2 != nil {
			return nil, tenon.Refuse(tenon.InvalidRequest, "form", "a parameter is not URL-encoded")
		}
		if !isText(name) || !isText(value) {
			return nil, tenon.Refuse(tenon.InvalidRequest, "form", "a parameter is not UTF-8 text") // RFC 6749 App. B
		}
		if seen[name] && name != "resource" {
			return nil, tenon.Refuse(tenon.InvalidRequest, "form", "the parameter %.40s comes twice", name) // RFC 6749 §3.2
		}
		seen[name] = true
		if value != "" {
			f[name] = append(f[name], value)
		}
	}
	return f, nil
}

// isText refuses what is no UTF-8, and NUL.
func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }
