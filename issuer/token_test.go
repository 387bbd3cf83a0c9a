package issuer_test

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/audit"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/mtls"
)

// What a token says, to the letter (RFC 9068 §2.2, RFC 9449 §6.1, Token Status List §6.2).
func TestTokenSaysWhatWasAskedFor(t *testing.T) {
	v := newServer(t, setup{})
	p := v.register("tpp-4711", nil)
	first := p.accepted(message{})
	before := v.clock.Now().Truncate(time.Second)
	got := p.send(message{form: map[string][]string{"scope": {"payments"}, "resource": {"https://other.example.com"}}})
	token := v.open(got.body.AccessToken)
	if token.claims.IssuedAt.Before(before) || token.claims.Expires.Sub(token.claims.IssuedAt) != 5*time.Minute {
		t.Errorf("iat %v, exp %v", token.claims.IssuedAt, token.claims.Expires)
	}
	thumbprint, err := dpop.Thumbprint(p.proofs.Public())
	must(t, err)
	want := fmt.Sprintf(`{"iss":%q,"sub":"tpp-4711","aud":"https://other.example.com","exp":%d,"iat":%d,"jti":"UUID",`+
		`"client_id":"tpp-4711","scope":"payments","cnf":{"jkt":%q},"status":{"status_list":{"idx":%[5]d,"uri":%[6]q}},"tlog":{"o":"as.example.com/log","i":%[5]d}}`,
		v.url, token.claims.Expires.Unix(), token.claims.IssuedAt.Unix(), thumbprint, first.claims.Log.Index+1, v.url+"/status/0")
	uuid := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)
	if diff := cmp.Diff(want, uuid.ReplaceAllString(token.payload, "UUID")); diff != "" {
		t.Error(diff)
	}
	key := v.keyring.List()[0]
	if diff := cmp.Diff(map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": key.ID}, token.header); diff != "" {
		t.Error(diff)
	}
	body := regexp.MustCompile(`"access_token":"[^"]+"`).ReplaceAllString(got.raw, `"access_token":"T"`)
	if want := `{"access_token":"T","token_type":"DPoP","expires_in":300,"scope":"payments"}`; body != want { // RFC 6749 §5.1
		t.Errorf("answered %s, want %s", body, want)
	}
	if got.header.Get("Cache-Control") != "no-store" || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", got.header)
	}
	if e := got.event; e.ClientID != "tpp-4711" || e.GrantType != "client_credentials" || e.KeyID != key.ID || e.LeafIndex != first.claims.Log.Index+1 ||
		e.Thumbprint != thumbprint || !e.HasOffset || e.Commit <= 0 || e.Duration < e.Commit || e.Status != 200 {
		t.Errorf("event %+v", e)
	}
}

func TestLeafSaysWhoGotWhatBoundToWhat(t *testing.T) {
	v := newServer(t, setup{})
	token := v.register("tpp-4711", nil).accepted(message{})
	leaf := v.leaf(token.claims.Log.Index)
	claims, err := audit.ClaimsDigest([]byte(token.payload))
	must(t, err)
	want := audit.Leaf{
		Type: audit.TokenIssued, Time: leaf.Time, Outcome: audit.OK,
		Binding: audit.LeafBinding{Method: audit.ByJKT, Key: leaf.Binding.Key},
		Token: audit.LeafToken{
			ID: leaf.Token.ID, Claims: claims, Client: "tpp-4711", Audience: resource, Scope: "accounts payments",
			Expires: token.claims.Expires.Unix(), KeyID: fmt.Sprint(token.header["kid"]),
		},
		Evidence: audit.LeafEvidence{Proof: leaf.Evidence.Proof, Detail: leaf.Evidence.Detail},
	}
	if diff := cmp.Diff(want, leaf); diff != "" {
		t.Error(diff)
	}
	for name, digest := range map[string]string{"kc": leaf.Binding.Key, "jc": leaf.Token.ID, "pd": leaf.Evidence.Proof, "dc": leaf.Evidence.Detail} {
		if !tenon.IsThumbprint(digest) {
			t.Errorf("%s is %q", name, digest)
		}
	}
}

// Every authentication method with every binding: no token without cnf, and in cnf what was proved.
func TestEveryMethodWithEveryBinding(t *testing.T) {
	v := newServer(t, setup{})
	self, err := certs.SelfSigned("self", 0)
	must(t, err)
	issued, err := v.ca.Client(certs.ClientSubject{CommonName: "tls", Organization: "Test"}, 0)
	must(t, err)
	methods := map[string]func(*party){
		"private_key_jwt": func(p *party) { p.leaf = self },
		"tls_client_auth": func(p *party) {
			p.leaf, p.key = issued, nil
			p.record.AuthMethod, p.record.Algorithm, p.record.Subject = issuer.TLSClientAuth, "", mtls.Subject{DN: "CN=tls,O=Test"}
		},
		"self_signed_tls_client_auth": func(p *party) {
			p.leaf, p.key = self, nil
			p.record.AuthMethod, p.record.Algorithm = issuer.SelfSignedTLSAuth, ""
			p.record.JWKS = publicSet(self.Key)
			p.record.JWKS.Keys[0].Certificates = append(p.record.JWKS.Keys[0].Certificates, self.Certificate)
		},
	}
	for method, edit := range methods {
		for _, binding := range []string{"DPoP", "mTLS", "both"} {
			t.Run(method+"/"+binding, func(t *testing.T) {
				v.t = t
				p := v.register(strings.ReplaceAll(method, "_", "-")+"-"+binding, func(p *party) {
					edit(p)
					p.record.DPoPBound, p.record.CertificateBound = binding == "DPoP", binding == "mTLS"
					if binding == "both" {
						p.record.DPoPBound, p.record.CertificateBound = true, true
					}
				})
				m := message{alias: true, proof: part{Omit: binding == "mTLS"}}
				got := p.accepted(m).claims.Confirmation
				want := map[string]string{}
				if binding != "mTLS" {
					want["jkt"], err = dpop.Thumbprint(p.proofs.Public())
					must(t, err)
				}
				if binding != "DPoP" {
					want["x5t"] = mtls.Thumbprint(p.leaf.Certificate)
				}
				if !got.Bound() || got.JKT != want["jkt"] || got.X5T != want["x5t"] {
					t.Errorf("cnf %+v, want %v", got, want)
				}
			})
		}
	}
}

func TestEverySigningAlgorithm(t *testing.T) {
	for _, alg := range dpop.Algorithms() {
		t.Run(string(alg), func(t *testing.T) {
			v := newServer(t, setup{keyring: func(c *issuer.KeyringConfig) { c.Algorithm = alg }})
			got := v.register("c", nil).send(message{})
			verifies(t, v, got.body.AccessToken, alg)
		})
	}
}

// RFC 9449 §8: the challenge costs the client nothing but the proof it must make anew.
func TestNonceChallengeDoesNotCostTheAssertion(t *testing.T) {
	v := newServer(t, withNonces(dpop.RequireNonce))
	p := v.register("c", nil)
	assertion := p.assertion(part{})
	challenged := p.refused(message{assertion: part{Raw: assertion}}, 400, tenon.UseDPoPNonce, "nonce")
	nonce := challenged.header.Get("DPoP-Nonce")
	p.accepted(message{assertion: part{Raw: assertion}, nonce: nonce})
	p.refused(message{assertion: part{Raw: assertion}, nonce: nonce}, 401, tenon.InvalidClient, "replay")
}

func TestAgingNonceBringsANewerOne(t *testing.T) {
	v := newServer(t, withNonces(dpop.RequireNonce))
	p := v.register("c", nil)
	nonce := p.send(message{}).header.Get("DPoP-Nonce")
	if got := p.send(message{nonce: nonce}); got.status != 200 || got.header.Get("DPoP-Nonce") != "" {
		t.Errorf("a fresh nonce: %d, DPoP-Nonce %q", got.status, got.header.Get("DPoP-Nonce"))
	}
	v.clock.advance(4 * time.Minute)
	got := p.send(message{nonce: nonce})
	if next := got.header.Get("DPoP-Nonce"); got.status != 200 || next == "" || next == nonce { // RFC 9449 §8.2
		t.Errorf("an aging nonce: %d, DPoP-Nonce %q", got.status, next)
	}
}

// A request that is refused for anything must be repeatable with the same proof and assertion.
func TestRefusedRequestSpendsNothing(t *testing.T) {
	v := newServer(t, setup{})
	p := v.register("c", nil)
	m := message{assertion: part{Raw: p.assertion(part{})}}
	m.proofFields = []string{p.proof(v.url+"/token", message{})}
	for _, form := range []map[string][]string{{"scope": {"admin"}}, {"resource": {"https://no.example"}}, {"grant_type": {"password"}}} {
		refused := m
		refused.form = form
		if got := p.send(refused); got.status != 400 {
			t.Fatalf("%v answered %d", form, got.status)
		}
	}
	p.accepted(m)
	if got := p.send(m); got.body.Code != tenon.InvalidDPoPProof && got.body.Code != tenon.InvalidClient {
		t.Errorf("the second use was answered %d %s", got.status, got.raw)
	}
}

// The same proof, and the same assertion, a thousand times at once.
func TestExactlyOneTokenForOneProofAndOneAssertion(t *testing.T) {
	v := newServer(t, setup{})
	p := v.register("c", nil)
	tests := map[string]struct {
		make func() message
		code tenon.Code
	}{
		"proof": {func() message {
			return message{proofFields: []string{p.proof(v.url+"/token", message{})}}
		}, tenon.InvalidDPoPProof},
		"assertion": {func() message { return message{assertion: part{Raw: p.assertion(part{})}} }, tenon.InvalidClient},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := test.make()
			const n = 1000
			requests := make([]*http.Request, n)
			for i := range requests {
				requests[i] = p.request(m)
			}
			counts := together(t, v, requests)
			if diff := cmp.Diff(map[string]int{"": 1, string(test.code): n - 1}, counts); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// together sends requests at once and counts the answers by their error.
func together(t *testing.T, v *server, requests []*http.Request) map[string]int {
	t.Helper()
	answers := make(chan string, len(requests))
	var group sync.WaitGroup
	for _, r := range requests {
		group.Go(func() {
			answer, err := v.client(nil).Do(r)
			if err != nil {
				answers <- err.Error()
				return
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if err != nil {
				answers <- err.Error()
				return
			}
			answers <- string(regexp.MustCompile(`"error":"[a-z_]*"`).FindStringSubmatch(string(body) + `"error":""`)[0])
		})
	}
	group.Wait()
	close(answers)
	counts := map[string]int{}
	for a := range answers {
		counts[strings.TrimSuffix(strings.TrimPrefix(a, `"error":"`), `"`)]++
	}
	for range requests {
		v.event()
	}
	return counts
}

// A jti is its client's own: nobody can use up another's, by accident or on purpose.
func TestSameJTIOfTwoClients(t *testing.T) {
	v := newServer(t, setup{})
	same := part{Claims: map[string]any{"jti": "1"}}
	for _, id := range []string{"a", "b"} {
		p := v.register(id, nil)
		p.accepted(message{assertion: same, proof: same})
		p.refused(message{assertion: same}, 401, tenon.InvalidClient, "replay")
		p.refused(message{proof: same}, 400, tenon.InvalidDPoPProof, "replay")
	}
}

// A registered self-signed certificate expires too, also when only a DPoP key is bound (RFC 8705 §7.5).
func TestRegisteredCertificateExpires(t *testing.T) {
	v := newServer(t, setup{})
	leaf, err := certs.SelfSigned("self", time.Hour)
	must(t, err)
	p := v.register("self", func(p *party) {
		p.leaf, p.key = leaf, nil
		p.record.AuthMethod, p.record.Algorithm, p.record.JWKS = issuer.SelfSignedTLSAuth, "", publicSet(leaf.Key)
		p.record.JWKS.Keys[0].Certificates = append(p.record.JWKS.Keys[0].Certificates, leaf.Certificate)
	})
	p.accepted(message{alias: true})
	v.clock.advance(2 * time.Hour)
	p.refused(message{alias: true}, 401, tenon.InvalidClient, "certificate")
}

// Strangers are told the same, whether a client does not exist, must use another method, or has another key.
func TestUnknownClientAndBadCredentialLookTheSame(t *testing.T) {
	v := newServer(t, setup{})
	p := v.register("c", nil)
	v.register("ps", func(p *party) { p.key, p.record.Algorithm = rsaKey(), "PS256" })
	named := func(id string) part { return part{Claims: map[string]any{"iss": id, "sub": id}, Key: "other"} }
	answers := map[string]string{}
	for _, id := range []string{"nobody", "c", "ps"} {
		got := p.send(message{form: map[string][]string{"client_id": {id}}, assertion: named(id)})
		header := maps.Clone(got.header)
		header.Del("Date")
		answers[fmt.Sprintf("%d %v %s", got.status, header, got.raw)] = id
	}
	if len(answers) != 1 {
		t.Errorf("told apart: %v", answers)
	}
}

// A crash, or a signer that fails, between the commit and the signature leaves a record without a token: the index is used up.
func TestFailingSignerCostsAnIndexAndNothingElse(t *testing.T) {
	signers := &brokenSigners{Signers: issuer.KeyFiles(t.TempDir())}
	v := newServer(t, setup{keyring: func(c *issuer.KeyringConfig) { c.Signers = signers }})
	p := v.register("c", nil)
	signers.set(errors.New("hsm: secret detail"))
	got := p.refused(message{}, 500, tenon.ServerError, "fault")
	if strings.Contains(got.raw, "hsm") || !strings.Contains(got.event.Err.Error(), "hsm: secret detail") {
		t.Errorf("told %s, logged %v", got.raw, got.event.Err)
	}
	signers.set(nil)
	token := p.accepted(message{})
	if orphan := v.leaf(token.claims.Status.Index - 1); orphan.Type != audit.TokenIssued || orphan.Token.Client != "c" {
		t.Errorf("the entry before the next token's is %+v", orphan)
	}
}

type brokenSigners struct {
	issuer.Signers
	mu  sync.Mutex
	err error
}

func (s *brokenSigners) set(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *brokenSigners) Open(ctx context.Context, id string) (crypto.Signer, error) {
	signer, err := s.Signers.Open(ctx, id)
	return &brokenSigner{signer, s}, err
}

type brokenSigner struct {
	crypto.Signer
	of *brokenSigners
}

func (s *brokenSigner) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	if s.of.err != nil {
		return nil, s.of.err
	}
	return s.Signer.Sign(rand, digest, opts)
}

// A client whose clock is wrong is the one whose clock an operator wants to see.
func TestRefusedProofTellsTheOffset(t *testing.T) {
	v := newServer(t, setup{})
	p := v.register("c", nil)
	at := v.clock.Now().Add(-94 * time.Second).Unix()
	got := p.refused(message{proof: part{Claims: map[string]any{"iat": at}}}, 400, tenon.InvalidDPoPProof, "iat")
	if offset := got.event.Offset.Round(time.Minute); !got.event.HasOffset || offset != -2*time.Minute {
		t.Errorf("offset %v", got.event.Offset)
	}
}
