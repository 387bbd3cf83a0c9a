package verifier_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/verifier"
	"github.com/tenon-auth/tenon/verifier/verifiertest"
)

// verdicts keeps what a verifier tells.
type verdicts struct{ all []verifier.Verdict }

func (v *verdicts) Record(one verifier.Verdict) { v.all = append(v.all, one) }

// A proof may leave the verifier only when nobody can use it any more.
func TestVerdictHoldsNoProofThatIsStillGood(t *testing.T) {
	issuer := verifiertest.NewIssuer(t)
	recorder := &verdicts{}
	config := issuer.Config(verifiertest.Audience)
	config.Recorder = recorder
	v := must(verifier.New(config))
	owner, thief := verifiertest.NewKey(t), verifiertest.NewKey(t)
	token := issuer.Token(verifiertest.BoundTo(owner))
	revoked := issuer.Token(verifiertest.BoundTo(owner))
	issuer.Revoke(revoked)
	const url = verifiertest.Audience + "/accounts"
	used := issuer.Request(owner, http.MethodGet, url, token)
	bearer := issuer.Request(owner, http.MethodGet, url, token)
	bearer.Header.Set("Authorization", "Bearer "+token)
	twice := issuer.Request(owner, http.MethodGet, url, token)
	twice.Header.Add("DPoP", twice.Header.Get("DPoP"))
	moved := issuer.Request(owner, http.MethodGet, verifiertest.Audience+"/payments", token)
	moved.RequestURI = "/accounts"
	for _, tt := range []struct {
		name    string
		request *http.Request
		reason  string
		kept    bool
	}{
		{"used now", used, "", true},
		{"used before", used, "replay", true},
		{"by a key that the token is not bound to", issuer.Request(thief, http.MethodGet, url, token), "jkt", true},
		{"beside the Bearer scheme", bearer, "downgrade", false},
		{"sent twice", twice, "headers", false},
		{"for another URL", moved, "htu", false},
		{"with a revoked token", issuer.Request(owner, http.MethodGet, url, revoked), "revoked", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			recorder.all = nil
			_, _ = v.Verify(t.Context(), must(v.NewRequest(tt.request)))
			if len(recorder.all) != 1 {
				t.Fatalf("told %d times", len(recorder.all))
			}
			got := recorder.all[0]
			if got.Reason != tt.reason || (got.Proof.Text() != "") != tt.kept {
				t.Errorf("%q, proof kept: %t", got.Reason, got.Proof.Text() != "")
			}
			if text := fmt.Sprintf("%v %+v %#v %s", got, got, got, got.Proof); strings.Contains(text, tt.request.Header.Get("DPoP")) {
				t.Errorf("a verdict prints its proof: %s", text)
			}
		})
	}
}
