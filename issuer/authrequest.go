package issuer

import (
	"context"
	"time"

	"github.com/tenon-auth/tenon"
)

const (
	maxState     = 4096 // bytes (FAPI 2.0 §5.3.2.2, note 4: more than 1000)
	maxNonce     = 255  // bytes (FAPI 2.0 §5.3.2.2 (14): at least 64)
	challengeLen = 43   // a SHA-256 value in base64url (RFC 7636 §4.2)
)

// An asking is an authorization request that is being judged. Each concern is a column of checks, and puts what it found good
// into the request that will be kept.
type asking struct {
	*Issuer
	form   form
	client *Client
	held   *possession
	now    time.Time
	pushed pushedRequest
}

// judge holds an authorization request to everything that can be known without its person (RFC 9126 §2.1). Nothing is spent.
func (a *asking) judge(ctx context.Context) (*pushedRequest, error) {
	a.pushed.ClientID, a.pushed.Created, a.pushed.Expires = a.client.ID, a.now, a.now.Add(a.cfg.Codes.Request)
	for _, concern := range []func(context.Context) error{
		a.judgeFlow, a.judgeRedirect, a.judgeEchoes, a.judgeChallenge, a.judgeKey, // this file
		a.judgeScope, a.judgeDetails, a.judgeResources, // authtarget.go
		a.judgePrompt, a.judgeClaims, a.judgeLevel, a.judgeHints, // authwishes.go
	} {
		if err := concern(ctx); err != nil {
			return nil, err
		}
	}
	return &a.pushed, nil
}

// judgeFlow looks at which kind of request it is. There is one kind.
func (a *asking) judgeFlow(context.Context) error {
	f := a.form
	switch {
	case f.get("request_uri") != "":
		return tenon.Refuse(tenon.InvalidRequest, "request_uri", "request_uri is what this endpoint gives, and not what it takes") // RFC 9126 §2.1
	case f.get("request") != "":
		return tenon.Refuse(tenon.RequestNotSupported, "request", "request objects are not taken: send the parameters themselves") // OpenID Connect Core §3.1.2.6
	case !a.client.may(AuthorizationCode):
		return tenon.Refuse(tenon.UnauthorizedClient, "grant_type", "this client may not use the grant type %s", AuthorizationCode) // RFC 6749 §4.1.2.1
	case f.get("response_type") == "":
		return tenon.Refuse(tenon.InvalidRequest, "response_type", "response_type is missing: use code") // RFC 6749 §3.1.1
	case f.get("response_type") != "code":
		return tenon.Refuse(tenon.UnsupportedResponseType, "response_type", "response_type must be code") // FAPI 2.0 §5.3.2.2 (1)
	case f.get("response_mode") != "" && f.get("response_mode") != "query":
		return tenon.Refuse(tenon.InvalidRequest, "response_mode", "response_mode must be query, or left out")
	}
	return nil
}

// judgeRedirect looks at where the answer is to go. It is asked for even when only one address is registered.
func (a *asking) judgeRedirect(context.Context) error {
	uri := a.form.get("redirect_uri")
	switch {
	case uri == "":
		return tenon.Refuse(tenon.InvalidRequest, "redirect_uri", "redirect_uri is missing") // FAPI 2.0 §5.3.2.2 (6)
	case !a.client.redirectsTo(uri):
		return tenon.Refuse(tenon.InvalidRequest, "redirect_uri", "redirect_uri is not one of those that this client is registered for, letter by letter") // RFC 9700 §2.1
	}
	a.pushed.RedirectURI = uri
	return nil
}

// judgeEchoes looks at what comes back to the client as it was sent. It is never cut short: it is kept whole or refused.
func (a *asking) judgeEchoes(context.Context) error {
	state, nonce := a.form.get("state"), a.form.get("nonce")
	switch {
	case len(state) > maxState:
		return tenon.Refuse(tenon.InvalidRequest, "state", "state is longer than %d bytes", maxState)
	case len(nonce) > maxNonce:
		return tenon.Refuse(tenon.InvalidRequest, "id_nonce", "nonce is longer than %d bytes", maxNonce) // FAPI 2.0 §5.3.2.2 (14)
	}
	a.pushed.State, a.pushed.Nonce = state, nonce
	return nil
}

// judgeChallenge is PKCE. A missing method would mean plain, and whoever reads the request could then redeem the code.
func (a *asking) judgeChallenge(context.Context) error {
	challenge, method := a.form.get("code_challenge"), a.form.get("code_challenge_method")
	switch {
	case challenge == "":
		return tenon.Refuse(tenon.InvalidRequest, "code_challenge", "code_challenge is missing") // FAPI 2.0 §5.3.2.2 (5), RFC 7636 §4.4.1
	case method != "S256":
		return tenon.Refuse(tenon.InvalidRequest, "code_challenge_method", "code_challenge_method must be S256; without it, plain is meant") // RFC 7636 §4.3
	case len(challenge) != challengeLen || !isCanonicalDigest(challenge):
		return tenon.Refuse(tenon.InvalidRequest, "code_challenge", "code_challenge must be the SHA-256 of the verifier: %d characters of base64url", challengeLen) // RFC 7636 §4.2
	}
	a.pushed.Challenge = challenge
	return nil
}

// isCanonicalDigest reports whether s is how a SHA-256 value is written in base64url, without padding and without stray bits.
func isCanonicalDigest(s string) bool {
	digest, err := decodeSegment(s)
	return err == nil && len(digest) == 32
}

// judgeKey binds the code to a key, when the client names one or proves to hold one (RFC 9449 §10, §10.1).
func (a *asking) judgeKey(context.Context) error {
	named, proof := a.form.get("dpop_jkt"), a.held.proof
	switch {
	case named != "" && a.cfg.DPoP == nil:
		return tenon.Refuse(tenon.InvalidRequest, "dpop_jkt", "this server does not take DPoP proofs")
	case named != "" && !tenon.IsThumbprint(named):
		return tenon.Refuse(tenon.InvalidRequest, "dpop_jkt", "dpop_jkt must be the SHA-256 thumbprint of a key in base64url") // RFC 9449 §10
	case named != "" && proof != nil && named != proof.Thumbprint():
		return tenon.Refuse(tenon.InvalidDPoPProof, "dpop_jkt", "dpop_jkt names another key than the one of the proof") // RFC 9449 §10.1
	case proof != nil:
		named = proof.Thumbprint()
	}
	a.pushed.Thumbprint = named
	return nil
}
