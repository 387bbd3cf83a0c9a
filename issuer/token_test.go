package issuer_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon"
)

func TestTokenForDPoPClient(t *testing.T) {
	v := newServer(t, setup{})
	p := v.register("tpp-4711", nil)
	token := p.accepted(message{})
	if !token.claims.Confirmation.Bound() {
		t.Error("unbound")
	}
	if diff := cmp.Diff(tenon.Scope{"accounts", "payments"}, token.claims.Scope); diff != "" {
		t.Error(diff)
	}
}
