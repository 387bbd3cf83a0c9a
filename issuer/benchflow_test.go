package issuer_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/issuer/browser"
	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/store/bolt"
)

const (
	flowCallers = 32
	flowChunk   = 256 // grants between two measurements of the raw operations
)

// BenchmarkCodeFlow measures a grant from the pushed request to the tokens, over loopback and with durable commits, without the
// pages: what the person answers is given at once. x-raw is the CPU time of all of it, of the caller's side too, against the
// four verifications (an assertion and a proof each time) and two signatures (access token, ID token) of ES256 that it takes.
func BenchmarkCodeFlow(b *testing.B) {
	f := newFlowBench(b, issuer.FAPI2)
	var flow, raw cost
	b.ResetTimer()
	for done := 0; done < b.N; done += flowChunk {
		n := min(flowChunk, b.N-done)
		f.grants(b, n, &flow)
		b.StopTimer()
		raw.measure(max(1, n/4), func() { f.raw(b, max(1, n/4), 4) })
		b.StartTimer()
	}
	report(b, flow, raw)
}

// BenchmarkRefresh measures a refresh of both profiles the same way: two verifications and two signatures.
func BenchmarkRefresh(b *testing.B) {
	for _, profile := range []issuer.Profile{issuer.FAPI2, issuer.OAuth2} {
		b.Run(profile.String(), func(b *testing.B) {
			f := newFlowBench(b, profile)
			tokens := f.grants(b, flowChunk, &cost{})
			var refresh, raw cost
			b.ResetTimer()
			for done := 0; done < b.N; done += flowChunk {
				n := min(flowChunk, b.N-done)
				b.StopTimer()
				requests := make([][]byte, n)
				for i := range requests {
					requests[i] = f.request(b, "/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens[i]}})
				}
				b.StartTimer()
				var answers []flowAnswer
				refresh.measure(n, func() { answers = f.send(b, requests) })
				for i, a := range answers {
					if a.Refresh != "" {
						tokens[i] = a.Refresh
					}
				}
				b.StopTimer()
				raw.measure(max(1, n/4), func() { f.raw(b, max(1, n/4), 2) })
				b.StartTimer()
			}
			report(b, refresh, raw)
		})
	}
}

func report(b *testing.B, of, raw cost) {
	b.ReportMetric(of.each()/raw.each(), "x-raw")
	b.ReportMetric(of.each(), "cpu-ns/op")
	b.ReportMetric(raw.each(), "raw-ns")
}

// A flowBench is a server with one person and one client.
type flowBench struct {
	issuer      *issuer.Issuer
	key         *ecdsa.PrivateKey // of assertions
	proofs      *dpop.Key
	approval    browser.Approval
	connections []net.Conn
}

type flowAnswer struct {
	RequestURI  string `json:"request_uri"`
	AccessToken string `json:"access_token"`
	Refresh     string `json:"refresh_token"`
}

func newFlowBench(b *testing.B, profile issuer.Profile) *flowBench {
	file, err := bolt.Open(bolt.Config{Path: filepath.Join(b.TempDir(), "s.db")})
	must(b, err)
	b.Cleanup(func() { file.Close() })
	book := newBook(b, file, nil)
	keyring, err := issuer.OpenKeyring(b.Context(), issuer.KeyringConfig{Store: file, Log: book, Signers: issuer.KeyFiles(filepath.Join(b.TempDir(), "k"))})
	must(b, err)
	checker, err := dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms()})
	must(b, err)
	cfg := issuer.Config{
		Issuer: "https://as.example.com", Profile: profile, Store: file, Log: issuer.BindingLog{Book: book}, Signing: keyring, DPoP: checker,
		Limits: issuer.Limits{ClientPerSecond: -1, RefusalsPerMinute: -1, WaitingPerClient: 1 << 30},
	}
	directory := openPeople(b, &cfg)
	person, err := directory.Add(b.Context(), people.Person{Username: "alice"})
	must(b, err)
	f := &flowBench{key: ecKey(b), approval: browser.Approval{Subject: person.Subject, SessionID: "s", AuthTime: time.Now(), ACR: "urn:tenon:acr:mfa", AMR: []string{"pwd", "otp"}}}
	f.proofs, err = dpop.NewKey(ecKey(b), dpop.ES256)
	must(b, err)
	f.issuer, err = issuer.New(cfg)
	must(b, err)
	_, err = (&issuer.Admin{Store: file, Log: book, Profile: profile}).AddClient(b.Context(), issuer.Client{
		ID: "bench", AuthMethod: issuer.PrivateKeyJWT, Algorithm: "ES256", GrantTypes: []string{issuer.AuthorizationCode, issuer.RefreshToken},
		Scope: tenon.Scope{"openid", "accounts"}, Resources: []string{resource}, JWKS: publicSet(f.key),
		CodeFlow: issuer.CodeFlow{RedirectURIs: []string{redirectURI}},
	})
	must(b, err)
	f.listen(b)
	return f
}

func (f *flowBench) listen(b *testing.B) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	server := &http.Server{Handler: f.issuer.Handler()}
	go server.Serve(listener)
	b.Cleanup(func() { server.Close() })
	for range flowCallers {
		c, err := net.Dial("tcp", listener.Addr().String())
		must(b, err)
		b.Cleanup(func() { c.Close() })
		f.connections = append(f.connections, c)
	}
}

// grants makes n grants and gives their refresh tokens. Only what the server does is measured, and what it takes to talk to it.
func (f *flowBench) grants(b *testing.B, n int, spent *cost) []string {
	b.StopTimer()
	verifiers, requests := make([]string, n), make([][]byte, n)
	for i := range requests {
		var challenge string
		verifiers[i], challenge = challenged()
		requests[i] = f.request(b, "/par", url.Values{
			"response_type": {"code"}, "redirect_uri": {redirectURI}, "scope": {"openid accounts"}, "state": {"s"}, "nonce": {"n"},
			"code_challenge": {challenge}, "code_challenge_method": {"S256"},
		})
	}
	codes := make([]string, n)
	b.StartTimer()
	spent.measure(0, func() {
		pushed := f.send(b, requests)
		f.each(n, func(_, i int) error {
			answer, err := f.issuer.ApproveAll(b.Context(), "bench", pushed[i].RequestURI, f.approval)
			codes[i] = answer.Get("code")
			return err
		})
	})
	b.StopTimer()
	for i := range requests {
		requests[i] = f.request(b, "/token", url.Values{
			"grant_type": {"authorization_code"}, "code": {codes[i]}, "redirect_uri": {redirectURI}, "code_verifier": {verifiers[i]},
		})
	}
	b.StartTimer()
	var answers []flowAnswer
	spent.measure(n, func() { answers = f.send(b, requests) })
	tokens := make([]string, n)
	for i, a := range answers {
		tokens[i] = a.Refresh
	}
	return tokens
}

// request makes a request as it goes over the wire.
func (f *flowBench) request(b *testing.B, path string, form url.Values) []byte {
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", sign(b, f.key, "ES256", text{
		`{"alg":"ES256","typ":"client-authentication+jwt","kid":"k0"}`,
		fmt.Sprintf(`{"iss":"bench","sub":"bench","aud":"https://as.example.com","exp":%d,"jti":"a-%d"}`, time.Now().Unix()+200, serial.Add(1)),
	}))
	proof, err := f.proofs.Proof(dpop.Target{Method: "POST", URL: "https://as.example.com" + path})
	must(b, err)
	body := form.Encode()
	return []byte("POST " + path + " HTTP/1.1\r\nHost: as.example.com\r\nContent-Type: application/x-www-form-urlencoded\r\nDPoP: " + proof +
		"\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body)
}

// send shares requests among the connections.
func (f *flowBench) send(b *testing.B, requests [][]byte) []flowAnswer {
	answers := make([]flowAnswer, len(requests))
	err := f.each(len(requests), func(c, i int) error {
		if _, err := f.connections[c].Write(requests[i]); err != nil {
			return err
		}
		answer, err := http.ReadResponse(bufio.NewReader(f.connections[c]), nil)
		if err != nil {
			return err
		}
		data, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode >= 300 {
			return fmt.Errorf("%d %s %v", answer.StatusCode, bytes.TrimSpace(data), err)
		}
		return json.Unmarshal(data, &answers[i])
	})
	must(b, err)
	return answers
}

// each does something for each of n from as many goroutines as there are connections, and gives the first error.
func (f *flowBench) each(n int, do func(c, i int) error) (first error) {
	var group sync.WaitGroup
	var once sync.Once
	for c := range f.connections {
		group.Go(func() {
			for i := c; i < n; i += len(f.connections) {
				if err := do(c, i); err != nil {
					once.Do(func() { first = err })
					return
				}
			}
		})
	}
	group.Wait()
	return first
}

// raw are the verifications and the two signatures that cannot be saved.
func (f *flowBench) raw(b *testing.B, n, verifications int) {
	digest := sha256.Sum256([]byte("raw"))
	signature, err := ecdsa.SignASN1(rand.Reader, f.key, digest[:])
	must(b, err)
	for range n {
		for range verifications {
			if !ecdsa.VerifyASN1(&f.key.PublicKey, digest[:], signature) {
				b.Fatal("the raw signature does not verify")
			}
		}
		for range 2 {
			_, err := ecdsa.SignASN1(rand.Reader, f.key, digest[:])
			must(b, err)
		}
	}
}
