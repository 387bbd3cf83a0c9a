package bench

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/issuer/ui"
	"github.com/tenon-auth/tenon/store/bolt"
	"github.com/tenon-auth/tenon/verifier"
)

// Names that nobody resolves: everything is called directly or on loopback.
const (
	issuerURL = "https://issuer.example"
	apiURL    = "https://api.example"
	clientID  = "bench"
)

// replayCapacity is the most proofs that any of the memories holds.
const replayCapacity = 4 << 20

// A service is an issuer with its store, and a client of it that has a token. Neither end asks for nonces: they cost a
// microsecond and would need a first answer.
type service struct {
	store     *bolt.Store
	book      *audit.Book
	people    *people.Directory
	sessions  *people.Sessions
	tokens    http.Handler // all of the issuer's
	checker   *dpop.Checker
	keys      verifier.KeySource
	key       *dpop.Key   // the client's, of its proofs
	assertion jose.Signer // the client's
	token     string
}

func newService(ctx context.Context, dir string) (_ *service, err error) {
	s := &service{}
	if s.store, err = bolt.Open(bolt.Config{Path: filepath.Join(dir, "issuer.db")}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.checker, err = dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms()}); err != nil {
		return nil, err
	}
	if err = s.openIssuer(ctx, dir); err != nil {
		return nil, err
	}
	if err = s.register(ctx); err != nil {
		return nil, err
	}
	return s, s.getToken(ctx)
}

func (s *service) close() error { return s.store.Close() }

func (s *service) openIssuer(ctx context.Context, dir string) error {
	book, err := audit.OpenBook(ctx, audit.BookConfig{Store: s.store, Origin: "as.example.com/log"})
	if err != nil {
		return err
	}
	s.book = book
	keyring, err := issuer.OpenKeyring(ctx, issuer.KeyringConfig{Store: s.store, Log: book, Signers: issuer.KeyFiles(filepath.Join(dir, "keys"))})
	if err != nil {
		return err
	}
	login, err := s.login()
	if err != nil {
		return err
	}
	i, err := issuer.New(issuer.Config{
		Issuer: issuerURL, Store: s.store, Log: issuer.BindingLog{Book: book}, Signing: keyring, DPoP: s.checker, Login: login,
		Limits: issuer.Limits{ClientPerSecond: -1, WaitingPerClient: -1},
	})
	if err != nil {
		return err
	}
	s.tokens = i.Handler()
	return nil
}

// login is what people log in with.
func (s *service) login() (l issuer.Login, err error) {
	secret := make([]byte, 32)
	rand.Read(secret) // never fails
	l.Secrets = func() [][]byte { return [][]byte{secret} }
	if s.people, err = people.New(people.Config{Store: s.store, Issuer: issuerURL, Secrets: l.Secrets}); err != nil {
		return l, err
	}
	if s.sessions, err = people.NewSessions(people.SessionConfig{Store: s.store}); err != nil {
		return l, err
	}
	l.People, l.Sessions = s.people, s.sessions
	l.Pages, err = ui.New(ui.Config{Name: "bench"})
	return l, err
}

// register makes the client known to the issuer.
func (s *service) register(ctx context.Context) (err error) {
	if s.key, err = dpop.GenerateKey(dpop.ES256); err != nil {
		return err
	}
	key, err := dpop.GenerateKey(dpop.ES256)
	if err != nil {
		return err
	}
	options := (&jose.SignerOptions{}).WithType("client-authentication+jwt").WithHeader("kid", key.Thumbprint())
	if s.assertion, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key.Signer()}, options); err != nil {
		return err
	}
	keys := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Signer().Public(), KeyID: key.Thumbprint(), Algorithm: string(jose.ES256), Use: "sig"}}}
	admin := issuer.Admin{Store: s.store, Log: s.book}
	_, err = admin.AddClient(ctx, issuer.Client{
		ID: clientID, AuthMethod: issuer.PrivateKeyJWT, Algorithm: string(dpop.ES256), JWKS: keys,
		GrantTypes: []string{"client_credentials"}, Scope: tenon.Scope{"payments"}, Resources: []string{apiURL}, DPoPBound: true,
	})
	return errors.Join(err, s.registerForPeople(ctx, keys))
}

// assert makes a client assertion.
func (s *service) assert(id string) (string, error) {
	now := time.Now()
	return jwt.Signed(s.assertion).Claims(map[string]any{
		"iss": id, "sub": id, "aud": issuerURL, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}).Serialize()
}

// tokenRequest makes a token request, as it goes over the wire.
func (s *service) tokenRequest() ([]byte, error) {
	assertion, err := s.assert(clientID)
	if err != nil {
		return nil, err
	}
	proof, err := s.key.Proof(dpop.Target{Method: http.MethodPost, URL: issuerURL + "/token"})
	form := url.Values{
		"grant_type":            {"client_credentials"},
		"client_id":             {clientID},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {assertion},
	}.Encode()
	return postRequest(form, proof), err
}

// getToken asks for the token that the verifier is measured with, and for the keys that it is verified with.
func (s *service) getToken(ctx context.Context) (err error) {
	address, stop, err := serve(s.tokens)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	w, err := dial(ctx, address)
	if err != nil {
		return err
	}
	defer w.conn.Close()
	request, err := s.tokenRequest()
	if err != nil {
		return err
	}
	answer, err := w.ask(request, http.StatusOK)
	if err != nil {
		return fmt.Errorf("the issuer gives no token: %w", err)
	}
	var given struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(answer, &given); err != nil {
		return err
	}
	s.token = given.Token
	if answer, err = w.ask([]byte("GET /jwks HTTP/1.1\r\nHost: issuer.example\r\n\r\n"), http.StatusOK); err != nil {
		return fmt.Errorf("the issuer gives no keys: %w", err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(answer, &set); err != nil {
		return err
	}
	s.keys, err = verifier.StaticKeys(set)
	return err
}

// verifier makes a verifier with a replay memory.
func (s *service) verifier(replays dpop.Replays) (*verifier.Verifier, error) {
	return verifier.New(verifier.Config{
		Issuer: issuerURL, Audience: apiURL, Origin: apiURL, Keys: s.keys,
		Revocation: verifier.InsecureNoRevocation{}, // what it costs is a look at a bit
		DPoP:       s.checker, Replays: replays,
	})
}

// proofs makes n proofs for GET path.
func (s *service) proofs(n int, path string) ([]string, error) {
	list := make([]string, n)
	for i := range list {
		var err error
		if list[i], err = s.key.Proof(dpop.Target{Method: http.MethodGet, URL: apiURL + path, AccessToken: s.token}); err != nil {
			return nil, err
		}
	}
	return list, nil
}
