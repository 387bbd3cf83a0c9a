package verifiertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/mtls"
	"github.com/tenon-auth/tenon/verifier"
)

// An Issuer is a fake issuer on a loopback address. It publishes metadata, a key set and a status list over TLS, until the test ends.
type Issuer struct {
	// URL is the issuer's identifier.
	URL string
	// Now is the clock of the tokens, proofs and verifiers made from here. A test may replace it before it makes any.
	Now func() time.Time

	t      testing.TB
	server *httptest.Server
	key    *ecdsa.PrivateKey

	mu      sync.Mutex     // owns what is below
	indices map[string]int // places in the status list, by token
	revoked map[int]bool
}

// keyID names the issuer's only key.
const keyID = "verifiertest"

// NewIssuer starts an issuer.
func NewIssuer(t testing.TB) *Issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &Issuer{Now: time.Now, t: t, key: key, indices: map[string]int{}, revoked: map[int]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", i.serveMetadata)
	mux.HandleFunc("GET /jwks", i.serveKeys)
	mux.HandleFunc("GET /status/0", i.serveStatusList)
	i.server = httptest.NewTLSServer(mux)
	t.Cleanup(i.server.Close)
	i.URL = i.server.URL
	return i
}

// Client gives an HTTP client that trusts the issuer's certificate.
func (i *Issuer) Client() *http.Client { return i.server.Client() }

// Config gives a configuration that accepts the issuer's tokens for the audience, an https URL that is also the origin: bound to DPoP
// keys, certificates or both. The test changes what it needs and calls verifier.New.
func (i *Issuer) Config(audience string) verifier.Config {
	i.t.Helper()
	keys, err := verifier.NewRemoteKeys(verifier.RemoteKeysConfig{Issuer: i.URL, HTTP: i.Client()})
	if err != nil {
		i.t.Fatal(err)
	}
	checker, err := dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms(), Now: i.Now})
	if err != nil {
		i.t.Fatal(err)
	}
	replays, err := dpop.NewMemory(dpop.MemoryConfig{Capacity: 10_000, Now: i.Now})
	if err != nil {
		i.t.Fatal(err)
	}
	return verifier.Config{
		Issuer:       i.URL,
		Audience:     audience,
		Origin:       audience,
		Keys:         keys,
		Revocation:   impatient{i, keys},
		DPoP:         checker,
		Replays:      replays,
		Certificates: mtls.TLS{},
		Now:          i.Now,
	}
}

func (i *Issuer) serveMetadata(w http.ResponseWriter, _ *http.Request) {
	i.serveJSON(w, map[string]string{"issuer": i.URL, "jwks_uri": i.URL + "/jwks"})
}

func (i *Issuer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	i.serveJSON(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: i.key.Public(), KeyID: keyID, Algorithm: string(jose.ES256), Use: "sig"},
	}})
}

func (i *Issuer) serveJSON(w http.ResponseWriter, document any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(document); err != nil {
		i.t.Errorf("verifiertest: %v", err)
	}
}
