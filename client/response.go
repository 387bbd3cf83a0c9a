package client

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/tenon-auth/tenon/internal/strictjson"
)

// ErrNotBound says that the server answered with a token that is not bound as the client wants it. The token has been
// discarded: whoever copied it could use it.
var ErrNotBound = errors.New("the token is not bound to the client's key")

const (
	tokenResponseSize = 128 << 10
	unsaidLifetime    = time.Minute    // of a token whose server does not say how long it lives
	longestLifetime   = 24 * time.Hour // longer ones are renewed after this
)

// success is a token response (RFC 6749 §5.1).
type success struct {
	accessToken, tokenType, scope string
	refreshToken, idToken         string
	details                       []byte // authorization_details as granted (RFC 9396 §7)
	life                          time.Duration
}

func parseSuccess(body []byte) (*success, error) {
	s := success{life: unsaidLifetime}
	err := strictjson.Object(body, func(name string, v strictjson.Value) (err error) {
		switch name {
		case "access_token":
			s.accessToken, err = v.Str()
		case "token_type":
			s.tokenType, err = v.Str()
		case "scope":
			s.scope, err = v.Str()
		case "refresh_token":
			if s.refreshToken, err = v.Str(); err == nil && !isVisible(s.refreshToken) {
				err = errors.New("not 1*VSCHAR") // RFC 6749 §A.17
			}
		case "id_token":
			s.idToken, err = v.Str()
		case "authorization_details":
			s.details = bytes.Clone(v)
		case "expires_in":
			var seconds int64
			if seconds, err = v.Int(); err == nil && seconds <= 0 {
				err = fmt.Errorf("%d seconds", seconds)
			}
			s.life = time.Duration(min(seconds, int64(longestLifetime/time.Second))) * time.Second
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("token response: %w", err)
	case !isToken68(s.accessToken): // RFC 9449 §7.1, RFC 6750 §2.1: or it could not be sent in a header field
		return nil, errors.New("token response: access_token is missing or has characters outside token68")
	case s.tokenType == "":
		return nil, errors.New("token response: token_type is missing")
	}
	return &s, nil
}

// bound checks that the token is of the type that the client's proof makes it (RFC 9449 §5, compared without regard to
// case as RFC 6749 §5.1 says). A DPoP token asked for without a key could not be used.
func (s *success) bound(withKey bool) error {
	want := "Bearer" // bound to the certificate of the connection (RFC 8705 §3)
	if withKey {
		want = "DPoP"
	}
	if !strings.EqualFold(s.tokenType, want) {
		return fmt.Errorf("token_type is %q, wanted %q; token discarded: %w; register the client for bound tokens (dpop_bound_access_tokens or tls_client_certificate_bound_access_tokens)",
			s.tokenType, want, ErrNotBound)
	}
	return nil
}

// token gives the token in the form of golang.org/x/oauth2. start is when the request was sent: the server may have dated
// it then.
func (s *success) token(start time.Time) *oauth2.Token {
	t := &oauth2.Token{
		AccessToken: s.accessToken,
		TokenType:   "DPoP",
		Expiry:      start.Add(s.life),
		ExpiresIn:   int64(s.life / time.Second),
	}
	if strings.EqualFold(s.tokenType, "Bearer") {
		t.TokenType = "Bearer"
	}
	if s.scope != "" {
		t = t.WithExtra(map[string]any{"scope": s.scope})
	}
	return t
}

// failure is an error response (RFC 6749 §5.2). A body of another form leaves it empty: the status still tells.
func parseFailure(header http.Header, body []byte) (code, description string) {
	if mediaType, _, _ := strings.Cut(header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(mediaType), "application/json") {
		return "", ""
	}
	err := strictjson.Object(body, func(name string, v strictjson.Value) (err error) {
		switch name {
		case "error":
			code, err = v.Str()
		case "error_description":
			description, err = v.Str()
		}
		return err
	})
	if err != nil {
		return "", ""
	}
	return printable(code), printable(description)
}

// printable bounds what a server wrote and keeps it from steering the terminal that shows it.
func printable(s string) string {
	if len(s) > 500 {
		s = s[:500]
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, s)
}

// isVisible checks 1*VSCHAR, what codes and refresh tokens are made of (RFC 6749 §A.11, §A.17).
func isVisible(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r > 0x7e })
}

// isToken68 checks the syntax of RFC 9110 §11.2.
func isToken68(s string) bool {
	body := strings.TrimRight(s, "=")
	if body == "" {
		return false
	}
	for i := range len(body) {
		c := body[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~+/", c) >= 0) {
			return false
		}
	}
	return true
}
