package issuer_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/issuer/browser"
	"github.com/tenon-auth/tenon/issuer/people"
)

// BenchmarkIntrospection measures the whole endpoint, the durable commit of the assertion's jti included, against the verifications
// that cannot be saved: of the assertion, and of a token that is a JWT.
func BenchmarkIntrospection(b *testing.B) {
	for _, tt := range []struct {
		name, client string
		cost         rawCost
	}{
		{"jwt", "bench", rawCost{verifications: 2}},
		{"opaque", "bench-opaque", rawCost{verifications: 1}},
	} {
		b.Run(tt.name, func(b *testing.B) {
			f := newBenchServer(b, withLog, func(c *issuer.Config) { c.Tokens.Lifetime = time.Hour })
			f.token = f.answer(b, f.wire(b).tokenRequest(b, "grant_type=client_credentials&", tt.client)).AccessToken
			f.what = "introspect"
			f.measure(b, tt.cost)
		})
	}
}

// BenchmarkUserInfo measures the whole endpoint, the durable commit of the proof's jti included, against the verification of the
// proof: the token was seen before.
func BenchmarkUserInfo(b *testing.B) {
	b.Run("dpop", func(b *testing.B) {
		var directory *people.Directory
		f := newBenchServer(b, withLog, func(c *issuer.Config) {
			c.Tokens.Lifetime = time.Hour
			directory = openPeople(b, c)
		})
		person, err := directory.Add(b.Context(), people.Person{Username: "alice", Profile: people.Profile{Email: "alice@example.com"}})
		must(b, err)
		f.token = f.personToken(b, person)
		f.what = "userinfo"
		f.measure(b, rawCost{verifications: 1})
	})
}

// wire makes requests in this process.
func (f *benchServer) wire(b *testing.B) *wire {
	proofs, err := dpop.NewKey(f.proof, dpop.ES256)
	must(b, err)
	return &wire{key: f.key, proofs: proofs}
}

func (w *wire) tokenRequest(b *testing.B, form, client string) []byte {
	return post("/token", w.proof(b, "POST", "/token"), form+assertionForm(b, w.key, client))
}

// personToken goes from the pushed request to the token.
func (f *benchServer) personToken(b *testing.B, person people.Person) string {
	w := f.wire(b)
	verifier, challenge := challenged()
	form := url.Values{
		"response_type": {"code"}, "redirect_uri": {redirectURI}, "code_challenge": {challenge}, "code_challenge_method": {"S256"}, "scope": {"openid email"},
	}
	pushed := f.answer(b, post("/par", "", form.Encode()+"&"+assertionForm(b, f.key, "bench-app")))
	approved, err := f.issuer.ApproveAll(b.Context(), "bench-app", pushed.RequestURI, browser.Approval{Subject: person.Subject, AuthTime: time.Now(), ACR: "urn:tenon:acr:password"})
	must(b, err)
	redeem := url.Values{"grant_type": {"authorization_code"}, "code": {approved.Get("code")}, "redirect_uri": {redirectURI}, "code_verifier": {verifier}}
	return f.answer(b, w.tokenRequest(b, redeem.Encode()+"&", "bench-app")).AccessToken
}

type benchAnswer struct {
	AccessToken string `json:"access_token"`
	RequestURI  string `json:"request_uri"`
}

// answer sends one request and reads what comes back.
func (f *benchServer) answer(b *testing.B, request []byte) (read benchAnswer) {
	c, err := net.Dial("tcp", f.address)
	must(b, err)
	defer c.Close()
	_, err = c.Write(request)
	must(b, err)
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	must(b, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	must(b, err)
	if answer.StatusCode >= 300 {
		b.Fatalf("%d %s", answer.StatusCode, body)
	}
	must(b, json.Unmarshal(body, &read))
	return read
}
