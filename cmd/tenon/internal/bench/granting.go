package bench

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/issuer/people"
)

// roundFlows is how many requests are made beforehand and measured together. A durable commit is shared by those who come at
// once, so they do come at once.
const roundFlows = 256

const (
	userInfoURL = issuerURL + "/userinfo"
	callbackURL = "https://client.example/callback"
	callbackFor = "openid payments"
	sessionName = "__Host-tenon-session"
)

// granting measures what a person's grant is made of: the whole code flow, from the pushed request over the person's consent of
// before to tokens; refreshing them; asking what a token says; and who the person is. The handlers are called directly.
func granting(ctx context.Context, b *bench, budget time.Duration) error {
	f, err := newFlows(ctx, b.service)
	if err != nil {
		return err
	}
	for _, part := range []struct {
		name             string
		verifies, signs  int
		prepare          func(context.Context) (func() error, error)
		comparedWithText string
	}{
		{"code flow: PAR, consent, token", 4, 2, f.codeFlow, "four bare verifications and two signatures"},
		{"refresh", 2, 2, f.refresh, "two bare verifications and two signatures"},
		{"introspection of a JWT", 2, 0, f.introspection, "two bare verifications"},
		{"userinfo", 1, 0, f.userInfo, "one bare verification"},
	} {
		var done, verified, signed sample
		for end := time.Now().Add(budget / 4); time.Now().Before(end) && ctx.Err() == nil; {
			if err := errors.Join(measureRound(ctx, &done, part.prepare), b.raw.verifyBlock(&verified), b.raw.signBlock(&signed)); err != nil {
				return fmt.Errorf("%s: %w", part.name, err)
			}
		}
		figure := newFigure("A person's grant, 64 callers", part.name, callers, &done)
		figure.compare(part.comparedWithText, time.Duration(part.verifies)*verified.cpuEach()+time.Duration(part.signs)*signed.cpuEach())
		b.report.add(figure)
	}
	return ctx.Err()
}

// measureRound makes a round of requests, and then has a crowd send them.
func measureRound(ctx context.Context, s *sample, prepare func(context.Context) (func() error, error)) error {
	ready := make([]func() error, roundFlows)
	for i := range ready {
		var err error
		if ready[i], err = prepare(ctx); err != nil {
			return err
		}
	}
	crowd := crowd{callers: callers, count: len(ready), limit: roundLimit}
	return crowd.run(ctx, s, func(_, i int) error { return ready[i]() })
}

// flows are the requests about a person, who is logged in and has said yes before. Another one comes after every few, as would
// be: what somebody has allowed is looked at before they are asked.
type flows struct {
	*service
	arrived       int    // people so far
	prepared      int    // code flows so far
	cookie        string // the session of the newest
	access, again string // an access token and a refresh token of the first's grant
}

// flowsEach is how many code flows one person goes through.
const flowsEach = 4

func newFlows(ctx context.Context, s *service) (*flows, error) {
	f := &flows{service: s}
	if err := f.arrive(ctx); err != nil {
		return nil, err
	}
	tokens, err := f.authorize()
	f.access, f.again = tokens.Access, tokens.Refresh
	return f, err
}

// arrive logs in somebody new, who says yes for the first time.
func (f *flows) arrive(ctx context.Context) error {
	f.arrived++
	person, err := f.people.Add(ctx, people.Person{Username: fmt.Sprint("bench-", f.arrived)})
	if err != nil {
		return err
	}
	f.cookie, _, err = f.sessions.Start(ctx, people.Session{Subject: person.Subject, Methods: []people.Method{people.Pwd}, AuthTime: time.Now()})
	if err != nil {
		return err
	}
	if err := f.consent(); err != nil {
		return fmt.Errorf("the first consent: %w", err)
	}
	return nil
}

// A given is what a token answer gives.
type given struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

var formToken = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// consent says yes once, on the page; after that the person is not asked again.
func (f *flows) consent() error {
	push, _, err := f.pushRequest()
	if err != nil {
		return err
	}
	location, err := f.pushed(push)
	if err != nil {
		return err
	}
	page := f.serve(browse(f.cookie, http.MethodGet, location, nil))
	found := formToken.FindStringSubmatch(page.Body.String())
	if page.Code != http.StatusOK || found == nil {
		return fmt.Errorf("the consent page is %d", page.Code)
	}
	at, err := url.Parse(location)
	if err != nil {
		return err
	}
	form := at.Query()
	form.Set("csrf", found[1])
	form.Set("do", "approve")
	answer := f.serve(browse(f.cookie, http.MethodPost, issuerURL+"/consent", form))
	if answer.Code != http.StatusSeeOther {
		return fmt.Errorf("the answer to the consent is %d", answer.Code)
	}
	return nil
}

// codeFlow prepares a whole flow.
func (f *flows) codeFlow(ctx context.Context) (func() error, error) {
	if f.prepared++; f.prepared%flowsEach == 0 {
		if err := f.arrive(ctx); err != nil {
			return nil, err
		}
	}
	cookie := f.cookie
	push, redeem, err := f.pair()
	if err != nil {
		return nil, err
	}
	return func() error {
		_, err := f.finish(cookie, push, redeem)
		return err
	}, nil
}

// authorize goes through one flow now.
func (f *flows) authorize() (given, error) {
	push, redeem, err := f.pair()
	if err != nil {
		return given{}, err
	}
	return f.finish(f.cookie, push, redeem)
}

// pair makes the two calls of a flow; the second wants the code yet.
func (f *flows) pair() (push, redeem *message, err error) {
	push, verifier, err := f.pushRequest()
	if err != nil {
		return nil, nil, err
	}
	redeem, err = f.form("/token", url.Values{"grant_type": {"authorization_code"}, "redirect_uri": {callbackURL}, "code_verifier": {verifier}}, true)
	return push, redeem, err
}

// finish pushes, has the browser fetch the code, and redeems it.
func (f *flows) finish(cookie string, push, redeem *message) (tokens given, err error) {
	location, err := f.pushed(push)
	if err != nil {
		return tokens, err
	}
	back := f.serve(browse(cookie, http.MethodGet, location, nil))
	at, err := url.Parse(back.Header().Get("Location"))
	if err != nil || back.Code != http.StatusSeeOther || at.Query().Get("code") == "" {
		return tokens, fmt.Errorf("the browser gets %d and no code", back.Code)
	}
	redeem.form.Set("code", at.Query().Get("code"))
	return tokens, f.ask(redeem, http.StatusOK, &tokens)
}

// pushed pushes a request, and gives where the browser goes.
func (f *flows) pushed(push *message) (string, error) {
	var answer struct {
		RequestURI string `json:"request_uri"`
	}
	if err := f.ask(push, http.StatusCreated, &answer); err != nil {
		return "", err
	}
	return issuerURL + "/authorize?" + url.Values{"client_id": {webID}, "request_uri": {answer.RequestURI}}.Encode(), nil
}

func (f *flows) pushRequest() (push *message, verifier string, err error) {
	verifier = rand.Text() + rand.Text()
	challenge := sha256.Sum256([]byte(verifier))
	push, err = f.form("/par", url.Values{
		"response_type": {"code"}, "redirect_uri": {callbackURL}, "scope": {callbackFor},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}, true)
	return push, verifier, err
}

func (f *flows) refresh(context.Context) (func() error, error) {
	m, err := f.form("/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {f.again}}, true)
	return func() error { return f.ask(m, http.StatusOK, &given{}) }, err
}

func (f *flows) introspection(context.Context) (func() error, error) {
	m, err := f.form("/introspect", url.Values{"token": {f.access}}, false)
	return func() error {
		var answer struct {
			Active bool `json:"active"`
		}
		if err := f.ask(m, http.StatusOK, &answer); err != nil || answer.Active {
			return err
		}
		return errors.New("the token is not active")
	}, err
}

func (f *flows) userInfo(context.Context) (func() error, error) {
	proof, err := f.key.Proof(dpop.Target{Method: http.MethodGet, URL: userInfoURL, AccessToken: f.access})
	r := httptest.NewRequest(http.MethodGet, userInfoURL, nil)
	r.RequestURI = r.URL.Path // as a server reads it
	r.Header.Set("Authorization", "DPoP "+f.access)
	r.Header.Set("DPoP", proof)
	return func() error {
		if answer := f.serve(r); answer.Code != http.StatusOK {
			return fmt.Errorf("userinfo is %d: %s", answer.Code, answer.Body)
		}
		return nil
	}, err
}

// A message is a client's call that was made beforehand.
type message struct {
	path, proof string
	form        url.Values
}

// form makes a call of the web client, or of the API that introspects.
func (f *flows) form(path string, form url.Values, web bool) (*message, error) {
	id := webID
	if !web {
		id = serverID
	}
	assertion, err := f.assert(id)
	if err != nil {
		return nil, err
	}
	form.Set("client_id", id)
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", assertion)
	m := &message{path: path, form: form}
	if web {
		m.proof, err = f.key.Proof(dpop.Target{Method: http.MethodPost, URL: issuerURL + path})
	}
	return m, err
}

// ask sends a call and reads the answer.
func (f *flows) ask(m *message, want int, into any) error {
	r := httptest.NewRequest(http.MethodPost, issuerURL+m.path, strings.NewReader(m.form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if m.proof != "" {
		r.Header.Set("DPoP", m.proof)
	}
	answer := f.serve(r)
	if answer.Code != want {
		return fmt.Errorf("%s answers %d: %s", m.path, answer.Code, answer.Body)
	}
	return json.Unmarshal(answer.Body.Bytes(), into)
}

// browse makes a request of the person's browser.
func browse(cookie, method, address string, form url.Values) *http.Request {
	r := httptest.NewRequest(method, address, strings.NewReader(form.Encode()))
	r.AddCookie(&http.Cookie{Name: sessionName, Value: cookie})
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", issuerURL)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	return r
}

func (f *flows) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	f.tokens.ServeHTTP(w, r)
	return w
}

// The clients beside the one that acts for itself.
const (
	webID    = "bench-web" // people authorize it
	serverID = "bench-api" // introspects
)

// registerForPeople makes them known, with the key that every client here authenticates by.
func (s *service) registerForPeople(ctx context.Context, keys jose.JSONWebKeySet) error {
	admin := issuer.Admin{Store: s.store, Log: s.book}
	_, webErr := admin.AddClient(ctx, issuer.Client{
		ID: webID, AuthMethod: issuer.PrivateKeyJWT, Algorithm: string(dpop.ES256), JWKS: keys,
		GrantTypes: []string{issuer.AuthorizationCode, issuer.RefreshToken}, Scope: tenon.Scope{"openid", "payments"},
		Resources: []string{apiURL}, DPoPBound: true, CodeFlow: issuer.CodeFlow{RedirectURIs: []string{callbackURL}},
	})
	_, apiErr := admin.AddClient(ctx, issuer.Client{
		ID: serverID, AuthMethod: issuer.PrivateKeyJWT, Algorithm: string(dpop.ES256), JWKS: keys,
		GrantTypes: []string{issuer.ClientCredentials}, Resources: []string{apiURL}, Service: issuer.Service{Serves: []string{apiURL}},
	})
	return errors.Join(webErr, apiErr)
}
