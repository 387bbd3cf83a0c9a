package dpop_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
)

// A vector is one proof with its verdict. Check is the number in RFC 9449 §4.3 of the check that refuses it, 0 when it is
// accepted. Two header fields are written with a line end between them. Nonce "required" asks for a nonce of ours, which no
// stored proof can have. Now is in seconds. Want is the reason of the refusal, or "accept".
type vector struct {
	Name   string `json:"name"`
	Check  int    `json:"check"`
	Proof  string `json:"proof"`
	Method string `json:"method"`
	URL    string `json:"url"`
	Nonce  string `json:"nonce"`
	Token  string `json:"token"`
	JKT    string `json:"jkt"` // of the token, or of an accepted proof
	Now    int64  `json:"now"`
	Want   string `json:"want"`
}

// load reads testdata/name, and fails when there is less than a few of what it should hold.
func load[T any](t testing.TB, name string) []T {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var all []T
	if err := d.Decode(&all); err != nil {
		t.Fatal(err)
	}
	if len(all) < 3 {
		t.Fatalf("%s holds %d entries only", name, len(all))
	}
	return all
}

func TestVectors(t *testing.T) {
	refusedBy := map[int]int{}
	for _, v := range load[vector](t, "proofs.json") {
		t.Run(v.Name, func(t *testing.T) {
			proof, err := v.run(t)
			if v.Want == "accept" {
				if err != nil {
					t.Fatal(err)
				}
				if v.JKT != "" && proof.Thumbprint() != v.JKT {
					t.Errorf("thumbprint %s, want %s", proof.Thumbprint(), v.JKT)
				}
				return
			}
			refusal, ok := errors.AsType[*tenon.Error](err)
			if !ok {
				t.Fatalf("not refused: %v", err)
			}
			if refusal.Reason != v.Want || proof != nil {
				t.Errorf("refused for %q with proof %v, want %q: %v", refusal.Reason, proof, v.Want, err)
			}
			refusedBy[v.Check]++
		})
	}
	for check := 1; check <= 12; check++ {
		if refusedBy[check] == 0 {
			t.Errorf("no vector is refused by check %d of RFC 9449 §4.3", check)
		}
	}
}

func (v vector) run(t *testing.T) (*dpop.Proof, error) {
	t.Helper()
	now := fixed(time.Unix(v.Now, 0))
	config := dpop.Config{Algorithms: dpop.Algorithms(), Now: now}
	if v.Nonce == "required" {
		config.Nonces = newNonces(t, dpop.RequireNonce, now)
	}
	c, err := dpop.NewChecker(config)
	if err != nil {
		t.Fatal(err)
	}
	request := dpop.Request{Method: v.Method, URL: v.URL, Proofs: strings.Split(v.Proof, "\n"), AccessToken: v.Token}
	if v.Token != "" {
		request.Thumbprint = v.JKT
	}
	return c.Check(request)
}

func TestTargetVectors(t *testing.T) {
	for _, v := range load[struct {
		HTU  string `json:"htu"`
		URL  string `json:"url"`
		Same bool   `json:"same"`
	}](t, "targets.json") {
		if got := dpop.SameTarget(v.HTU, v.URL); got != v.Same {
			t.Errorf("htu %q for %q: %v, want %v", v.HTU, v.URL, got, v.Same)
		}
	}
}

func TestThumbprintVectors(t *testing.T) {
	for _, v := range load[struct {
		Name string            `json:"name"`
		JWK  map[string]string `json:"jwk"`
		Want string            `json:"want"`
	}](t, "thumbprints.json") {
		got, err := dpop.Thumbprint(publicKey(t, v.JWK))
		if err != nil || got != v.Want {
			t.Errorf("%s: %s, %v, want %s", v.Name, got, err, v.Want)
		}
	}
}

// publicKey reads a JWK without the package under test.
func publicKey(t *testing.T, jwk map[string]string) any {
	t.Helper()
	bytesOf := func(member string) []byte {
		b, err := b64.DecodeString(jwk[member])
		if err != nil || len(b) == 0 {
			t.Fatalf("member %s: %v", member, err)
		}
		return b
	}
	switch jwk["kty"] {
	case "RSA":
		return &rsa.PublicKey{N: new(big.Int).SetBytes(bytesOf("n")), E: int(new(big.Int).SetBytes(bytesOf("e")).Int64())}
	case "EC":
		pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), bytes.Join([][]byte{{4}, bytesOf("x"), bytesOf("y")}, nil))
		if err != nil {
			t.Fatal(err)
		}
		return pub
	}
	return ed25519.PublicKey(bytesOf("x"))
}

// A key of another length has no thumbprint: it could never be proved.
func TestThumbprintOfAShortKey(t *testing.T) {
	for _, n := range []int{0, 31, 33} {
		if jkt, err := dpop.Thumbprint(ed25519.PublicKey(make([]byte, n))); err == nil {
			t.Errorf("%d bytes: %s", n, jkt)
		}
	}
}

func TestSignatureVectors(t *testing.T) {
	for _, tt := range []struct {
		name, jws string
		jwk       map[string]string
	}{
		{
			"RFC 7515 A.3 ES256",
			"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ" +
				".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
			map[string]string{"kty": "EC", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
		},
		{
			"RFC 8037 A.4 Ed25519",
			"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc" +
				".hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
			map[string]string{"kty": "OKP", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			last := strings.LastIndexByte(tt.jws, '.')
			sig, err := b64.DecodeString(tt.jws[last+1:])
			if err != nil {
				t.Fatal(err)
			}
			key, signed := publicKey(t, tt.jwk), tt.jws[:last]
			if !dpop.VerifySignature(key, signed, sig) {
				t.Error("the published signature does not verify")
			}
			for i := range sig {
				sig[i] ^= 1
				if dpop.VerifySignature(key, signed, sig) {
					t.Errorf("accepted with byte %d changed", i)
				}
				sig[i] ^= 1
			}
		})
	}
}
