package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
)

// A call is a request as the command line of `tenon curl` says it.
type call struct {
	method  string
	url     string
	data    []string
	headers []string
}

const maxCallBody = 64 << 20

// arguments takes what stands beside the options: URL, or METHOD and URL.
func (k *call) arguments(args []string) error {
	k.url = args[len(args)-1]
	if len(args) == 2 {
		if k.method != "" {
			return fmt.Errorf("the method is said twice: %s and -X %s", args[0], k.method)
		}
		k.method = args[0]
	}
	if k.method == "" {
		k.method = http.MethodGet
		if len(k.data) > 0 {
			k.method = http.MethodPost
		}
	}
	return errors.Join(checkMethod(k.method), checkCallURL(k.url))
}

// checkMethod refuses what is no method, and the lower case that some tools forgive: methods are case-sensitive, and htm is
// compared exactly (RFC 9110 §9.1, RFC 9449 §4.3 (8)).
func checkMethod(method string) error {
	if method == "" || strings.ContainsFunc(method, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
	}) {
		return fmt.Errorf("%q is not a method: write METHOD URL", method)
	}
	usual := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
	if upper := strings.ToUpper(method); upper != method && slices.Contains(usual, upper) {
		return fmt.Errorf("methods are case-sensitive: write %s, not %s", upper, method)
	}
	return nil
}

func checkCallURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme == "" || u.Host == "":
		return fmt.Errorf("%q is not an absolute URL: write it with https://", s)
	case u.Scheme != "https":
		return fmt.Errorf("%s is not an https URL: a token goes over TLS only", u.Redacted())
	case u.User != nil:
		return errors.New("the URL has a user name: the token is what authenticates")
	}
	return nil
}

// request makes the request. Its body can be sent again, for a nonce that the server asks for.
func (k *call) request(ctx context.Context, stdin io.Reader) (*http.Request, error) {
	body, err := k.body(stdin)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, k.method, k.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if len(k.data) > 0 {
		req.Header.Set("Content-Type", contentType(body))
	}
	for _, field := range k.headers {
		name, value, ok := strings.Cut(field, ":")
		switch name = http.CanonicalHeaderKey(strings.TrimSpace(name)); {
		case !ok || name == "":
			return nil, fmt.Errorf("-H %q is not \"Name: value\"", field)
		case name == "Authorization" || name == "Dpop":
			return nil, fmt.Errorf("-H %s: token and proof are put in by this command; plain curl with `tenon proof` lets you choose them", name)
		case name == "Host":
			return nil, errors.New("-H Host: the proof is for the URL; call the address that the service has")
		}
		if name == "Content-Type" {
			req.Header.Del(name)
		}
		req.Header.Add(name, strings.TrimSpace(value))
	}
	return req, nil
}

func (k *call) body(stdin io.Reader) ([]byte, error) {
	var parts [][]byte
	for _, data := range k.data {
		part, err := []byte(data), error(nil)
		if name, isFile := strings.CutPrefix(data, "@"); isFile {
			part, err = readNamed(name, stdin, maxCallBody)
		}
		if err != nil {
			return nil, fmt.Errorf("-d %s: %w", data, err)
		}
		parts = append(parts, part)
	}
	return bytes.Join(parts, []byte("&")), nil
}

// contentType tells JSON from a form. A number or a word alone is JSON too, but hardly meant as such.
func contentType(body []byte) string {
	start := bytes.TrimSpace(body)
	if len(start) > 0 && (start[0] == '{' || start[0] == '[') && json.Valid(body) {
		return "application/json"
	}
	return "application/x-www-form-urlencoded"
}

// readNamed reads a file, or standard input for "-".
func readNamed(name string, stdin io.Reader, limit int64) ([]byte, error) {
	from := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		from = file
	}
	data, err := io.ReadAll(io.LimitReader(from, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	return data, err
}
