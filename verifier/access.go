package verifier

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/internal/strictjson"
)

// Access is what a request may do, and who asks. Only [Verifier.Verify] makes one, after every check has passed.
type Access struct {
	// Claims is what the token says. It is the caller's own copy.
	Claims tenon.Claims
	// Thumbprint is the RFC 7638 thumbprint of the DPoP key that was proved; empty when the token is not bound to one.
	Thumbprint string
	// CertificateThumbprint is the x5t#S256 of the certificate that was proved; empty when the token is not bound to one.
	CertificateThumbprint string
	// NextNonce, when set, must go back to the caller in a DPoP-Nonce field (RFC 9449 §8.2). The middleware does that.
	NextNonce string

	token    *token    // that came with the request
	scheme   scheme    // that the request used, for the challenge of Require
	verifier *Verifier // that let the request through
}

// Authentication tells when and how the person behind the token logged in. It is false when the client acts for itself.
func (a *Access) Authentication() (tenon.Authentication, bool) {
	if a.Claims.Person == nil {
		return tenon.Authentication{}, false
	}
	return *a.Claims.Person, true
}

// Details gives the authorization_details of the token that have the type, each a JSON object as the issuer wrote it (RFC 9396 §9). What
// they allow is for the service to read: a type that it does not know allows nothing.
func (a *Access) Details(kind string) []json.RawMessage {
	var found []json.RawMessage
	err := strictjson.Value(a.Claims.Details).Array(func(v strictjson.Value) error {
		ofKind := false
		err := v.Object(func(name string, v strictjson.Value) error {
			if name != "type" {
				return nil
			}
			text, err := v.Str()
			ofKind = text == kind
			return err
		})
		if ofKind && err == nil {
			found = append(found, json.RawMessage(v))
		}
		return err
	})
	if err != nil { // one that is not understood may narrow the others
		return nil
	}
	return found
}

// Allows reports whether the token has every one of the scope tokens, compared exactly (RFC 6749 §3.3).
func (a *Access) Allows(scope ...string) bool { return a.Claims.Scope.Covers(scope) }

// newAccess copies what the token holds: the cache keeps the original, and a handler that edits its Access must not widen what
// the next request may do.
func (v *Verifier) newAccess(presented *token, used scheme, held proved) *Access {
	claims := &presented.claims
	a := &Access{
		Claims:                *claims,
		Thumbprint:            held.key,
		CertificateThumbprint: held.certificate,
		token:                 presented,
		scheme:                used,
		verifier:              v,
	}
	if held.proof != nil {
		a.NextNonce = held.proof.NextNonce()
	}
	a.Claims.Audience = slices.Clone(claims.Audience)
	a.Claims.Scope = slices.Clone(claims.Scope)
	a.Claims.Details = slices.Clone(claims.Details)
	if claims.Person != nil {
		person := *claims.Person
		person.AMR = slices.Clone(person.AMR)
		a.Claims.Person = &person
	}
	if claims.Status != nil {
		status := *claims.Status
		a.Claims.Status = &status
	}
	if claims.Log != nil {
		entry := *claims.Log
		a.Claims.Log = &entry
	}
	return a
}

// accessKey is the key of the Access in a request's context.
type accessKey struct{}

func withAccess(ctx context.Context, a *Access) context.Context {
	return context.WithValue(ctx, accessKey{}, a)
}

// FromContext gives the Access of a request that passed [Verifier.Middleware]. It is false for any other request.
func FromContext(ctx context.Context) (*Access, bool) {
	a, ok := ctx.Value(accessKey{}).(*Access)
	return a, ok
}
