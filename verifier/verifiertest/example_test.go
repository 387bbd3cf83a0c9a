package verifiertest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/verifier"
	"github.com/tenon-auth/tenon/verifier/verifiertest"
)

// newPaymentsAPI is the service under test: a handler that only sees verified requests with the scope payments.
func newPaymentsAPI(v *verifier.Verifier) http.Handler {
	pay := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		access, _ := verifier.FromContext(r.Context())
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "paid by "+access.Claims.ClientID)
	})
	return v.Middleware(verifier.Require("payments")(pay))
}

// TestPayments is what a service team's own test looks like.
func TestPayments(t *testing.T) {
	const payments = verifiertest.Audience + "/payments"
	issuer := verifiertest.NewIssuer(t)
	v, err := verifier.New(issuer.Config(verifiertest.Audience))
	if err != nil {
		t.Fatal(err)
	}
	api := newPaymentsAPI(v)

	alice, thief := verifiertest.NewKey(t), verifiertest.NewKey(t)
	token := issuer.Token(verifiertest.BoundTo(alice), verifiertest.Scope("payments"))
	certificate := verifiertest.NewCertificate(t)
	bearer := issuer.Request(alice, "POST", payments, token)
	bearer.Header.Set("Authorization", "Bearer "+token)
	moved := issuer.Request(alice, "POST", verifiertest.Audience+"/refunds", token)
	moved.RequestURI = "/payments"
	revoked := issuer.Token(verifiertest.BoundTo(alice), verifiertest.Scope("payments"))
	issuer.Revoke(revoked)
	certificateToken := issuer.Token(verifiertest.BoundToCertificate(certificate), verifiertest.Scope("payments"))
	expired := issuer.Token(verifiertest.BoundTo(alice), verifiertest.Scope("payments"), func(c *tenon.Claims) {
		c.Expires = time.Now().Add(-time.Minute)
	})

	for _, tt := range []struct {
		name    string
		request *http.Request
		status  int
	}{
		{"a good call", issuer.Request(alice, "POST", payments, token), http.StatusCreated},
		{"a good call with a certificate", issuer.CertificateRequest(certificate, "POST", payments, certificateToken), http.StatusCreated},
		{"a stolen token with the thief's key", issuer.Request(thief, "POST", payments, token), http.StatusUnauthorized},
		{"a bound token as Bearer", bearer, http.StatusUnauthorized},
		{"a proof made for another route", moved, http.StatusUnauthorized},
		{"a revoked token", issuer.Request(alice, "POST", payments, revoked), http.StatusUnauthorized},
		{"an expired token", issuer.Request(alice, "POST", payments, expired), http.StatusUnauthorized},
		{"another certificate", issuer.CertificateRequest(verifiertest.NewCertificate(t), "POST", payments, certificateToken), http.StatusUnauthorized},
		{"a token without the scope", issuer.Request(alice, "POST", payments, issuer.Token(verifiertest.BoundTo(alice))), http.StatusForbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			api.ServeHTTP(w, tt.request)
			if w.Code != tt.status {
				t.Errorf("%d %s, want %d", w.Code, w.Body, tt.status)
			}
		})
	}
}
