package mtls_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/tenon-auth/tenon/mtls"
)

type vector struct {
	ID          string `json:"id"`
	Certificate []byte `json:"certificate_der_base64"`
	Subject     string `json:"subject"`
	Value       string `json:"value"`
	Expect      struct {
		X5T       string `json:"x5t#S256"`
		ReEncoded string `json:"re_encoded"`
	} `json:"expect"`
}

func loadVector(t testing.TB, id string) vector {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []vector }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	for _, v := range file.Vectors {
		if v.ID == id {
			return v
		}
	}
	t.Fatalf("no vector %s", id)
	return vector{}
}

func TestThumbprintOfRFC8705AppendixA(t *testing.T) {
	v := loadVector(t, "rfc8705-A")
	cert, err := x509.ParseCertificate(v.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	if got := mtls.Thumbprint(cert); got != v.Expect.X5T {
		t.Errorf("x5t#S256 is %s, want %s", got, v.Expect.X5T)
	}
	dn, err := mtls.CertificateDN(cert)
	if err != nil || dn.String() != v.Subject {
		t.Errorf("the subject is %q, %v; want %q", dn, err, v.Subject)
	}
	if err := mtls.CheckValidity(cert, noon); err == nil {
		t.Error("the certificate of the example expired in 2022 and was taken")
	}
}

// The cnf value printed in RFC 8705 §3.1 has bits set after the last byte. What is made here never has: two spellings of one
// thumbprint must not both come into being, because they are compared as strings.
func TestThumbprintHasOneSpelling(t *testing.T) {
	v := loadVector(t, "rfc8705-3.1-cnf")
	strict := base64.RawURLEncoding.Strict()
	if _, err := strict.DecodeString(v.Value); err == nil {
		t.Fatalf("%s was meant to be a value that a strict decoder refuses", v.Value)
	}
	loose, err := base64.RawURLEncoding.DecodeString(v.Value)
	if err != nil || base64.RawURLEncoding.EncodeToString(loose) != v.Expect.ReEncoded {
		t.Fatalf("%x, %v", loose, err)
	}
	for range 20 {
		print := mtls.Thumbprint(selfSigned(t, newKey(t), nil).Certificate)
		if sum, err := strict.DecodeString(print); err != nil || len(print) != 43 || len(sum) != 32 {
			t.Errorf("%s: %v", print, err)
		}
	}
}

// The common mistakes: the key instead of the certificate, hexadecimal, padding (RFC 8705 §3.1).
func TestThumbprintIsOfTheWholeCertificate(t *testing.T) {
	key := newKey(t)
	first, renewed := selfSigned(t, key, nil), selfSigned(t, key, nil)
	if mtls.Thumbprint(first.Certificate) == mtls.Thumbprint(renewed.Certificate) {
		t.Error("a renewed certificate with the same key has the same thumbprint")
	}
	if _, err := hex.DecodeString(mtls.Thumbprint(first.Certificate)); err == nil {
		t.Error("the thumbprint is hexadecimal")
	}
}
