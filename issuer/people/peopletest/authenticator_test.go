package peopletest_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/issuer/people/peopletest"
)

const (
	creation = `{"rp":{"id":"id.example"},"user":{"id":"YWRh"},"challenge":"AAAA","pubKeyCredParams":[{"alg":-8},{"alg":-7}],` +
		`"authenticatorSelection":{"residentKey":"required","userVerification":"required"}}`
	request = `{"rpId":"id.example","challenge":"BBBB","userVerification":"required"}`
)

// An authenticator answers for its own relying parties, with what it has, and is as stubborn as a real one.
func TestAuthenticator(t *testing.T) {
	a := peopletest.New("https://id.example")
	if _, err := a.Login([]byte(request)); err == nil {
		t.Error("logs in without a passkey")
	}
	made, err := a.Register([]byte(creation))
	if err != nil {
		t.Fatal(err)
	}
	var passkey struct{ ID string }
	if err := json.Unmarshal(made, &passkey); err != nil || passkey.ID == "" {
		t.Fatal(err)
	}
	if _, err := a.Login([]byte(request)); err != nil {
		t.Error(err)
	}
	for name, options := range map[string]string{
		"another relying party": strings.Replace(request, "id.example", "evil.example", 1),
		"another passkey":       strings.Replace(request, "{", `{"allowCredentials":[{"id":"AAAA"}],`, 1),
		"no JSON":               "{",
	} {
		if _, err := a.Login([]byte(options)); err == nil {
			t.Errorf("%s: answered", name)
		}
	}
	for name, options := range map[string]string{
		"it holds an excluded one": strings.Replace(creation, "{", `{"excludeCredentials":[{"id":"`+passkey.ID+`"}],`, 1),
		"not discoverable":         strings.Replace(creation, "required", "discouraged", 1),
		"no ES256":                 strings.Replace(creation, "-7", "-257", 1),
		"a handle that is none":    strings.Replace(creation, "YWRh", "%", 1),
		"no JSON":                  "{",
	} {
		if _, err := a.Register([]byte(options)); err == nil {
			t.Errorf("%s: answered", name)
		}
	}
}

// The codes are those of the specification's own table, in six digits (RFC 6238, appendix B).
func TestCode(t *testing.T) {
	const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037"} {
		if got, err := peopletest.Code(secret, time.Unix(at, 0)); err != nil || got != want {
			t.Errorf("at %d: %s, %v; want %s", at, got, err, want)
		}
	}
}
