package client

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/internal/strictjson"
)

// A Login is what a person is asked for: to say who they are, and to let this client act for them. The zero value asks for
// what the client's Config has.
type Login struct {
	// RedirectURI is where the person's browser brings the answer: an https address of the client, exactly as it is
	// registered. [Client.Login] listens itself, and takes a loopback address: http://127.0.0.1/callback when empty.
	RedirectURI string

	Scope    tenon.Scope     // empty: the Config's. With openid in it, the server says who the person is
	Resource []string        // the APIs that tokens are for (RFC 8707 §2); empty: the Config's
	Details  json.RawMessage // authorization_details, a JSON array (RFC 9396); nil: none

	// ACR lists every way of authentication that is good enough, the best first (acr_values). The ID token must name one of
	// them. Empty: any.
	ACR    []string
	MaxAge time.Duration // the longest time since the person proved who they are, in whole seconds; 0: any
	Prompt string        // "login", "consent" and so on (OpenID Connect Core §3.1.2.1); empty: as needed
	Hint   string        // who it probably is
	Locale []string      // languages for the pages, the best first

	// Vault keeps the session, so that it outlives the program. Nil: it does not.
	Vault Vault
}

// An Attempt is a login under way. Whoever serves several people keeps it with the session of the one browser that it was
// begun in, and takes it out of there when the answer comes: it works once, and only there (FAPI 2.0 §5.3.3.2 (4)). It
// holds secrets.
type Attempt struct {
	State       string        `json:"state"`
	Nonce       string        `json:"nonce,omitempty"`
	Verifier    string        `json:"code_verifier"`
	RedirectURI string        `json:"redirect_uri"`
	Address     string        `json:"address"` // where the browser goes
	Expires     time.Time     `json:"expires"` // when it must have been there
	Scope       tenon.Scope   `json:"scope,omitempty"`
	Resource    []string      `json:"resource,omitempty"`
	ACR         []string      `json:"acr,omitempty"`
	MaxAge      time.Duration `json:"max_age,omitempty"`

	Vault Vault `json:"-"` // for the session; whoever reads an Attempt back sets it again
}

// Begin pushes an authorization request (RFC 9126) and gives the attempt, with the address to send the browser to. Begin
// follows from something that the person did, protected against CSRF as any form is (FAPI 2.0 §5.3.3.1 (12)).
func (c *Client) Begin(ctx context.Context, l Login) (*Attempt, error) {
	if err := l.complete(&c.cfg); err != nil {
		return nil, err
	}
	metadata, err := c.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case metadata.AuthorizationEndpoint == "":
		return nil, fmt.Errorf("client: %s has no authorization_endpoint", metadata.Issuer)
	case lacks(metadata.PKCEMethods, "S256"): // RFC 9700 §2.1.1
		return nil, fmt.Errorf("client: %s does not offer PKCE with S256, only %s", metadata.Issuer, strings.Join(metadata.PKCEMethods, ", "))
	}
	a := &Attempt{
		State: random(), Verifier: random(), // FAPI 2.0 §5.3.3.2 (4): fresh for each request
		RedirectURI: l.RedirectURI, Scope: l.Scope, Resource: l.Resource, ACR: l.ACR, MaxAge: l.MaxAge, Vault: l.Vault,
	}
	if a.openID() {
		a.Nonce = random() // 43 characters: FAPI 2.0 §5.3.3.2 (7) allows 64
	}
	var requestURI string
	err = c.send(ctx, message{
		to:     func(e *Endpoints) string { return e.PAREndpoint },
		name:   "pushed_authorization_request_endpoint",
		grant:  "authorization_code",
		form:   c.authorizationRequest(l, a),
		proven: true, // RFC 9449 §10.1
		status: http.StatusCreated,
		read: func(from *answer) (err error) {
			requestURI, a.Expires, err = readPushed(from)
			return err
		},
	})
	if err != nil {
		return nil, err
	}
	a.Address, err = frontChannel(metadata.AuthorizationEndpoint, c.cfg.ClientID, requestURI)
	return a, err
}

// complete fills in what the Config says, and refuses what cannot work.
func (l *Login) complete(cfg *Config) error {
	if len(l.Scope) == 0 {
		l.Scope = cfg.Scope
	}
	if len(l.Resource) == 0 {
		l.Resource = cfg.Resource
	}
	l.Scope, l.Resource, l.ACR = slices.Clone(l.Scope), slices.Clone(l.Resource), slices.Clone(l.ACR)
	var errs []error
	if !mayRedirectTo(l.RedirectURI) {
		errs = append(errs, fmt.Errorf("client: RedirectURI %q is neither an https URL nor a loopback address, without fragment", l.RedirectURI))
	}
	if _, err := tenon.ParseScope(l.Scope.String()); err != nil || slices.Contains(l.Scope, "") {
		errs = append(errs, fmt.Errorf("client: Scope %q is not a list of scope tokens", []string(l.Scope)))
	}
	if l.Details != nil && !json.Valid(l.Details) {
		errs = append(errs, errors.New("client: Details is not JSON"))
	}
	if (len(l.ACR) > 0 || l.MaxAge > 0) && !l.Scope.Has("openid") {
		errs = append(errs, errors.New("client: ACR and MaxAge are answered in an ID token: they need the scope openid"))
	}
	if l.MaxAge < 0 {
		errs = append(errs, fmt.Errorf("client: MaxAge %v is negative", l.MaxAge))
	}
	return errors.Join(errs...)
}

// mayRedirectTo allows https, and http to this very machine (FAPI 2.0 §5.3.2.2 (8), RFC 8252 §7.3).
func mayRedirectTo(s string) bool {
	if u, err := parseHTTPS(s); err == nil {
		return u.Fragment == ""
	}
	_, err := parseLoopback(s)
	return err == nil
}

// authorizationRequest is all that the person will be asked for. Nothing of it travels through the browser.
func (c *Client) authorizationRequest(l Login, a *Attempt) url.Values {
	challenge := sha256.Sum256([]byte(a.Verifier))
	form := url.Values{
		"response_type":         {"code"}, // FAPI 2.0 §5.3.3.2 (1)
		"client_id":             {c.cfg.ClientID},
		"redirect_uri":          {a.RedirectURI},
		"state":                 {a.State},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(challenge[:])},
		"code_challenge_method": {"S256"}, // FAPI 2.0 §5.3.3.2 (3)
	}
	if c.cfg.Key != nil {
		form.Set("dpop_jkt", c.cfg.Key.Thumbprint()) // RFC 9449 §10
	}
	for name, value := range map[string]string{
		"scope": l.Scope.String(), "nonce": a.Nonce, "authorization_details": string(l.Details), "acr_values": strings.Join(l.ACR, " "),
		"prompt": l.Prompt, "login_hint": l.Hint, "ui_locales": strings.Join(l.Locale, " "),
	} {
		if value != "" {
			form.Set(name, value)
		}
	}
	if l.MaxAge > 0 {
		form.Set("max_age", strconv.FormatInt(int64(l.MaxAge/time.Second), 10))
	}
	if len(l.Resource) > 0 {
		form["resource"] = l.Resource
	}
	return form
}

// maxRequestURI bounds what is put into an address.
const maxRequestURI = 2048

// readPushed reads the answer to a pushed request (RFC 9126 §2.2).
func readPushed(from *answer) (requestURI string, expires time.Time, err error) {
	var life int64
	err = strictjson.Object(from.body, func(name string, v strictjson.Value) (err error) {
		switch name {
		case "request_uri":
			requestURI, err = v.Str()
		case "expires_in":
			life, err = v.Int()
		}
		return err
	})
	switch {
	case err != nil:
		err = fmt.Errorf("pushed authorization response: %w", err)
	case requestURI == "" || len(requestURI) > maxRequestURI:
		err = errors.New("pushed authorization response: request_uri is missing or too long")
	case life <= 0:
		err = errors.New("pushed authorization response: expires_in is missing or not positive")
	}
	return requestURI, from.start.Add(time.Duration(min(life, 600)) * time.Second), err
}

// frontChannel is the address for the browser: client_id and request_uri, and nothing else (FAPI 2.0 §5.3.3.2 (6)).
func frontChannel(endpoint, clientID, requestURI string) (string, error) {
	u, err := parseHTTPS(endpoint)
	if err != nil {
		return "", fmt.Errorf("client: authorization_endpoint: %w", err)
	}
	query := u.Query()
	query.Set("client_id", clientID)
	query.Set("request_uri", requestURI)
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// openID reports whether the server is asked who the person is.
func (a *Attempt) openID() bool { return a.Scope.Has("openid") }

// random gives 32 random bytes as 43 characters of base64url (RFC 7636 §4.1).
func random() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
