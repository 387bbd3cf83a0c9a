package demo

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/internal/durable"
	"github.com/tenon-auth/tenon/store/bolt"
)

// The files of the demo's folder.
const (
	configFile   = "tenon.yaml"
	certsDir     = "certs"
	apiDir       = "api"
	shopDir      = "shop"
	bankDir      = "bank"
	frontDir     = "paper-and-peg"
	thiefDir     = "thief"
	serverCert   = "server.pem"
	serverKey    = "server-key.pem"
	clientCert   = "client.pem"
	clientKey    = "client-key.pem"
	proofKey     = "dpop-key.pem"
	assertionKey = "assertion-key.pem"
	jwksFile     = "jwks.json"
	nonceKey     = "nonce.key"
	replaysFile  = "replays.db"

	logDir        = "log" // in the API's folder, as in the issuer's
	apiLogStore   = "log.db"
	policyFile    = "tlog-policy" // whose signature counts for the issuer's log
	apiPolicyFile = "api-tlog-policy"
	tamperedDir   = "tampered-log"
)

// The names of the logs. They stay when addresses change.
const (
	issuerLogOrigin = "issuer.tenon-demo.example/log"
	apiLogOrigin    = "api.tenon-demo.example/log"
)

// The clients. Each has a folder of its name.
const (
	shopID  = shopDir  // proves its key with DPoP
	bankID  = bankDir  // proves its certificate in TLS
	frontID = frontDir // a web shop, for people
)

// scenery is everything that is made before anybody is on stage. Keys are made once and found again in a folder that was kept.
type scenery struct {
	dir            string
	roots          *x509.CertPool
	shopKey        *dpop.Key // binds shop's tokens
	shopAssertion  *dpop.Key // says that it is shop who asks for them
	frontKey       *dpop.Key // binds the tokens of those who shop in a browser
	frontAssertion *dpop.Key
	thiefKey       *dpop.Key
	thiefAssertion *dpop.Key
	bankLeaf       *certs.Leaf
	thiefLeaf      *certs.Leaf
}

func (s *scenery) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// claim takes a folder that somebody named. One with anything else than an earlier demo in it is not ours to write into.
func claim(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, configFile))
	if err == nil && bytes.HasPrefix(text, []byte(signature)) {
		return nil
	}
	return fmt.Errorf("the folder %s has something else in it than an earlier demo: name an empty one", dir)
}

// build makes what is missing in dir.
func build(dir string) (*scenery, error) {
	s := &scenery{dir: dir}
	for _, sub := range []string{certsDir, apiDir, shopDir, bankDir, frontDir, thiefDir} {
		if err := os.MkdirAll(s.path(sub), 0o700); err != nil {
			return nil, err
		}
	}
	if err := s.certificates(); err != nil {
		return nil, err
	}
	if err := s.keys(); err != nil {
		return nil, err
	}
	return s, errors.Join(s.nonceKey(), s.replayMemory())
}

// certificates makes one authority and what it signs: the servers' certificates, bank's, and one for the thief, who is a
// customer of the same authority.
func (s *scenery) certificates() error {
	ca, err := certs.LoadCA(s.path(certsDir))
	if errors.Is(err, fs.ErrNotExist) {
		if ca, err = certs.NewCA(certs.CAConfig{Name: "Tenon demo CA"}); err == nil {
			err = ca.Save(s.path(certsDir))
		}
	}
	if err != nil {
		return err
	}
	s.roots = ca.Pool()
	server := func() (*certs.Leaf, error) { return ca.Server([]string{"127.0.0.1", "localhost"}, 0) }
	for _, dir := range []string{certsDir, apiDir} {
		if _, err := leafIn(s.path(dir, serverCert), s.path(dir, serverKey), server); err != nil {
			return err
		}
	}
	client := func(name string) func() (*certs.Leaf, error) {
		return func() (*certs.Leaf, error) {
			return ca.Client(certs.ClientSubject{CommonName: name, Organization: "Tenon demo"}, 0)
		}
	}
	if s.bankLeaf, err = leafIn(s.path(bankDir, clientCert), s.path(bankDir, clientKey), client(bankID)); err != nil {
		return err
	}
	s.thiefLeaf, err = leafIn(s.path(thiefDir, clientCert), s.path(thiefDir, clientKey), client("thief"))
	return err
}

// leafIn reads a certificate, or makes and saves it when it is not there.
func leafIn(cert, key string, make func() (*certs.Leaf, error)) (*certs.Leaf, error) {
	leaf, err := certs.LoadLeaf(cert, key)
	if !errors.Is(err, fs.ErrNotExist) {
		return leaf, err
	}
	if leaf, err = make(); err != nil {
		return nil, err
	}
	return leaf, leaf.Save(cert, key)
}

// keys makes the keys of shop and of the thief. The one that signs assertions is not the one that tokens are bound to.
func (s *scenery) keys() (err error) {
	for path, key := range map[string]**dpop.Key{
		s.path(shopDir, proofKey):      &s.shopKey,
		s.path(shopDir, assertionKey):  &s.shopAssertion,
		s.path(frontDir, proofKey):     &s.frontKey,
		s.path(frontDir, assertionKey): &s.frontAssertion,
		s.path(thiefDir, proofKey):     &s.thiefKey,
		s.path(thiefDir, assertionKey): &s.thiefAssertion,
	} {
		if *key, err = dpop.LoadOrCreateKey(path, dpop.ES256); err != nil {
			return err
		}
	}
	return errors.Join(publish(s.shopAssertion, s.path(shopDir, jwksFile)), publish(s.frontAssertion, s.path(frontDir, jwksFile)))
}

// publish writes the public half of a key that signs assertions.
func publish(key *dpop.Key, path string) error {
	var public jose.JSONWebKey
	if err := public.UnmarshalJSON(key.JWK()); err != nil {
		return err
	}
	public.KeyID, public.Algorithm, public.Use = key.Thumbprint(), string(key.Algorithm()), "sig"
	set, err := json.MarshalIndent(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}}, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(path, set, 0o644)
}

// nonceKey makes the key of the API's nonces.
func (s *scenery) nonceKey() error {
	path := s.path(apiDir, nonceKey)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key := make([]byte, 32)
	rand.Read(key) // never fails
	return durable.WriteFile(path, key, 0o600)
}

// replayMemory makes the API's replay memory as if it had been in service for an hour. A new one has the API demand nonces of
// its own process for a minute, in case it took the place of one that knew more; then that would refuse the proof after the
// crash, and nobody would see that the memory does. Here nothing was accepted before: the API is as new as its memory.
func (s *scenery) replayMemory() error {
	path := s.path(apiDir, replaysFile)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	memory, err := bolt.OpenReplays(bolt.ReplaysConfig{
		Path: path, Capacity: replayCapacity, Window: time.Minute,
		Now: func() time.Time { return time.Now().Add(-time.Hour) },
	})
	if err != nil {
		return err
	}
	return memory.Close()
}
