package mtls_test

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"time"

	"github.com/tenon-auth/tenon/mtls"
)

// A registration that a bank typed in the order of the certificate, with an OID, means the name that RFC 4514 writes.
func ExampleParseDN() {
	registered, err := mtls.ParseDN(`C=BR, O=Example Bank\, S.A., OID.2.5.4.97=PSDBR-BCB-12345, CN=payments.example.com`)
	if err != nil {
		fmt.Println(err)
		return
	}
	presented, err := mtls.ParseDN(`CN=Payments.Example.com,organizationIdentifier=PSDBR-BCB-12345,O=Example Bank\2C S.A.,C=BR`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(presented)
	fmt.Println(registered.Equal(presented), registered.EqualEitherWay(presented))
	// Output:
	// CN=Payments.Example.com,organizationIdentifier=PSDBR-BCB-12345,O=Example Bank\, S.A.,C=BR
	// false true
}

// What an authorization server does for tls_client_auth. The two checks belong together: names count only after the chain.
func ExampleSubject_Match() {
	var clientCAs *x509.CertPool // from certs.LoadPool, for clients only
	registered := mtls.Subject{DNS: "client.bank.example"}

	authenticate := func(r *http.Request) error {
		cert, err := mtls.TLS{}.Certificate(r)
		if err != nil {
			return err
		}
		if err := mtls.VerifyClient(cert, mtls.TLS{}.Chain(r), clientCAs, time.Now()); err != nil {
			return err
		}
		return registered.Match(cert)
	}
	fmt.Println(authenticate(&http.Request{}))
	// Output:
	// mtls: no client certificate
}

// What a resource server does with a token bound to a certificate.
func ExampleThumbprint() {
	boundTo := "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0" // the token's cnf, x5t#S256

	handler := func(w http.ResponseWriter, r *http.Request) {
		cert, err := mtls.TLS{}.Certificate(r)
		if err != nil || cert == nil || mtls.Thumbprint(cert) != boundTo {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprintln(w, "hello")
	}
	_ = handler
}

// A listener for clients with certificates.
func ExampleServerConfig() {
	server := &http.Server{
		TLSConfig: mtls.ServerConfig(mtls.ServerOptions{
			GetCertificate:     nil, // a reloader's, see package certs
			ClientCertificates: true,
		}),
	}
	fmt.Println(server.TLSConfig.ClientAuth)
	// Output:
	// RequestClientCert
}
