package issuer

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	maxRedirectURIs = 32
	maxRedirectURI  = 1024 // bytes
)

// answered are the parameters that a redirect adds. A registered URI that has one would bring it twice, and the client could
// read the wrong one.
var answered = []string{"code", "state", "iss", "error", "error_description", "error_uri", "response"}

// checkRedirectURI holds a registered redirect URI to what can be compared letter by letter and cannot be turned elsewhere.
func checkRedirectURI(uri string) error {
	u, err := url.Parse(uri)
	switch {
	case len(uri) > maxRedirectURI:
		return fmt.Errorf("%.60q... is longer than %d bytes", uri, maxRedirectURI)
	case err != nil || u.Host == "" || u.Opaque != "":
		return fmt.Errorf("%q is not an absolute URL", uri)
	case strings.ContainsFunc(uri, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}", r) }):
		return fmt.Errorf("%q has characters that a URL must escape", uri) // RFC 3986 §2
	case strings.Contains(uri, "#"):
		return fmt.Errorf("%q has a fragment", uri) // RFC 6749 §3.1.2
	case strings.Contains(uri, "*"):
		return fmt.Errorf("%q has a wildcard: redirect URIs are compared letter by letter", uri) // RFC 9700 §2.1
	case u.User != nil:
		return fmt.Errorf("%q has user information", uri)
	case slices.ContainsFunc(answered, u.Query().Has):
		return fmt.Errorf("%q has one of the parameters %v, which the answer brings", uri, answered)
	}
	return checkRedirectScheme(uri, u)
}

// checkRedirectScheme lets answers travel over TLS, or within one machine.
func checkRedirectScheme(uri string, u *url.URL) error {
	_, _, loopback := cutLoopback(uri)
	switch {
	case strings.HasPrefix(uri, "https://") || loopback:
		return nil
	case u.Scheme == "http" && u.Hostname() == "localhost":
		return fmt.Errorf("%q: localhost may be answered by anybody's name server: use 127.0.0.1 or [::1]", uri) // RFC 8252 §8.3
	}
	return fmt.Errorf("%q: use https, or http with 127.0.0.1 or [::1] for a program on the person's own machine", uri) // FAPI 2.0 §5.3.2.2 (8)
}

// cutLoopback takes an http URL of this machine apart: the host, and what comes after the port. The port is left out, because a
// program on the person's machine gets another one each time (RFC 8252 §7.3).
func cutLoopback(uri string) (host, rest string, ok bool) {
	for _, host := range []string{"http://127.0.0.1", "http://[::1]"} {
		rest, found := strings.CutPrefix(uri, host)
		if !found {
			continue
		}
		if after, colon := strings.CutPrefix(rest, ":"); colon {
			rest = strings.TrimLeft(after, "0123456789")
			port, err := strconv.ParseUint(after[:len(after)-len(rest)], 10, 16)
			if err != nil || port == 0 {
				return "", "", false
			}
		}
		return host, rest, rest == "" || rest[0] == '/' || rest[0] == '?'
	}
	return "", "", false
}

// redirectsTo reports whether the client is registered for a redirect URI: letter by letter (RFC 9700 §2.1), but for the port
// on the person's own machine (RFC 8252 §7.3).
func (c *Client) redirectsTo(uri string) bool {
	host, rest, loopback := cutLoopback(uri)
	return slices.ContainsFunc(c.RedirectURIs, func(registered string) bool {
		if registered == uri {
			return true
		}
		h, r, ok := cutLoopback(registered)
		return loopback && ok && h == host && r == rest
	})
}

// sector is the host that a client's pairwise subjects are for (OpenID Connect Core §8.1).
func (c *Client) sector() (string, error) {
	if c.Sector != "" {
		return c.Sector, nil
	}
	host := ""
	for _, uri := range c.RedirectURIs {
		u, err := url.Parse(uri)
		switch {
		case err != nil:
			return "", err
		case host != "" && host != u.Hostname():
			return "", errors.New("the redirect URIs have several hosts: name one in sector_identifier")
		}
		host = u.Hostname()
	}
	if _, _, loopback := cutLoopback("http://" + host); host == "" || loopback || host == "::1" {
		return "", errors.New("no redirect URI has a host of the client's own: name one in sector_identifier")
	}
	return host, nil
}

// originOf is where a redirect URI leads, without the path.
func originOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// withParameters adds an answer to a redirect URI, whose own parameters stay (RFC 6749 §3.1.2).
func withParameters(uri string, answer url.Values) string {
	separator := "?"
	switch {
	case strings.HasSuffix(uri, "?"):
		separator = ""
	case strings.Contains(uri, "?"):
		separator = "&"
	}
	return uri + separator + answer.Encode()
}
