package dpop_test

import (
	"crypto"
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon/dpop"
)

// go-jose is the oracle of the strict parser: whatever ours accepts, go-jose accepts, with the same claims and thumbprint.
func holdAgainstGoJose(t *testing.T, proof string) {
	t.Helper()
	ours, err := dpop.Parse(proof)
	if err != nil {
		return
	}
	jws, err := jose.ParseSignedCompact(proof, []jose.SignatureAlgorithm{jose.ES256, jose.PS256, jose.EdDSA, "Ed25519"})
	if err != nil {
		t.Fatalf("accepted %s, go-jose says %v", proof, err)
	}
	head := jws.Signatures[0].Protected
	if head.JSONWebKey == nil || !head.JSONWebKey.Valid() || !head.JSONWebKey.IsPublic() {
		t.Fatalf("accepted %s, go-jose finds no valid public key in it", proof)
	}
	if typ := head.ExtraHeaders["typ"]; typ != "dpop+jwt" || head.Algorithm != string(ours.Algorithm) {
		t.Errorf("go-jose reads typ %v and alg %s", typ, head.Algorithm)
	}
	if sum := must(head.JSONWebKey.Thumbprint(crypto.SHA256)); b64.EncodeToString(sum) != ours.Thumbprint {
		t.Errorf("thumbprint %s, go-jose computes %x", ours.Thumbprint, sum)
	}
	payload := jws.UnsafePayloadWithoutVerification()
	if ours.Algorithm != "Ed25519" { // go-jose does not know the name of RFC 9864, only how to read it
		if payload, err = jws.Verify(head.JSONWebKey); err != nil {
			t.Fatalf("accepted %s, go-jose does not verify it: %v", proof, err)
		}
	}
	compareClaims(t, ours, payload)
}

// compareClaims reads the payload once more. A map keeps names apart that differ in case; duplicates were refused.
func compareClaims(t *testing.T, ours *dpop.Parsed, payload []byte) {
	t.Helper()
	var theirs map[string]json.RawMessage
	if err := json.Unmarshal(payload, &theirs); err != nil {
		t.Fatalf("the payload %q is accepted and not JSON: %v", payload, err)
	}
	for name, value := range map[string]any{
		"jti": ours.JTI, "htm": ours.HTM, "htu": ours.HTU, "ath": ours.ATH, "nonce": ours.Nonce, "iat": ours.IAT, "nbf": ours.NBF, "exp": ours.EXP,
	} {
		var want any
		switch value := value.(type) {
		case string:
			want = value
		case *string:
			if value != nil {
				want = *value
			}
		case int64:
			want = float64(value)
		case *int64:
			if value != nil {
				want = float64(*value)
			}
		}
		var got any
		if raw, there := theirs[name]; there {
			if err := json.Unmarshal(raw, &got); err != nil {
				t.Fatal(err)
			}
		}
		if got != want {
			t.Errorf("claim %s is %v, encoding/json reads %v", name, want, got)
		}
	}
}

func TestOracleAgreesOnVectors(t *testing.T) {
	accepted := 0
	for _, v := range load[vector](t, "proofs.json") {
		if _, err := dpop.Parse(v.Proof); err == nil {
			accepted++
			holdAgainstGoJose(t, v.Proof)
		}
	}
	if accepted < 10 {
		t.Fatalf("%d vectors were parsed", accepted)
	}
}

// FuzzParse throws whole proofs at the parser.
func FuzzParse(f *testing.F) {
	for _, v := range load[vector](f, "proofs.json") {
		f.Add(v.Proof)
	}
	for _, alg := range dpop.Algorithms() {
		f.Add(newForge(alg).proof(f))
	}
	f.Fuzz(holdAgainstGoJose)
}

// FuzzSigned throws headers and claims at it that carry a good signature, so that what stands behind the signature check is
// reached. "@" in a header stands for the key, which every process makes anew. Members about certificates are left out:
// go-jose reads certificates, and this package ignores them.
func FuzzSigned(f *testing.F) {
	const claims = `{"jti":"1","htm":"GET","htu":"https://h/","iat":1795341600}`
	for i, alg := range dpop.Algorithms() {
		f.Add(byte(i), `{"typ":"dpop+jwt","alg":"`+string(alg)+`","jwk":@}`, claims)
	}
	f.Add(byte(2), `{"kid":"1","nonce":"n","cty":"x","zip":"DEF","enc":"A128GCM","epk":{},"apu":"","p2c":1,"typ":"dpop+jwt","alg":"EdDSA","jwk":@}`, claims)
	for _, claims := range []string{
		`{"jti":"\u0041\ud83d\ude00","htm":"G\/ET","htu":"https:\/\/h","iat":0,"exp":1,"nbf":2,"nonce":"","ath":"","x":[1.5e3,null]}`,
		`{"jti":"1","jti":"2","htm":"GET","htu":"https://h","iat":1}`,
		`{"JTI":"1","jti":"2","htm":"GET","htu":"https://h","iat":1,"IAT":2}`,
	} {
		f.Add(byte(2), `{"typ":"dpop+jwt","alg":"EdDSA","jwk":@}`, claims)
	}
	f.Fuzz(func(t *testing.T, which byte, header, claims string) {
		if strings.Contains(header, "x5") || strings.Contains(header, `\u`) {
			return
		}
		key := testKeys()[dpop.Algorithms()[int(which)%len(dpop.Algorithms())]]
		header = strings.ReplaceAll(header, "@", string(key.JWK()))
		holdAgainstGoJose(t, (&forge{signer: key.Signer(), header: header, claims: claims}).proof(t))
	})
}
