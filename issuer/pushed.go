package issuer

import (
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer/rar"
)

// pushedRequest is an authorization request that has been judged and waits for a person (RFC 9126 §2.2).
type pushedRequest struct {
	ClientID    string `json:"client_id"`
	RedirectURI string `json:"redirect_uri"`
	echoes
	target
	holder
	Identity claimsRequest `json:"claims,omitzero"`
	Wishes   wishes        `json:"wishes,omitzero"`
	Created  time.Time     `json:"created"`
	Expires  time.Time     `json:"expires"` // until when a browser may begin; the record stays for those that have begun
}

// echoes are what comes back to the client as it was sent; "" was not sent, and does not come back.
type echoes struct {
	State string `json:"state,omitempty"`
	Nonce string `json:"nonce,omitempty"`
}

// target is what is asked for, and where it is to be used.
type target struct {
	Scope     tenon.Scope `json:"scope,omitempty"`
	Details   rar.Details `json:"authorization_details,omitempty"`
	Resources []string    `json:"resources"`
}

// holder is what whoever redeems the code must prove to have.
type holder struct {
	Challenge  string `json:"code_challenge"`     // S256 (RFC 7636 §4.2)
	Thumbprint string `json:"dpop_jkt,omitempty"` // "" for no key (RFC 9449 §10)
}

// wishes is how the client wants the person to be asked (OpenID Connect Core §3.1.2.1).
type wishes struct {
	Prompt       []string       `json:"prompt,omitempty"`
	MaxAge       *time.Duration `json:"max_age,omitempty"`
	ACR          []string       `json:"acr_values,omitempty"`
	ACREssential bool           `json:"acr_essential,omitempty"`
	LoginHint    string         `json:"login_hint,omitempty"`
	Subject      string         `json:"sub,omitempty"` // the directory's subject that must log in: id_token_hint, or a value asked for in claims
	Locales      []string       `json:"ui_locales,omitempty"`
}
