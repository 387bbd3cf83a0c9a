package issuer_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/audit"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/mtls"
	"github.com/tenon-auth/tenon/store"
)

func TestClientsAreKept(t *testing.T) {
	v := newServer(t, setup{})
	ctx := t.Context()
	b := v.register("b", nil).record
	if _, err := v.admin.AddClient(ctx, b); !errors.Is(err, issuer.ErrClientExists) {
		t.Errorf("the same id again: %v", err)
	}
	unnamed := b
	unnamed.ID = ""
	named, err := v.admin.AddClient(ctx, unnamed)
	must(t, err)
	if len(named.ID) != 36 {
		t.Errorf("the id given is %q", named.ID)
	}
	must(t, v.admin.RemoveClient(ctx, named.ID))
	v.register("a", nil)
	v.register("c", nil)
	page, err := v.admin.Clients(ctx, "a", 2)
	must(t, err)
	if len(page) != 2 || page[0].ID != "b" || page[1].ID != "c" {
		t.Errorf("the page after a is %v", page)
	}
	b.Name, b.Scope = "Renamed", tenon.Scope{"accounts"}
	_, err = v.admin.UpdateClient(ctx, b)
	must(t, err)
	read, err := v.admin.Client(ctx, "b")
	must(t, err)
	want, err := json.Marshal(b)
	must(t, err)
	got, err := json.Marshal(read)
	must(t, err)
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
	must(t, v.admin.RemoveClient(ctx, "b"))
	for name, do := range map[string]func() error{
		"read":   func() error { _, err := v.admin.Client(ctx, "b"); return err },
		"update": func() error { _, err := v.admin.UpdateClient(ctx, b); return err },
		"remove": func() error { return v.admin.RemoveClient(ctx, "b") },
	} {
		if err := do(); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s what is gone: %v", name, err)
		}
	}
	b.AuthMethod = "none"
	if _, err := v.admin.AddClient(ctx, b); !errors.Is(err, issuer.ErrClient) {
		t.Errorf("a bad one: %v", err)
	}
}

// A change counts with the next request: what is kept ready in memory is never older than the store.
func TestChangeOfAClientCountsAtOnce(t *testing.T) {
	v := newServer(t, setup{})
	p := v.register("c", nil)
	p.accepted(message{})
	old := p.key
	p.key = ecKey(t)
	p.record.JWKS = publicSet(p.key)
	_, err := v.admin.UpdateClient(t.Context(), p.record)
	must(t, err)
	p.accepted(message{})
	p.key = old
	p.refused(message{}, 401, tenon.InvalidClient, "signature")
}

// A record that would not be registered today, from before a rule or by another hand: its key counts for nothing.
func TestUnfitKeyInTheStore(t *testing.T) {
	v := newServer(t, setup{})
	p := v.register("c", nil)
	clients := store.Collection[issuer.Client]{Kind: "clients"}
	item, err := clients.Get(t.Context(), v.store, "c")
	must(t, err)
	item.Value.JWKS.Keys[0].Use = "enc"
	change := store.Change{}
	must(t, clients.Replace(&change, item))
	_, err = v.store.Commit(t.Context(), &change)
	must(t, err)
	p.refused(message{}, 401, tenon.InvalidClient, "signature")
}

func TestClientJSON(t *testing.T) {
	c := issuer.Client{
		ID: "tpp", Name: "TPP", AuthMethod: issuer.TLSClientAuth, Subject: mtls.Subject{DN: "CN=tpp"}, GrantTypes: []string{"client_credentials"},
		Scope: tenon.Scope{"a", "b"}, Resources: []string{resource}, DPoPBound: true, CertificateBound: true, Disabled: true,
	}
	text, err := json.Marshal(c)
	must(t, err)
	want := `{"client_id":"tpp","client_name":"TPP","token_endpoint_auth_method":"tls_client_auth","tls_client_auth_subject_dn":"CN=tpp",` +
		`"grant_types":["client_credentials"],"resources":["https://api.example.com"],"dpop_bound_access_tokens":true,` +
		`"tls_client_certificate_bound_access_tokens":true,"disabled":true,"scope":"a b"}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
	var read issuer.Client
	must(t, json.Unmarshal(text, &read))
	if diff := cmp.Diff(c, read); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{`{"client_id":"x","scopes":"a"}`, `{"scope":"a  b"}`, `[]`, `{"jwks":{"keys":[{"kty":"oct?"}]}}`} {
		if err := json.Unmarshal([]byte(bad), &read); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

func TestRevoke(t *testing.T) {
	v := newServer(t, setup{})
	leaf, err := certs.SelfSigned("holder", 0)
	must(t, err)
	a := v.register("a", func(p *party) { p.leaf = leaf })
	b := v.register("b", nil)
	tokens := []string{}
	for _, m := range []message{{}, {}, {alias: true, proof: part{Omit: true}}} {
		tokens = append(tokens, a.send(m).body.AccessToken)
	}
	other := b.accepted(message{})
	jkt, err := dpop.Thumbprint(a.proofs.Public())
	must(t, err)
	steps := []struct {
		name     string
		r        issuer.Revocation
		count    int
		disabled bool
	}{
		{"by the token itself", issuer.Revocation{Token: tokens[0]}, 1, false},
		{"again", issuer.Revocation{Token: tokens[0]}, 0, false},
		{"by its id", issuer.Revocation{TokenID: other.claims.ID}, 1, false},
		{"by thumbprint: the one that is left of two", issuer.Revocation{Thumbprint: jkt}, 1, false},
		{"by client: the one bound to a certificate", issuer.Revocation{ClientID: "a"}, 1, true},
		{"by certificate: it is revoked already", issuer.Revocation{Thumbprint: mtls.Thumbprint(leaf.Certificate)}, 0, false},
	}
	for _, step := range steps {
		done, err := v.admin.Revoke(t.Context(), step.r)
		if err != nil || done.Count != step.count || done.Disabled != step.disabled {
			t.Errorf("%s: %+v %v, want %d", step.name, done, err, step.count)
		}
	}
	a.refused(message{}, 401, tenon.InvalidClient, "disabled")
	b.accepted(message{})
	list := v.statusList(0)
	indices := []uint64{other.claims.Status.Index}
	for _, token := range tokens {
		indices = append(indices, v.open(token).claims.Status.Index)
	}
	for _, index := range indices {
		if list.bytes[index/8]>>(index%8)&1 != 1 {
			t.Errorf("token %d is not marked", index)
		}
	}
	if marks := list.count(); marks != 4 {
		t.Errorf("%d marks", marks)
	}
}

func TestRevocationLeavesATrace(t *testing.T) {
	v := newServer(t, setup{})
	token := v.register("c", nil).accepted(message{})
	index := token.claims.Log.Index
	_, err := v.admin.Revoke(t.Context(), issuer.Revocation{Token: strconv.FormatUint(index, 10)})
	must(t, err)
	issued, revoked := v.leaf(index), v.leaf(index+1)
	want := audit.Leaf{
		Type: audit.TokenRevoked, Time: revoked.Time, Outcome: audit.OK, Binding: issued.Binding,
		Token: audit.LeafToken{Client: "c", Expires: issued.Token.Expires}, Evidence: audit.LeafEvidence{About: &index},
	}
	if diff := cmp.Diff(want, revoked); diff != "" {
		t.Error(diff)
	}
	// What marks the token goes when the token does.
	v.clock.shift.Store(int64(token.claims.Expires.Sub(v.clock.Now())) + int64(2*60*1e9))
	if _, err := v.store.Get(t.Context(), store.Key{Kind: "revoked", ID: store.LeafID(index)}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after the token has expired: %v", err)
	}
}

func TestRevokeRefuses(t *testing.T) {
	v := newServer(t, setup{})
	token := v.register("c", nil).accepted(message{})
	payload := strings.Replace(token.payload, `"jti":"`, `"jti":"x`, 1) // at the index of another token
	forged := "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".e30"
	for name, r := range map[string]issuer.Revocation{
		"nothing named":          {},
		"two things named":       {TokenID: token.claims.ID, ClientID: "c"},
		"no such client":         {ClientID: "nobody"},
		"no such index":          {Token: "77"},
		"guessed id":             {TokenID: "6f0f6ab8-5f4e-4f3a-9f0e-000000000000"},
		"a JWT of another log":   {Token: forged},
		"not a token":            {Token: "a.b"},
		"a token that is no JWT": {Token: "a.!.c"},
		"a JWT that is no token": {Token: "e30.e30.e30"},
		"not a thumbprint":       {Thumbprint: "abc"},
	} {
		if done, err := v.admin.Revoke(t.Context(), r); err == nil || done.Count != 0 {
			t.Errorf("%s: %+v", name, done)
		}
	}
	if list := v.statusList(0); list.count() != 0 {
		t.Error("something was revoked")
	}
}

func TestRevokeTellsWhenTheStoreFails(t *testing.T) {
	v, hooks := newHookedServer(t, -1)
	token := v.register("c", nil).accepted(message{})
	index := strconv.FormatUint(token.claims.Log.Index, 10)
	broken := &issuer.Admin{Store: hooks, Log: v.book, Tokens: issuer.TokenPolicy{}}
	gone := errors.New("gone")
	for name, breakIt := range map[string]func(){
		"reading": func() { hooks.scan, hooks.get = gone, func(store.Key) error { return gone } },
		"writing": func() { hooks.commit = func(*store.Change) error { return gone } },
	} {
		*hooks = hookedStore{Store: hooks.Store}
		breakIt()
		for _, r := range []issuer.Revocation{{Token: index}, {ClientID: "c"}} {
			if _, err := broken.Revoke(context.Background(), r); !errors.Is(err, gone) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestAdminRotatesKeys(t *testing.T) {
	v := newServer(t, setup{})
	key, err := v.admin.RotateKey(t.Context())
	must(t, err)
	if keys := v.admin.Keys(); key.State != issuer.KeyPublished || len(keys) != 2 || keys[1].ID != key.ID {
		t.Errorf("rotated to %+v, have %v", key, keys)
	}
	key, err = v.admin.RotateKeyUnpublished(t.Context())
	must(t, err)
	if keys := v.admin.Keys(); key.State != issuer.KeyActive || len(keys) != 2 { // the published one, at once
		t.Errorf("rotated to %+v, have %v", key, keys)
	}
}
