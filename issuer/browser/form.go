package browser

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

// Bounds on what a browser may send. The largest is a passkey's answer, of a few kilobytes.
const (
	maxBody       = 64 << 10
	maxQuery      = 16 << 10 // other parameters beside the two are ignored, and state may be long
	maxParameters = 64
	maxReference  = 512 // client_id, request_uri
)

// A form is the fields of a form of ours. None of them comes twice.
type form map[string]string

// readForm reads the body of a POST. What is in the URL is not part of it.
func readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	f := form{}
	for pair := range strings.SplitSeq(body, "&") {
		name, value, err := unescape(pair)
		if err != nil {
			return nil, malformed("the form is malformed").Because(err)
		}
		if _, twice := f[name]; twice {
			return nil, malformed("a field of the form comes twice")
		}
		f[name] = value
	}
	return f, nil
}

// readBody reads a body that is a form.
func readBody(w http.ResponseWriter, r *http.Request) (string, error) {
	types := r.Header.Values("Content-Type")
	if len(types) != 1 {
		return "", malformed("send one Content-Type")
	}
	if media, _, err := mime.ParseMediaType(types[0]); err != nil || media != "application/x-www-form-urlencoded" {
		return "", malformed("the Content-Type is not application/x-www-form-urlencoded") // RFC 6749 App. B
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return "", &answer{status: http.StatusRequestEntityTooLarge, refusal: malformed("the form is too large")}
	}
	if err != nil {
		return "", malformed("the form could not be read").Because(err)
	}
	if strings.Count(string(body), "&") >= maxParameters {
		return "", malformed("the form has too many fields")
	}
	return string(body), nil
}

// frontChannel reads the two parameters that mean something at the authorization endpoint. All others are ignored, however
// odd: what a client wants it has pushed (RFC 9126 §4, FAPI 2.0 §5.3.2.2 (3)). One of the two that comes twice has no meaning.
func frontChannel(encoded string) (clientID, requestURI string, err error) {
	if len(encoded) > maxQuery {
		return "", "", &answer{status: http.StatusRequestURITooLong, refusal: malformed("the request is too long")}
	}
	for pair := range strings.SplitSeq(encoded, "&") {
		name, value, bad := unescape(pair)
		var place *string
		switch name {
		case "client_id":
			place = &clientID
		case "request_uri":
			place = &requestURI
		default:
			continue
		}
		if bad != nil || value == "" || len(value) > maxReference {
			return "", "", malformed("%s is malformed", name)
		}
		if *place != "" {
			return "", "", malformed("%s comes twice", name) // RFC 6749 §3.1
		}
		*place = value
	}
	switch {
	case clientID == "":
		return "", "", malformed("client_id is missing") // RFC 9126 §4
	case requestURI == "":
		return "", "", malformed("request_uri is missing: push the request first") // FAPI 2.0 §5.3.2.2 (3)
	}
	return clientID, requestURI, nil
}

// unescape reads one parameter. The name is given also with an error in the value.
func unescape(pair string) (name, value string, err error) {
	rawName, rawValue, _ := strings.Cut(pair, "=")
	name, err = url.QueryUnescape(rawName)
	if err != nil {
		return "", "", err
	}
	value, err = url.QueryUnescape(rawValue)
	if err == nil && (!utf8.ValidString(name) || !utf8.ValidString(value) || strings.ContainsRune(value, 0)) {
		err = errors.New("not text")
	}
	return name, value, err
}

func malformed(format string, args ...any) *tenon.Error {
	return tenon.Refuse(tenon.InvalidRequest, "form", format, args...)
}
