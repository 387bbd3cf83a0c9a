package issuer_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strconv"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store"
	"github.com/tenon-auth/tenon/verifier"
)

// A statusList is a list taken apart, its signature verified.
type statusList struct {
	Issuer  string `json:"iss"`
	Subject string `json:"sub"`
	Issued  int64  `json:"iat"`
	Expires int64  `json:"exp"`
	TTL     int64  `json:"ttl"`
	List    struct {
		Bits int    `json:"bits"`
		List string `json:"lst"`
	} `json:"status_list"`
	bytes []byte
}

// count gives the number of marks.
func (l statusList) count() int {
	n := 0
	for _, b := range l.bytes {
		n += bits.OnesCount8(b)
	}
	return n
}

func (v *server) statusList(n int) statusList {
	v.t.Helper()
	answer, body := v.get(fmt.Sprintf("%s/status/%d", v.url, n))
	v.event()
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "application/statuslist+jwt" {
		v.t.Fatalf("%d %v %s", answer.StatusCode, answer.Header, body)
	}
	signed, err := jose.ParseSignedCompact(string(body), []jose.SignatureAlgorithm{jose.ES256})
	must(v.t, err)
	if typ := signed.Signatures[0].Header.ExtraHeaders["typ"]; typ != "statuslist+jwt" {
		v.t.Errorf("typ %v", typ)
	}
	var set jose.JSONWebKeySet
	v.getJSON(v.url+"/jwks", &set)
	payload, err := signed.Verify(set)
	must(v.t, err)
	var list statusList
	mustJSON(v.t, payload, &list)
	packed, err := base64.RawURLEncoding.DecodeString(list.List.List)
	must(v.t, err)
	z, err := zlib.NewReader(bytes.NewReader(packed)) // Token Status List §4.1
	must(v.t, err)
	list.bytes, err = io.ReadAll(z)
	must(v.t, err)
	return list
}

func TestStatusList(t *testing.T) {
	v := newServer(t, setup{})
	p := v.register("c", nil)
	var tokens []accessToken
	for range 11 {
		tokens = append(tokens, p.accepted(message{}))
	}
	now := v.clock.Now().Unix()
	clean := v.statusList(0)
	if clean.Subject != v.url+"/status/0" || clean.Issuer != v.url || clean.List.Bits != 1 || clean.TTL != 5 ||
		clean.Issued < now || clean.Expires-clean.Issued != 60 || len(clean.bytes) != 1<<14 || !bytes.Equal(clean.bytes, make([]byte, 1<<14)) {
		t.Errorf("the clean list is %+v", clean)
	}
	want := make([]byte, 1<<14)
	for _, n := range []int{0, 3, 10} {
		index := tokens[n].claims.Status.Index
		want[index/8] |= 1 << (index % 8)
		done, err := v.admin.Revoke(t.Context(), issuer.Revocation{Token: strconv.FormatUint(index, 10)})
		must(t, err)
		if done.Count != 1 || done.ByWhen != 10*time.Second || done.Disabled {
			t.Errorf("revoked %+v", done)
		}
	}
	v.clock.advance(4 * time.Second)
	answer, _ := v.get(v.url + "/status/0")
	v.event()
	if age := answer.Header.Get("Cache-Control"); age != "public, max-age=1" { // what is left of the 5 s
		t.Errorf("Cache-Control %q", age)
	}
	if kept := v.statusList(0); !bytes.Equal(kept.bytes, clean.bytes) || kept.Issued != clean.Issued {
		t.Error("a list was made again before its time")
	}
	v.clock.advance(time.Second) // half of the promised 10 s are over; the other half is the ttl
	list := v.statusList(0)
	if !bytes.Equal(list.bytes, want) {
		t.Errorf("the bits are %08b, want %08b", list.bytes[:4], want[:4])
	}
}

// Only lists that have a token in them are made, so that nobody can have the server sign without end.
func TestStatusListsThatDoNotExist(t *testing.T) {
	v := newServer(t, setup{})
	v.register("c", nil).accepted(message{})
	for _, n := range []string{"1", "7", "140737488355328", "18446744073709551615", "99999999999999999999"} {
		if answer, body := v.get(v.url + "/status/" + n); answer.StatusCode != 404 {
			t.Errorf("list %s: %d %s", n, answer.StatusCode, body)
		}
	}
}

// The second list begins where the first ends, and neither has the marks of the other.
func TestSecondStatusList(t *testing.T) {
	if testing.Short() {
		t.Log("not run: appends 131073 leaves")
		return
	}
	v := newServer(t, setup{})
	p := v.register("c", nil)
	for next := uint64(0); next < 1<<17-1; { // leaves of somebody else move the index on
		change := &store.Change{Leaves: []store.Leaf{{Body: []byte("{}")}}}
		for range min(7710, 1<<17-2-next) * min(next, 1) { // the first tells where it is
			change.Leaves = append(change.Leaves, store.Leaf{Body: []byte("{}")})
		}
		receipt, err := v.store.Commit(t.Context(), change)
		must(t, err)
		next = receipt.First + uint64(len(change.Leaves))
	}
	var last accessToken
	for {
		last = p.accepted(message{})
		if last.claims.Status.URI == v.url+"/status/1" {
			break
		}
	}
	if last.claims.Status.Index != 0 {
		t.Errorf("the first token of list 1 has index %d", last.claims.Status.Index)
	}
	_, err := v.admin.Revoke(t.Context(), issuer.Revocation{TokenID: last.claims.ID})
	must(t, err)
	_, err = v.admin.Revoke(t.Context(), issuer.Revocation{Token: "131071"})
	must(t, err)
	if list := v.statusList(1); list.bytes[0] != 1 || list.Subject != v.url+"/status/1" {
		t.Errorf("list 1 begins with %08b", list.bytes[0])
	}
	if list := v.statusList(0); list.bytes[1<<14-1] != 1<<7 || list.bytes[0] != 0 {
		t.Errorf("list 0 ends with %08b", list.bytes[1<<14-1])
	}
}

func TestStatusListWhenTheStoreIsGone(t *testing.T) {
	v, hooks := newHookedServer(t, -1)
	hooks.scan = errors.New("gone")
	answer, body := v.get(v.url + "/status/0")
	if answer.StatusCode != 503 || bytes.Contains(body, []byte("gone")) || answer.Header.Get("Retry-After") == "" {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
}

// From issuing to refusing: a verifier that fetches keys and list over the network.
func TestVerifierLearnsOfRevocation(t *testing.T) {
	v := newServer(t, setup{})
	p := v.register("c", func(p *party) { p.record.Scope = tenon.Scope{"accounts"} })
	keys, err := verifier.NewRemoteKeys(verifier.RemoteKeysConfig{Issuer: v.url, HTTP: v.client(nil), Now: v.clock.Now})
	must(t, err)
	lists, err := verifier.NewStatusLists(verifier.StatusListsConfig{Issuer: v.url, Keys: keys, HTTP: v.client(nil), Now: v.clock.Now})
	must(t, err)
	token := p.accepted(message{})
	ask := func() bool {
		revoked, err := lists.Revoked(context.Background(), "", &token.claims)
		must(t, err)
		return revoked
	}
	if ask() {
		t.Fatal("revoked from the start")
	}
	done, err := v.admin.Revoke(t.Context(), issuer.Revocation{TokenID: token.claims.ID})
	must(t, err)
	v.clock.advance(done.ByWhen)
	if !ask() {
		t.Error("not revoked after the promised delay")
	}
}
