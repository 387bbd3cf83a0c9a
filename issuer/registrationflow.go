package issuer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tenon-auth/tenon/dpop"
)

// registrable are the grant types that a client can be registered for.
func registrable() []string { return []string{AuthorizationCode, RefreshToken, ClientCredentials} }

// may reports whether the client is registered for a grant type.
func (c *Client) may(grantType string) bool { return slices.Contains(c.GrantTypes, grantType) }

// validateGrants looks at what the client may do to get tokens, and at what these can be for.
func (c Client) validateGrants() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if len(c.GrantTypes) == 0 && len(c.Serves) == 0 {
		fault("grant_types is empty: name one of %v", registrable())
	}
	for i, g := range c.GrantTypes {
		if !slices.Contains(registrable(), g) {
			fault("grant_types: %q is not one of %v", g, registrable())
		}
		if slices.Contains(c.GrantTypes[:i], g) {
			fault("grant_types: %q comes twice", g)
		}
	}
	if c.may(RefreshToken) && !c.may(AuthorizationCode) {
		fault("grant_types: refresh_token comes with authorization_code only") // RFC 6749 §4.4.3
	}
	if c.may(ClientCredentials) && c.AuthMethod == NoAuth {
		fault("grant_types: client_credentials is for clients that authenticate") // RFC 6749 §4.4
	}
	userInfoOnly := c.may(AuthorizationCode) && !c.may(ClientCredentials) && c.Scope.Has(identityScope)
	if len(c.Resources) == 0 && !userInfoOnly && (len(c.GrantTypes) > 0 || len(c.Serves) == 0) {
		fault("resources is empty: name the API that tokens are for") // RFC 9068 §3: a token has an audience
	}
	return errors.Join(faults...)
}

// validateFlow looks at what belongs to the authorization endpoint.
func (c Client) validateFlow() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	switch {
	case c.may(AuthorizationCode) && len(c.RedirectURIs) == 0:
		fault("redirect_uris is empty: name where people are sent back to")
	case !c.may(AuthorizationCode) && len(c.RedirectURIs)+len(c.DetailTypes) > 0:
		fault("redirect_uris and authorization_details_types belong to the grant type authorization_code")
	case len(c.RedirectURIs) > maxRedirectURIs:
		fault("redirect_uris has %d entries: at most %d are taken", len(c.RedirectURIs), maxRedirectURIs)
	}
	for i, uri := range c.RedirectURIs {
		if err := checkRedirectURI(uri); err != nil {
			fault("redirect_uris: %w", err)
		}
		if slices.Contains(c.RedirectURIs[:i], uri) {
			fault("redirect_uris: %q comes twice", uri)
		}
	}
	for i, name := range c.DetailTypes {
		if name == "" || len(name) > 200 || slices.Contains(c.DetailTypes[:i], name) {
			fault("authorization_details_types: %.60q is empty, too long or comes twice", name)
		}
	}
	return errors.Join(faults...)
}

// validateIdentity looks at how the client is told who a person is.
func (c Client) validateIdentity() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	switch {
	case c.SubjectType == PairwiseSubjects:
		if _, err := c.sector(); err != nil {
			fault("subject_type pairwise: %w", err) // OpenID Connect Core §8.1
		}
	case c.SubjectType != "" && c.SubjectType != PublicSubjects:
		fault("subject_type %q: use public or pairwise", c.SubjectType)
	case c.Sector != "":
		fault("sector_identifier belongs to subject_type pairwise")
	}
	if len(c.Sector) > 253 || strings.ContainsFunc(c.Sector, notHost) {
		fault("sector_identifier %.60q is not the name of a host in lower case", c.Sector)
	}
	for member, alg := range map[string]string{"id_token_signed_response_alg": c.IDTokenAlgorithm, "userinfo_signed_response_alg": c.UserInfoAlgorithm} {
		if alg != "" && !supported(dpop.Algorithm(alg)) {
			fault("%s %q: use one of %v", member, alg, dpop.Algorithms()) // FAPI 2.0 §5.4.1 (1)
		}
	}
	return errors.Join(faults...)
}

func notHost(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.'
}

// validateService looks at the form of the client's tokens, and at the APIs that it is.
func (c Client) validateService() error {
	var faults []error
	if c.TokenFormat != "" && c.TokenFormat != JWTFormat && c.TokenFormat != OpaqueFormat {
		faults = append(faults, fmt.Errorf("access_token_format %q: use jwt or opaque", c.TokenFormat))
	}
	if len(c.Serves) > 0 && c.AuthMethod == NoAuth {
		faults = append(faults, errors.New("serves: an API that introspects must authenticate")) // RFC 7662 §2.1
	}
	return errors.Join(append(faults, checkResources("serves", c.Serves))...)
}

// algorithms are those that the server signs with: now, and with the key that comes next.
func (k *Keyring) algorithms() []dpop.Algorithm {
	var all []dpop.Algorithm
	for _, key := range k.List() {
		if key.State != KeyRetired && !slices.Contains(all, key.Algorithm) {
			all = append(all, key.Algorithm)
		}
	}
	return all
}

// checkAlgorithms refuses what a client wants signed with an algorithm that the server's keys are not for: it would never get
// an answer that it believes.
func (c Client) checkAlgorithms(signing []dpop.Algorithm) error {
	for member, alg := range map[string]string{"id_token_signed_response_alg": c.IDTokenAlgorithm, "userinfo_signed_response_alg": c.UserInfoAlgorithm} {
		if alg != "" && !slices.Contains(signing, dpop.Algorithm(alg)) {
			return fmt.Errorf("%s %s: this server signs with %v", member, alg, signing)
		}
	}
	return nil
}
