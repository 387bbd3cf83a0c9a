package verifiertest

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/verifier"
)

// statuses is how many tokens have a place in the list, and so how many an Issuer can make.
const statuses = 1 << 14

// Revoke marks a token of this issuer as revoked. Verifiers made from Config refuse it from the next request on.
func (i *Issuer) Revoke(token string) {
	i.t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	index, ok := i.indices[token]
	if !ok {
		i.t.Fatal("verifiertest: this issuer did not make the token that is to be revoked")
	}
	i.revoked[index] = true
}

// impatient asks the status list anew for every token, so that a test need not wait for the delay of a real verifier.
type impatient struct {
	issuer *Issuer
	keys   verifier.KeySource
}

var _ verifier.Revocation = impatient{}

// Revoked implements [verifier.Revocation].
func (r impatient) Revoked(ctx context.Context, _ string, claims *tenon.Claims) (bool, error) {
	lists, err := verifier.NewStatusLists(verifier.StatusListsConfig{Issuer: r.issuer.URL, Keys: r.keys, HTTP: r.issuer.Client()})
	if err != nil {
		return false, err
	}
	return lists.Revoked(ctx, "", claims)
}

func (i *Issuer) listURL() string { return i.URL + "/status/0" }

func (i *Issuer) serveStatusList(w http.ResponseWriter, _ *http.Request) {
	payload, err := json.Marshal(map[string]any{
		"sub":         i.listURL(),
		"iat":         time.Now().Unix(),
		"exp":         time.Now().Add(time.Hour).Unix(),
		"status_list": map[string]any{"bits": 1, "lst": i.compressed()},
	})
	if err != nil {
		i.t.Errorf("verifiertest: %v", err)
	}
	w.Header().Set("Content-Type", "application/statuslist+jwt")
	_, _ = w.Write([]byte(i.sign("statuslist+jwt", payload))) // the verifier notices when this fails
}

// compressed gives the list of one bit a token, index 0 in the least significant bit (Token Status List §4.1).
func (i *Issuer) compressed() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	bits := make([]byte, statuses/8)
	for index := range i.revoked {
		bits[index/8] |= 1 << (index % 8)
	}
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	_, _ = z.Write(bits) // a bytes.Buffer takes everything
	_ = z.Close()
	return base64.RawURLEncoding.EncodeToString(out.Bytes())
}
