package config

import (
	"fmt"
	"net"
	"strings"
	"time"
)

// A Verdict is how a setting stands to a clause.
type Verdict string

// The verdicts. A setting that nothing allows stops the start and needs none.
const (
	Meets  Verdict = "meets"
	Beware Verdict = "beware" // allowed, and somebody should have decided it
	Breaks Verdict = "breaks"
)

// A Finding is one setting held against one clause.
type Finding struct {
	Setting string  `json:"setting"`
	Value   string  `json:"value"`
	Clause  string  `json:"clause"`
	Verdict Verdict `json:"verdict"`
	Why     string  `json:"why"`
}

const own = "own rule"

// Findings holds the settings against the clauses that they can meet or break. What no setting can break is not listed.
func (c *Config) Findings() []Finding {
	var list []Finding
	for _, judged := range []func() []Finding{c.bindingFindings, c.transportFindings, c.tokenFindings, c.proofFindings, c.loginFindings, c.limitFindings} {
		list = append(list, judged()...)
	}
	return list
}

func (c *Config) bindingFindings() []Finding {
	bound := Finding{"profile", c.Profile, "FAPI 2.0 §5.3.2.1 (4)", Meets, "every access token is bound to a key or a certificate"}
	if c.Profile == "oauth2" {
		bound.Verdict, bound.Why = Beware, "a registration with \"bearer: true\" gets tokens that anybody can use"
	}
	list := []Finding{bound}
	for i, client := range c.Clients {
		at := fmt.Sprintf("clients[%d]", i)
		if client.Bearer {
			list = append(list, Finding{at + ".bearer", "true", "FAPI 2.0 §5.3.2.1 (4)", Breaks, client.ID + " may have tokens that anybody can use"})
		}
		method := Finding{at + ".token_endpoint_auth_method", client.AuthMethod, "FAPI 2.0 §5.3.2.1 (6)", Meets, client.ID + " authenticates with a key of its own"}
		if client.AuthMethod == "none" {
			method.Clause, method.Verdict, method.Why = "FAPI 2.0 §5.3.2.1 (3)", Breaks, client.ID+" does not authenticate: anybody can say to be it"
		}
		list = append(list, method)
		if client.Scope == "" {
			list = append(list, Finding{at + ".scope", "none", "FAPI 2.0 §5.3.2.1 (14)", Beware, client.ID + " can ask for no scope: its tokens say nothing about what is allowed"})
		}
	}
	return list
}

func (c *Config) transportFindings() []Finding {
	list := []Finding{
		{"issuer", c.Issuer, "FAPI 2.0 §5.2.1 (1)", Meets, "https; every listener but the operators' speaks TLS 1.2 or 1.3"},
	}
	switch {
	case c.MTLS.Listen == "":
		list = append(list, Finding{"mtls.listen", "none", "RFC 8705 §5", Meets, "nobody is asked for a certificate; tokens are bound with DPoP only"})
	case len(c.MTLS.ClientCA) == 0:
		list = append(list, Finding{"mtls.client_ca", "none", "RFC 8705 §7.4", Meets, "tls_client_auth is not offered; certificates are accepted as registered, one by one"})
	default:
		list = append(list,
			Finding{"mtls.listen", c.MTLS.Listen, "RFC 8705 §5", Meets, "certificates are asked for on a listener of their own"},
			Finding{"mtls.client_ca", fmt.Sprintf("%d files", len(c.MTLS.ClientCA)), "RFC 8705 §7.4", Meets, "a set of its own, not the system's"})
	}
	if address := c.OperationsListen(); address != "" {
		finding := Finding{"operations.listen", address, own, Meets, "metrics and health stay on this machine"}
		if host, _, _ := net.SplitHostPort(address); !isLoopback(host) {
			finding.Verdict, finding.Why = Beware, "metrics and health are served without TLS and authentication: keep others off this address"
		}
		list = append(list, finding)
	}
	return list
}

func (c *Config) tokenFindings() []Finding {
	lifetime := Finding{"access_token_lifetime", FormatDuration(c.AccessTokenLifetime), "FAPI 2.0 §6.1", Meets, "minutes, an hour at most"}
	publish := Finding{"signing.publish_before", FormatDuration(c.Signing.PublishBefore), own, Meets, "APIs that fetch keys every 15 minutes know a key before it is used"}
	if c.Signing.PublishBefore < 15*time.Minute {
		publish.Verdict, publish.Why = Beware, "an API that keeps keys for 15 minutes may meet a token of a key it has not seen"
	}
	revocation := Finding{
		"status_list.ttl", FormatDuration(c.StatusList.TTL), "FAPI 2.0 §5.3.4 (3)", Meets,
		"an API that checks the list sees a revocation after " + FormatDuration(c.StatusList.TTL) + " at the latest",
	}
	if c.StatusList.TTL > time.Minute {
		revocation.Verdict = Beware
	}
	return []Finding{
		lifetime,
		{"signing.algorithm", c.Signing.Algorithm, "FAPI 2.0 §5.4.1 (1)", Meets, "PS256, ES256 or Ed25519"},
		{"signing.rotate_every", FormatDuration(c.Signing.RotateEvery), "FAPI 2.0 §6.8", Meets, "signing keys change by themselves"},
		publish,
		revocation,
	}
}

func (c *Config) proofFindings() []Finding {
	nonce := Finding{"dpop.nonce", c.DPoP.Nonce, "RFC 9449 §11.2", Meets, "a proof cannot be made before its nonce is given out"}
	switch c.DPoP.Nonce {
	case "offer":
		nonce.Verdict, nonce.Why = Beware, "a key that was never given a nonce can make its first proof in advance"
	case "off":
		nonce.Verdict = Beware
		nonce.Why = fmt.Sprintf("proofs can be made in advance, for as long as a token lives; so tokens may live for %s at most", FormatDuration(pregenerated))
	}
	return []Finding{
		{"dpop.algorithms", strings.Join(c.DPoP.Algorithms, " "), "FAPI 2.0 §5.4.1 (1)", Meets, "only algorithms of the profile (RFC 9449 §11.6)"},
		{"dpop.max_age", FormatDuration(c.DPoP.MaxAge), "RFC 9449 §11.1", Meets, "seconds to minutes; each proof is good once in that time"},
		{"dpop.max_ahead", FormatDuration(c.DPoP.MaxAhead), "FAPI 2.0 §5.3.2.1 (13)", Meets, "10 s ahead is accepted, more than 60 s is not"},
		nonce,
	}
}

// loginFindings holds what people log in with, and what follows from it, against the clauses.
func (c *Config) loginFindings() []Finding {
	if !c.HasLogin() {
		return []Finding{{"login.people", "off", "FAPI 2.0 §5.3.2.2", Meets, "there is no authorization endpoint"}}
	}
	rotation := Finding{"profile", c.Profile, "FAPI 2.0 §5.3.2.1 (9)", Meets, "refresh tokens do not rotate"}
	if c.Profile == "oauth2" {
		rotation.Verdict, rotation.Why = Breaks, "refresh tokens rotate; a lost answer can be asked for again for "+FormatDuration(c.Login.RotationGrace)
	}
	session := Finding{"login.session_lifetime", FormatDuration(c.Login.SessionLifetime), own, Meets, "people log in again at least once a day"}
	if c.Login.SessionLifetime > 24*time.Hour {
		session.Verdict, session.Why = Beware, "whoever gets at a browser is logged in for that long"
	}
	list := []Finding{
		{"login.people", c.Login.People, "FAPI 2.0 §5.3.2.2 (2)", Meets, "authorization requests are pushed by authenticated clients; no other is taken"},
		{"login.request_lifetime", FormatDuration(c.Login.RequestLifetime), "FAPI 2.0 §5.3.2.2 (12)", Meets, "less than 600 s"},
		{"login.code_lifetime", FormatDuration(c.Login.CodeLifetime), "FAPI 2.0 §5.3.2.1 (11)", Meets, "60 s at most, and once"},
		rotation,
		session,
	}
	for i, client := range c.Clients {
		for _, uri := range client.RedirectURIs {
			if strings.HasPrefix(uri, "http:") {
				list = append(list, Finding{fmt.Sprintf("clients[%d].redirect_uris", i), uri, "FAPI 2.0 §5.3.2.2 (8)", Meets, "http to the person's own machine only"})
			}
		}
	}
	return list
}

func (c *Config) limitFindings() []Finding {
	var list []Finding
	for _, limit := range []struct {
		setting string
		value   int
		without string
	}{
		{"limits.requests_per_client", c.Limits.RequestsPerClient, "one client can take the server's whole time"},
		{"limits.unauthenticated_per_address", c.Limits.UnauthenticatedPerAddress, "strangers can take the server's whole time"},
	} {
		finding := Finding{limit.setting, fmt.Sprint(limit.value), own, Meets, "bounded"}
		if limit.value == 0 {
			finding.Verdict, finding.Why = Beware, limit.without
		}
		list = append(list, finding)
	}
	return list
}
