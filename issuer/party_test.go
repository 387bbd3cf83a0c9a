package issuer_test

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
)

const resource = "https://api.example.com"

// A party is a registered client with its secrets.
type party struct {
	server *server
	record issuer.Client
	key    crypto.Signer // of assertions; nil for the TLS methods
	proofs crypto.Signer // of proofs: an EC key
	kid    string        // of key; "" means k0
	leaf   *certs.Leaf   // its certificate, nil for none
}

var serial atomic.Int64 // makes every jti another one

// register makes a client with private_key_jwt and ES256 that edit may turn into any other.
func (v *server) register(id string, edit func(*party)) *party {
	v.t.Helper()
	p := &party{server: v, key: ecKey(v.t), proofs: ecKey(v.t), record: issuer.Client{
		ID: id, AuthMethod: issuer.PrivateKeyJWT, Algorithm: "ES256", GrantTypes: []string{"client_credentials"},
		Scope: tenon.Scope{"accounts", "payments"}, Resources: []string{resource, "https://other.example.com"},
	}}
	if edit != nil {
		edit(p)
	}
	if p.record.AuthMethod == issuer.PrivateKeyJWT && p.record.JWKS.Keys == nil {
		p.record.JWKS = publicSet(p.key)
	}
	_, err := v.admin.AddClient(v.t.Context(), p.record)
	must(v.t, err)
	return p
}

// A message is a token request in the making. What is empty is as a good client would have it.
type message struct {
	alias       bool        // to the certificate listener
	form        url.Values  // replaces parameters; an empty list drops one
	body        string      // replaces the form
	assertion   part        // private_key_jwt
	proof       part        // DPoP
	proofFields []string    // replaces the DPoP header fields; {} means none
	leaf        *certs.Leaf // shows another certificate than the client's
	noLeaf      bool        // shows none
	method      string      // instead of POST
	header      http.Header // added
	target      string      // instead of the token endpoint
	nonce       string      // in the proof
}

// A part changes a JWT before and after it is signed. A nil value removes a member. In strings, @now+5, @issuer, @token, @alias,
// @client and @new stand for what they say; a quoted "@now+5" becomes a number.
type part struct {
	Header, Claims         map[string]any
	HeaderText, ClaimsText string // replace the JSON text
	Key                    string // whose key signs: "", "other", "public as secret", "none"
	Sign                   string // how, when that is not what alg says
	Spell                  string // see respell
	Raw                    string // replaces all of it
	Omit                   bool
}

type reply struct {
	status int
	header http.Header
	raw    string
	event  issuer.Event
	body   struct {
		AccessToken string     `json:"access_token"`
		TokenType   string     `json:"token_type"`
		ExpiresIn   int        `json:"expires_in"`
		Scope       string     `json:"scope"`
		Receipt     string     `json:"binding_receipt"`
		Refresh     string     `json:"refresh_token"`
		IDToken     string     `json:"id_token"`
		Details     []any      `json:"authorization_details"`
		RequestURI  string     `json:"request_uri"`
		Code        tenon.Code `json:"error"`
		Description string     `json:"error_description"`
	}
}

// send makes the request and sends it.
func (p *party) send(m message) reply {
	p.server.t.Helper()
	got := p.do(p.request(m), p.certificate(m))
	got.event = p.server.event()
	return got
}

func (p *party) certificate(m message) *certs.Leaf {
	switch {
	case m.noLeaf || !m.alias:
		return nil
	case m.leaf != nil:
		return m.leaf
	}
	return p.leaf
}

func (p *party) do(r *http.Request, leaf *certs.Leaf) reply {
	t := p.server.t
	t.Helper()
	answer, err := p.server.client(leaf).Do(r)
	must(t, err)
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	must(t, err)
	out := reply{status: answer.StatusCode, header: answer.Header, raw: string(data)}
	if len(data) > 0 && strings.HasPrefix(answer.Header.Get("Content-Type"), "application/json") {
		must(t, json.Unmarshal(data, &out.body))
	}
	return out
}

// request makes the request: with an assertion or the certificate, whichever the client is registered for, and a proof.
func (p *party) request(m message) *http.Request {
	t := p.server.t
	t.Helper()
	endpoint := p.server.url + "/token"
	if m.alias {
		endpoint = p.server.alias.URL + p.server.path + "/token"
	}
	if m.target != "" {
		endpoint = m.target
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {p.record.ID}}
	if p.record.AuthMethod == issuer.PrivateKeyJWT && !m.assertion.Omit {
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", p.assertion(m.assertion))
	}
	maps.Copy(form, m.form)
	body := form.Encode()
	if m.body != "" {
		body = m.body
	}
	method := m.method
	if method == "" {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(t.Context(), method, endpoint, bytes.NewReader([]byte(body)))
	must(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if m.proofFields == nil && !m.proof.Omit {
		m.proofFields = []string{p.proof(endpoint, m)}
	}
	if len(m.proofFields) > 0 {
		r.Header["Dpop"] = m.proofFields
	}
	maps.Copy(r.Header, m.header)
	return r
}

func (p *party) assertion(change part) string {
	header := map[string]any{"alg": p.record.Algorithm, "typ": "client-authentication+jwt", "kid": cmp.Or(p.kid, "k0")}
	claims := map[string]any{"iss": "@client", "sub": "@client", "aud": "@issuer", "exp": "@now+60", "iat": "@now+0", "jti": "@new"}
	return p.jwt(p.key, header, claims, change)
}

func (p *party) proof(endpoint string, m message) string {
	key, err := dpop.NewKey(p.proofs, dpop.ES256)
	must(p.server.t, err)
	header := map[string]any{"alg": "ES256", "typ": "dpop+jwt", "jwk": json.RawMessage(key.JWK())}
	claims := map[string]any{"htm": "POST", "htu": endpoint, "iat": "@now+0", "jti": "@new"}
	if m.nonce != "" {
		claims["nonce"] = m.nonce
	}
	return p.jwt(p.proofs, header, claims, m.proof)
}

// jwt applies a change to a JWT and signs it.
func (p *party) jwt(key any, header, claims map[string]any, change part) string {
	t := p.server.t
	t.Helper()
	if change.Raw != "" {
		return change.Raw
	}
	headerText, claimsText := change.HeaderText, change.ClaimsText
	if headerText == "" {
		headerText = edited(t, header, change.Header)
	}
	if claimsText == "" {
		claimsText = edited(t, claims, change.Claims)
	}
	switch change.Key {
	case "other":
		switch key.(type) {
		case *rsa.PrivateKey, ed25519.PrivateKey:
			t.Fatal("the tests have no other key of this kind")
		default:
			key = ecKey(t)
		}
	case "public as secret":
		hash := sha256.Sum256(fmt.Append(nil, key.(crypto.Signer).Public()))
		key = hash[:]
	case "none":
		key = nil
	}
	return respell(t, sign(t, key, change.Sign, text{p.filled(headerText), p.filled(claimsText)}), change.Spell)
}

func edited(t testing.TB, base, change map[string]any) string {
	t.Helper()
	for name, value := range change {
		if value == nil {
			delete(base, name)
		} else {
			base[name] = value
		}
	}
	text, err := json.Marshal(base)
	must(t, err)
	return string(text)
}

var instants = regexp.MustCompile(`"@now([+-]\d+)"`)

// filled replaces the placeholders.
func (p *party) filled(text string) string {
	text = instants.ReplaceAllStringFunc(text, func(s string) string {
		seconds, err := strconv.Atoi(instants.FindStringSubmatch(s)[1])
		must(p.server.t, err)
		return strconv.FormatInt(p.server.clock.Now().Add(time.Duration(seconds)*time.Second).Unix(), 10)
	})
	return strings.NewReplacer("@issuer", p.server.url, "@token", p.server.url+"/token", "@par", p.server.url+"/par", "@alias", p.server.alias.URL+p.server.path+"/token",
		"@client", p.record.ID, "@big", strings.Repeat("x", 70<<10), "@new", "id-"+strconv.FormatInt(serial.Add(1), 10)).Replace(text)
}

// accepted sends a request that must be answered with a token, and opens the token.
func (p *party) accepted(m message) accessToken {
	t := p.server.t
	t.Helper()
	got := p.send(m)
	if got.status != http.StatusOK {
		t.Fatalf("a good request was answered %d %s", got.status, got.raw)
	}
	return p.server.open(got.body.AccessToken)
}

// refused sends a request that must be refused and holds the refusal to RFC 6749 §5.2.
func (p *party) refused(m message, status int, code tenon.Code, reason string) reply {
	t := p.server.t
	t.Helper()
	got := p.send(m)
	if got.status != status || got.body.Code != code || got.event.Reason != reason {
		t.Errorf("answered %d %s (%s), want %d %s (%s)", got.status, got.raw, got.event.Reason, status, code, reason)
	}
	checkRefusal(t, got)
	return got
}

// checkRefusal holds a refusal to what is true of each.
func checkRefusal(t testing.TB, got reply) {
	t.Helper()
	if got.body.AccessToken != "" {
		t.Error("the refusal carries a token")
	}
	for _, c := range []byte(got.body.Description) {
		if c < 0x20 || c > 0x7e || c == '"' || c == '\\' { // RFC 6749 §5.2
			t.Errorf("error_description has the byte %#x", c)
		}
	}
	if got.header.Get("Cache-Control") != "no-store" { // RFC 6749 §5.1
		t.Errorf("Cache-Control is %q", got.header.Get("Cache-Control"))
	}
	if n := len(got.header.Values("DPoP-Nonce")); n > 1 { // RFC 9449 §8
		t.Errorf("%d DPoP-Nonce fields", n)
	}
}

// get reads a public document.
func (v *server) get(address string) (*http.Response, []byte) {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodGet, address, nil)
	must(v.t, err)
	answer, err := v.client(nil).Do(r)
	must(v.t, err)
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	must(v.t, err)
	return answer, data
}

func (v *server) getJSON(address string, into any) {
	v.t.Helper()
	answer, data := v.get(address)
	v.event()
	if answer.StatusCode != http.StatusOK {
		v.t.Fatalf("GET %s: %d %s", address, answer.StatusCode, data)
	}
	must(v.t, json.Unmarshal(data, into))
}
