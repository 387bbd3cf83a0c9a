package issuer_test

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store"
)

var opaqueForm = regexp.MustCompile(`^tno_([0-9a-z]+)\.[A-Za-z0-9_-]{43}$`)

// Which form a token has: the client's registration decides, then the resource, and else it is a JWT.
func TestFormOfTokens(t *testing.T) {
	f := newFlow(t, setup{edit: func(c *issuer.Config) { c.Codes.Opaque = []string{"https://other.example.com"} }})
	for _, test := range []struct {
		format, resource string
		opaque           bool
	}{
		{"", resource, false},
		{"", "https://other.example.com", true},
		{issuer.JWTFormat, "https://other.example.com", false},
		{issuer.OpaqueFormat, resource, true},
	} {
		t.Run(test.format+" "+test.resource, func(t *testing.T) {
			f.server.t = t
			id := "app-" + strconv.FormatInt(serial.Add(1), 10)
			p := f.app(id, func(p *party) {
				p.record.TokenFormat = test.format
				p.record.GrantTypes = append(p.record.GrantTypes, issuer.ClientCredentials)
			})
			asked := url.Values{"resource": {test.resource}}
			first := f.redeem(p, asked)
			answers := []reply{first, f.ok(p, refreshing(first.body.Refresh)), f.ok(p, message{form: asked})}
			for n, got := range answers {
				if opaqueForm.MatchString(got.body.AccessToken) != test.opaque || got.body.TokenType != "DPoP" {
					t.Errorf("token %d: %s", n, got.raw)
				}
			}
			if id := f.idToken(first.body.IDToken); id["at_hash"] == nil {
				t.Error("no at_hash")
			}
		})
	}
}

// An opaque token is on record like a JWT, and revoked like one, by whoever has it.
func TestOpaqueTokenIsOnRecord(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", func(p *party) { p.record.TokenFormat = issuer.OpaqueFormat })
	got := f.redeem(p, nil)
	index, err := strconv.ParseUint(opaqueForm.FindStringSubmatch(got.body.AccessToken)[1], 36, 64)
	must(t, err)
	leaf := f.leaf(index)
	if leaf.Type != audit.TokenIssued || leaf.Token.Client != "app" || leaf.Token.Claims == "" || leaf.Binding.Key == "" {
		t.Errorf("entry %+v", leaf)
	}
	secret := strings.SplitN(got.body.AccessToken, ".", 2)[1]
	for _, kind := range []store.Kind{"tokens", store.Leaves} { // who reads the store cannot use the token
		records, err := f.store.Scan(t.Context(), store.Key{Kind: kind}, "", 1000)
		must(t, err)
		for _, r := range records {
			if strings.Contains(string(r.Body), secret) {
				t.Errorf("%v holds the secret", r.Key)
			}
		}
	}
	for _, wrong := range []string{
		strings.TrimSuffix(got.body.AccessToken, secret) + "A" + secret[1:] + "x", "tno_" + secret, "tno_0." + secret, "tno_" + strconv.FormatUint(index+1, 36) + "." + secret,
	} {
		if _, err := f.admin.Revoke(t.Context(), issuer.Revocation{Token: wrong}); err == nil {
			t.Errorf("%q was revoked", wrong)
		}
	}
	done, err := f.admin.Revoke(t.Context(), issuer.Revocation{Token: got.body.AccessToken})
	if err != nil || done.Count != 1 {
		t.Errorf("%+v %v", done, err)
	}
	if list := f.statusList(0); list.bytes[index/8]>>(index%8)&1 != 1 {
		t.Error("it is not marked")
	}
}

// The last line holds for opaque tokens too: no key, no token, unless the registration says bearer.
func TestOpaqueTokenNeedsAKey(t *testing.T) {
	f := newFlow(t, setup{})
	p := f.app("app", func(p *party) { p.record.TokenFormat = issuer.OpaqueFormat })
	m := f.code(p, nil).redemption()
	m.proof.Omit = true
	p.refused(m, 400, tenon.InvalidRequest, "unbound")
}
