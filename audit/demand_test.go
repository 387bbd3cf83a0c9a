package audit_test

import (
	"errors"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/store"
)

// logged appends the issuance of a token with these claims, and gives its payload as the token would have it.
func logged(t *testing.T, d *desk, claims tenon.Claims) []byte {
	t.Helper()
	claims.Status, claims.Log = nil, nil
	bare, err := claims.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := audit.ClaimsDigest(bare)
	if err != nil {
		t.Fatal(err)
	}
	var change store.Change
	entry := audit.Entry{Type: audit.TokenIssued, Confirmation: claims.Confirmation, Client: claims.ClientID, Token: audit.TokenFacts{
		ID: claims.ID, Claims: digest, Audience: claims.Audience, Scope: claims.Scope, Expires: claims.Expires, KeyID: "k",
	}}
	if err := d.book.Add(t.Context(), &change, entry); err != nil {
		t.Fatal(err)
	}
	receipt, err := d.store.Commit(t.Context(), &change)
	if err != nil {
		t.Fatal(err)
	}
	claims.Status = &tenon.StatusReference{Index: receipt.First, URI: "https://as.bank.example/status/0"}
	claims.Log = &tenon.LogReference{Origin: testOrigin, Index: receipt.First}
	payload, err := claims.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func someClaims() tenon.Claims {
	now := time.Now().Truncate(time.Second)
	c := tenon.Claims{
		Issuer: "https://as.bank.example", Subject: "tpp", ClientID: "tpp", ID: "6f0f6ab8", Audience: []string{"https://api.bank.example"},
		IssuedAt: now, Expires: now.Add(5 * time.Minute), Scope: tenon.Scope{"payments"},
	}
	c.Confirmation.JKT = audit.ProofDigest("key")
	return c
}

// A resource server that asks for the record lets a logged token through at once, and no other.
func TestDemand(t *testing.T) {
	d := newDesk(t)
	server := httptest.NewTLSServer(d.publisher.Handler(nil))
	t.Cleanup(server.Close)
	signer, err := audit.LoadKey(filepath.Join(d.dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	policy, err := audit.ParsePolicy([]byte("log " + signer.String() + "\nquorum none\n"))
	if err != nil {
		t.Fatal(err)
	}
	demand, err := audit.NewDemand(audit.DemandConfig{Policy: policy, URL: server.URL, Level: audit.L1, HTTP: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	good := string(logged(t, d, someClaims())) // not published yet
	if err := demand.Recorded(t.Context(), []byte(good)); err != nil {
		t.Fatal(err)
	}
	d.write(t, 600) // its leaf leaves the store
	d.publish(t)
	if err := demand.Recorded(t.Context(), []byte(good)); err != nil {
		t.Fatal(err)
	}
	noLog, _, _ := strings.Cut(good, `,"tlog"`)
	for name, payload := range map[string]string{
		"no tlog":                    noLog + "}",
		"another audience":           strings.Replace(good, "api.bank", "api.thief", 1),
		"another key":                strings.Replace(good, audit.ProofDigest("key"), audit.ProofDigest("thief"), 1),
		"the index of another token": strings.Replace(good, `"i":`, `"i":1`, 1),
		"an index beyond the log":    strings.Replace(good, `"i":`, `"i":99`, 1),
		"another log":                strings.Replace(good, testOrigin, "other.example/log", 1),
		"no claims":                  "{}",
		"members behind tlog":        strings.TrimSuffix(good, "}") + `,"x":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			err := demand.Recorded(t.Context(), []byte(payload))
			if refusal, ok := errors.AsType[*tenon.Error](err); !ok || refusal.Reason != "unlogged" {
				t.Errorf("%s: %v", payload, err)
			}
		})
	}
	server.Close()
	err = demand.Recorded(t.Context(), []byte(good))
	if _, refused := errors.AsType[*tenon.Error](err); err == nil || refused {
		t.Errorf("the log is out of reach, and the answer is %v", err)
	}
}

// The entry of a token is for those who have the token.
func TestEntriesAreForThoseWhoHaveTheToken(t *testing.T) {
	d := newDesk(t)
	payload := logged(t, d, someClaims())
	digest, err := audit.ClaimsDigest(payload)
	if err != nil {
		t.Fatal(err)
	}
	d.publish(t)
	handler := d.publisher.Handler(nil)
	index := d.publisher.Newest().Size - 1
	for query, want := range map[string]int{
		"?claims=" + digest:                     200,
		"?claims=" + audit.ProofDigest("guess"): 404,
		"?claims=":                              404,
		"":                                      404,
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/log/entry/"+strconv.FormatInt(index, 10)+query, nil))
		if w.Code != want {
			t.Errorf("%q: %d, want %d", query, w.Code, want)
		}
	}
}
