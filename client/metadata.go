package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Metadata is what the authorization server says of itself (RFC 8414 §2), as far as this client needs it. A list is nil
// when the server left it out.
type Metadata struct {
	Issuer string `json:"issuer"`
	Endpoints
	MTLS              Endpoints `json:"mtls_endpoint_aliases"` // RFC 8705 §5; empty where there is none
	JWKSURI           string    `json:"jwks_uri"`
	GrantTypes        []string  `json:"grant_types_supported"`
	AuthMethods       []string  `json:"token_endpoint_auth_methods_supported"`
	AuthAlgorithms    []string  `json:"token_endpoint_auth_signing_alg_values_supported"`
	DPoPAlgorithms    []string  `json:"dpop_signing_alg_values_supported"`
	PKCEMethods       []string  `json:"code_challenge_methods_supported"`
	IDTokenAlgorithms []string  `json:"id_token_signing_alg_values_supported"`
}

// Endpoints are where a server is called. One that it does not have is empty.
type Endpoints struct {
	TokenEndpoint         string `json:"token_endpoint"`
	AuthorizationEndpoint string `json:"authorization_endpoint"`
	PAREndpoint           string `json:"pushed_authorization_request_endpoint"` // RFC 9126 §5
	RevocationEndpoint    string `json:"revocation_endpoint"`                   // RFC 7009
	UserInfoEndpoint      string `json:"userinfo_endpoint"`                     // OpenID Connect Discovery §3
}

// check refuses an endpoint that would be called without TLS.
func (e *Endpoints) check(where string) error {
	for _, one := range []struct{ name, address string }{
		{"token_endpoint", e.TokenEndpoint},
		{"authorization_endpoint", e.AuthorizationEndpoint},
		{"pushed_authorization_request_endpoint", e.PAREndpoint},
		{"revocation_endpoint", e.RevocationEndpoint},
		{"userinfo_endpoint", e.UserInfoEndpoint},
	} {
		if one.address == "" {
			continue
		}
		if _, err := parseHTTPS(one.address); err != nil {
			return fmt.Errorf("%s%s: %w", where, one.name, err)
		}
	}
	return nil
}

const (
	metadataSize  = 256 << 10 // larger documents are refused
	metadataFresh = time.Hour
	metadataStale = 24 * time.Hour // used this long when the server cannot be asked again
)

// discovery finds the metadata of one issuer and keeps it.
type discovery struct {
	issuer string
	http   http.RoundTripper // follows no redirect: the answer must be 200 (RFC 8414 §3.2)
	now    func() time.Time
	saw    func(*http.Response) // told of every answer: its Date sets the clock

	turn chan struct{} // of size 1: who has put something in owns what follows
	held *Metadata
	at   time.Time // when held was read
}

// metadata gives what the server says of itself, at most an hour old. When it cannot be asked again, what it said before
// stays true for a day: endpoints seldom move, and an error of theirs will tell.
func (d *discovery) metadata(ctx context.Context) (*Metadata, error) {
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	age := d.now().Sub(d.at)
	if d.held != nil && age < metadataFresh && age >= 0 {
		return d.held, nil
	}
	m, err := d.read(ctx)
	if err != nil {
		if d.held != nil && age < metadataStale && age >= 0 {
			return d.held, nil
		}
		return nil, fmt.Errorf("discovery of %s: %w", d.issuer, err)
	}
	d.held, d.at = m, d.now()
	return m, nil
}

// forget makes the next caller ask again.
func (d *discovery) forget() {
	d.turn <- struct{}{}
	d.held = nil
	<-d.turn
}

// read asks at the place that RFC 8414 names and, when nothing is there, at that of OpenID Connect.
func (d *discovery) read(ctx context.Context) (*Metadata, error) {
	oauth, openid, err := metadataURLs(d.issuer)
	if err != nil {
		return nil, err
	}
	m, err := d.readFrom(ctx, oauth)
	if errors.Is(err, errNotThere) {
		return d.readFrom(ctx, openid)
	}
	return m, err
}

var errNotThere = errors.New("no metadata here")

func (d *discovery) readFrom(ctx context.Context, from string) (*Metadata, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := d.http.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", from, err)
	}
	defer resp.Body.Close()
	d.saw(resp)
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("GET %s: %w", from, errNotThere)
	case resp.StatusCode != http.StatusOK: // RFC 8414 §3.2
		return nil, fmt.Errorf("GET %s: %s, wanted 200 and no redirect", from, resp.Status)
	}
	body, err := readAll(resp.Body, metadataSize)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", from, err)
	}
	return parseMetadata(body, d.issuer)
}

// parseMetadata reads the document and refuses one that is not of the issuer asked for: who can make this client believe
// another issuer's endpoints gets its assertions and proofs sent there (RFC 8414 §6.2).
func parseMetadata(body []byte, issuer string) (*Metadata, error) {
	var m Metadata
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, errors.New("the metadata is not a JSON object of the form of RFC 8414 §2")
	}
	if m.Issuer != issuer { // RFC 8414 §3.3, FAPI 2.0 §5.3.3.1 (11): equal, not equivalent
		return nil, fmt.Errorf("the metadata is of issuer %q, not of %q: configure the issuer exactly as it names itself", m.Issuer, issuer)
	}
	if _, err := parseHTTPS(m.TokenEndpoint); err != nil {
		return nil, fmt.Errorf("token_endpoint: %w", err)
	}
	if err := m.Endpoints.check(""); err != nil {
		return nil, err
	}
	if err := m.MTLS.check("mtls_endpoint_aliases."); err != nil {
		return nil, err
	}
	return &m, nil
}

// metadataURLs puts the well-known path between host and path of the issuer (RFC 8414 §3.1), and after the issuer (OpenID
// Connect Discovery §4).
func metadataURLs(issuer string) (oauth, openid string, err error) {
	u, err := parseHTTPS(issuer)
	if err != nil {
		return "", "", err
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	origin := (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
	return origin + "/.well-known/oauth-authorization-server" + path, origin + path + "/.well-known/openid-configuration", nil
}

// readAll reads a body of at most limit bytes. A longer one is an error: a part of it must not be taken for the whole.
func readAll(r io.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("the answer is longer than %d bytes", limit)
	}
	return body, nil
}
