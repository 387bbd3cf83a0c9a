package certs_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/tenon-auth/tenon/certs"
)

// A development CA, and a server certificate that is replaced while the server runs.
func Example() {
	dir, err := os.MkdirTemp("", "certs")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	certPath, keyPath := filepath.Join(dir, "server.pem"), filepath.Join(dir, "server-key.pem")

	ca, err := certs.NewCA(certs.CAConfig{Name: "demo CA"})
	if err != nil {
		fmt.Println(err)
		return
	}
	leaf, err := ca.Server([]string{"localhost", "127.0.0.1"}, 24*time.Hour)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := leaf.Save(certPath, keyPath); err != nil {
		fmt.Println(err)
		return
	}

	reloader, err := certs.NewReloader(certPath, keyPath, func(err error) {
		if err != nil {
			fmt.Println("the old certificate stays")
			return
		}
		fmt.Println("another certificate is served")
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := &http.Server{TLSConfig: &tls.Config{GetCertificate: reloader.GetCertificate}}
	_ = server // and in the background: go reloader.Run(ctx, time.Minute)

	if err := os.WriteFile(certPath, []byte("half a certif"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	reloader.Reload()
	renewed, err := ca.Server([]string{"localhost", "127.0.0.1"}, 24*time.Hour)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := renewed.Save(certPath, keyPath); err != nil {
		fmt.Println(err)
		return
	}
	reloader.Reload()
	// Output:
	// the old certificate stays
	// another certificate is served
}

// A client certificate for each way in which a client can be registered.
func ExampleCA_Client() {
	ca, err := certs.NewCA(certs.CAConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	leaf, err := ca.Client(certs.ClientSubject{CommonName: "payments", Organization: "Example Bank", Country: "BR", DNS: "payments.bank.example"}, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(leaf.Certificate.Subject, leaf.Certificate.DNSNames)
	// Output:
	// CN=payments,O=Example Bank,C=BR [payments.bank.example]
}
