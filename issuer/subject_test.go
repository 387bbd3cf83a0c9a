package issuer_test

import (
	"net/url"
	"regexp"
	"testing"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/issuer/people"
)

// OpenID Connect Core §8.1: one name for a sector, the same everywhere and always, and telling nothing.
func TestPairwiseSubjects(t *testing.T) {
	f := newFlow(t, setup{})
	pairwise := func(sector string) func(*party) {
		return func(p *party) { p.record.SubjectType, p.record.Sector = issuer.PairwiseSubjects, sector }
	}
	subjects := map[string]string{}
	for _, p := range []*party{f.app("one", pairwise("a.example")), f.app("two", pairwise("a.example")), f.app("three", pairwise("b.example")), f.app("open", nil)} {
		got := f.redeem(p, nil)
		token := f.open(got.body.AccessToken)
		subject := token.claims.Subject
		if id := f.idToken(got.body.IDToken); id["sub"] != subject {
			t.Errorf("%s: %v in the ID token, %s in the access token", p.record.ID, id["sub"], subject)
		}
		again := f.ok(p, refreshing(got.body.Refresh))
		if s := f.open(again.body.AccessToken).claims.Subject; s != subject {
			t.Errorf("%s: %s after %s", p.record.ID, s, subject)
		}
		subjects[p.record.ID] = subject
	}
	if subjects["one"] != subjects["two"] || subjects["one"] == subjects["three"] || subjects["open"] != f.person.Subject {
		t.Errorf("%v", subjects)
	}
	if !regexp.MustCompile(`^pairwise:[A-Za-z0-9_-]{43}$`).MatchString(subjects["one"]) {
		t.Errorf("subject %q", subjects["one"])
	}
	bob, err := f.people.Add(t.Context(), people.Person{Username: "bob"})
	must(t, err)
	f.approval.Subject = bob.Subject
	p := f.app("four", pairwise("a.example"))
	if s := f.open(f.redeem(p, nil).body.AccessToken).claims.Subject; s == subjects["one"] {
		t.Error("two people have one subject")
	}
}

// A client cannot be registered under a name that could be a person's (RFC 9068 §5).
func TestClientCannotBeNamedLikeAPerson(t *testing.T) {
	f := newFlow(t, setup{})
	got := f.redeem(f.app("pair", func(p *party) { p.record.SubjectType, p.record.Sector = issuer.PairwiseSubjects, "a.example" }), url.Values{"scope": {"accounts"}})
	for _, subject := range []string{f.person.Subject, f.open(got.body.AccessToken).claims.Subject} {
		c := issuer.Client{ID: subject, AuthMethod: issuer.PrivateKeyJWT, Algorithm: "ES256", GrantTypes: []string{"client_credentials"}, Scope: tenon.Scope{"a"}, Resources: []string{resource}, JWKS: publicSet(ecKey(t))}
		if c.Validate(issuer.FAPI2) == nil {
			t.Errorf("a client may be called %s", subject)
		}
	}
}
