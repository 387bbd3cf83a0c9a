package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/internal/durable"
	"github.com/tenon-auth/tenon/mtls"
	"github.com/tenon-auth/tenon/verifier"
)

// protectedAPI is a program for scripts: `protected-api ISSUER CERTS FILE` serves an API behind the verifier with the server
// certificate in CERTS, and writes where into FILE.
func protectedAPI() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: protected-api ISSUER CERTS FILE")
	}
	if err := serveAPI(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		log.Fatal(err)
	}
}

func serveAPI(issuer, dir, file string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	origin := "https://" + l.Addr().String()
	pool, err := certs.LoadPool(filepath.Join(dir, "ca.pem"))
	if err != nil {
		return err
	}
	guard, err := newGuard(issuer, origin, pool)
	if err != nil {
		return err
	}
	leaf, err := certs.LoadLeaf(filepath.Join(dir, "server.pem"), filepath.Join(dir, "server-key.pem"))
	if err != nil {
		return err
	}
	pair := leaf.TLS()
	config := mtls.ServerConfig(mtls.ServerOptions{
		ClientCertificates: true,
		GetCertificate:     func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &pair, nil },
	})
	if err := durable.WriteFile(file, []byte(origin), 0o600); err != nil {
		return err
	}
	server := &http.Server{Handler: guard, TLSConfig: config, ErrorLog: log.New(io.Discard, "", 0)}
	return server.ServeTLS(l, "", "")
}

// newGuard protects an API that tells who called.
func newGuard(issuer, origin string, pool *x509.CertPool) (http.Handler, error) {
	base := &http.Client{Transport: &http.Transport{TLSClientConfig: mtls.ClientConfig(pool, nil)}, Timeout: patience}
	keys, err := verifier.NewRemoteKeys(verifier.RemoteKeysConfig{Issuer: issuer, HTTP: base})
	if err != nil {
		return nil, err
	}
	lists, err := verifier.NewStatusLists(verifier.StatusListsConfig{Issuer: issuer, Keys: keys, HTTP: base, MaxAge: 2 * time.Second})
	if err != nil {
		return nil, err
	}
	checker, err := dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms()})
	if err != nil {
		return nil, err
	}
	replays, err := dpop.NewMemory(dpop.MemoryConfig{Capacity: 1000})
	if err != nil {
		return nil, err
	}
	v, err := verifier.New(verifier.Config{
		Issuer: issuer, Audience: "https://api.example.com", Origin: origin, Keys: keys, Revocation: lists,
		DPoP: checker, Replays: replays, Certificates: mtls.TLS{},
	})
	if err != nil {
		return nil, err
	}
	return v.Middleware(verifier.Require("payments")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		access, _ := verifier.FromContext(r.Context())
		fmt.Fprintf(w, "%s paid by %s\n", r.Method, access.Claims.ClientID)
	}))), nil
}
