package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/tenon-auth/tenon/dpop"
)

// A call is one request to the payments API with exactly what is put into it: no client library helps.
type call struct {
	method, path  string
	scheme, token string
	proof         string       // no DPoP field when empty
	over          *http.Client // decides which certificate is shown
}

// maxAnswer is more than any answer of the demo's servers.
const maxAnswer = 64 << 10

// send carries out a call. An error means that there was no answer.
func (s *stage) send(ctx context.Context, c call) (Outcome, error) {
	req, err := s.request(ctx, c.method, c.path)
	if err != nil {
		return Outcome{}, err
	}
	if c.token != "" {
		req.Header.Set("Authorization", c.scheme+" "+c.token)
	}
	if c.proof != "" {
		req.Header.Set("DPoP", c.proof)
	}
	resp, err := c.over.Do(req)
	if err != nil {
		return Outcome{}, err
	}
	outcome, err := s.read(resp)
	outcome.Sent = c.describe()
	return outcome, err
}

// request makes a request to the API. A POST asks for a payment.
func (s *stage) request(ctx context.Context, method, path string) (*http.Request, error) {
	if method != http.MethodPost {
		return http.NewRequestWithContext(ctx, method, s.cast.API+path, nil)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.cast.API+path, strings.NewReader(`{"amount":"12.50","currency":"EUR","to":"DE02120300000000202051"}`))
	if err == nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, err
}

// read reads the API's answer: of a refusal the code and the words, of anything else what was given.
func (s *stage) read(resp *http.Response) (Outcome, error) {
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return Outcome{}, err
	}
	outcome := Outcome{Status: resp.StatusCode, Check: resp.Header.Get(checkHeader)}
	if refusal := s.shop.Explain(resp); refusal != nil {
		outcome.Code, outcome.Why = refusal.Code, refusal.Description
		return outcome, nil
	}
	var given answer
	if err := json.Unmarshal(body, &given); err != nil {
		return Outcome{}, fmt.Errorf("the API's answer cannot be read: %w", err)
	}
	outcome.Why = given.Text
	return outcome, nil
}

// describe says in short what was sent.
func (c call) describe() string {
	words := []string{c.method + " " + c.path}
	if c.token != "" {
		words = append(words, "Authorization: "+c.scheme+" "+short(c.token))
	}
	if c.proof != "" {
		words = append(words, "DPoP: "+describeProof(c.proof))
	}
	return strings.Join(words, " · ")
}

// describeProof says what a proof of the demo's own says.
func describeProof(proof string) string {
	var header struct {
		JWK json.RawMessage `json:"jwk"`
	}
	var claims struct {
		HTM   string `json:"htm"`
		HTU   string `json:"htu"`
		Nonce string `json:"nonce"`
	}
	if decodeSegment(proof, 0, &header) != nil || decodeSegment(proof, 1, &claims) != nil {
		return short(proof)
	}
	return fmt.Sprintf("%s, signed for %s %s", short(proof), claims.HTM, pathOf(claims.HTU))
}

// resource gives the URL that a proof for a call to the API must name.
func (s *stage) resource(path string) string { return s.cast.API + path }

// target is what an honest proof for a request with shop's token says.
func (s *stage) target(method, path string) dpop.Target {
	return dpop.Target{Method: method, URL: s.resource(path), AccessToken: s.loot.token, Nonce: s.loot.nonce}
}
