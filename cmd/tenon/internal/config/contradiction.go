package config

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

// pregenerated is the longest a token may live when proofs carry no server nonce: whoever can use a key for a moment can make
// proofs for the rest of a token's life (RFC 9449 §11.2). The length is ours.
const pregenerated = 10 * time.Minute

// A judge looks at settings that are right one by one and may be wrong together.
type judge struct {
	*Config
	reader *reader
	wrong  []string // settings that are wrong by themselves
}

// fault blames the setting, at the place where it, or the group it belongs to, is written. A setting that is wrong by itself
// has been blamed already, and what follows from it helps nobody; "" is the whole file.
func (j judge) fault(setting, format string, args ...any) {
	for _, wrong := range j.wrong {
		if wrong == "" || wrong == setting || strings.HasPrefix(wrong, setting+".") || strings.HasPrefix(setting, wrong+".") {
			return
		}
	}
	j.reader.fault(j.source.nearestMark(setting), setting, format, args...)
}

func contradictions(c *Config, r *reader) {
	j := judge{Config: c, reader: r}
	for _, fault := range r.faults.List {
		j.wrong = append(j.wrong, fault.Setting)
	}
	j.issuer()
	j.listeners()
	j.certificates()
	j.lifetimes()
	j.nonces()
	j.clients()
	j.bindingLog()
	j.login()
}

func (j judge) issuer() {
	if err := checkOrigin(j.Issuer, true); err != nil {
		j.fault("issuer", "issuer cannot be %q: %v", j.Issuer, err) // RFC 8414 §2
	}
	if port, host := portOf(j.Issuer); port == "0" && !isLoopback(host) {
		j.fault("issuer", "issuer cannot have port 0 outside of this machine: write the port that clients use")
	}
}

// checkOrigin holds a URL to what is compared letter by letter: https, a host in lower case, no query, no trailing slash.
func checkOrigin(text string, path bool) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "https" || u.Host == "" || u.Opaque != "":
		return fmt.Errorf("write an https URL, as https://as.example.com") // FAPI 2.0 §5.2.1 (1)
	case u.User != nil || strings.ContainsAny(text, "?#"):
		return fmt.Errorf("it has user information, a query or a fragment: remove it") // RFC 8414 §2
	case u.Host != strings.ToLower(u.Host):
		return fmt.Errorf("write the host in lower case")
	case strings.HasSuffix(text, "/"):
		return fmt.Errorf("remove the slash at its end")
	case u.Path != "" && !path:
		return fmt.Errorf("remove its path: the issuer's is added")
	case strings.HasSuffix(u.Host, ":443"):
		return fmt.Errorf("remove :443, which https has anyway")
	}
	return nil
}

func (j judge) listeners() {
	used := map[string]string{}
	for _, l := range []struct{ setting, address string }{
		{"listen", j.Listen}, {"mtls.listen", j.MTLS.Listen}, {"operations.listen", j.OperationsListen()},
	} {
		if l.address == "" {
			continue
		}
		_, port, err := net.SplitHostPort(l.address)
		if err != nil {
			j.fault(l.setting, "%s cannot be %q: write host:port, as 127.0.0.1:9443, or :9443 for every address", l.setting, l.address)
			continue
		}
		if other := used[l.address]; other != "" && port != "0" {
			j.fault(l.setting, "%s is the address of %s too: give it a port of its own", l.setting, other)
		}
		used[l.address] = l.setting
	}
	if j.Listen == "" {
		j.fault("listen", "listen is empty: write host:port, as 127.0.0.1:9443")
	}
}

func (j judge) certificates() {
	switch {
	case j.MTLS.Listen == "" && j.MTLS.Origin != "":
		j.fault("mtls.origin", "mtls.origin has no use without mtls.listen: add mtls.listen, or remove it")
	case j.MTLS.Listen == "" && len(j.MTLS.ClientCA) > 0:
		j.fault("mtls.client_ca", "mtls.client_ca has no use without mtls.listen: add mtls.listen, or remove it")
	case j.MTLS.Origin != "":
		if err := checkOrigin(j.MTLS.Origin, false); err != nil {
			j.fault("mtls.origin", "mtls.origin cannot be %q: %v", j.MTLS.Origin, err)
		}
		if j.MTLS.Origin == originOf(j.Issuer) {
			j.fault("mtls.origin", "mtls.origin is the issuer's own: browsers would be asked for a certificate; give it another host or port") // RFC 8705 §5
		}
	}
}

func (j judge) lifetimes() {
	if 2*j.Signing.PublishBefore > j.Signing.RotateEvery {
		j.fault("signing.publish_before", "signing.publish_before (%s) is more than half of signing.rotate_every (%s): shorten it",
			FormatDuration(j.Signing.PublishBefore), FormatDuration(j.Signing.RotateEvery))
	}
	if j.StatusList.TTL >= j.AccessTokenLifetime {
		j.fault("status_list.ttl", "status_list.ttl (%s) is not shorter than access_token_lifetime (%s): a revocation would be seen too late to matter; shorten it",
			FormatDuration(j.StatusList.TTL), FormatDuration(j.AccessTokenLifetime))
	}
}

func (j judge) nonces() {
	if j.DPoP.Nonce != "off" {
		return
	}
	if j.AccessTokenLifetime > pregenerated {
		j.fault("dpop.nonce", "dpop.nonce is off and tokens live for %s: without nonces they may live for %s at most; shorten access_token_lifetime, or write \"nonce: offer\"",
			FormatDuration(j.AccessTokenLifetime), FormatDuration(pregenerated)) // RFC 9449 §11.2
	}
	if j.source.written("dpop.nonce_lifetime") {
		j.fault("dpop.nonce_lifetime", "dpop.nonce_lifetime has no use while dpop.nonce is off: remove one of the two")
	}
}

// OperationsListen gives the address of the operators' listener, "" for none.
func (c *Config) OperationsListen() string {
	if c.Operations.Listen == "off" {
		return ""
	}
	return c.Operations.Listen
}

func originOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func portOf(text string) (port, host string) {
	u, err := url.Parse(text)
	if err != nil {
		return "", ""
	}
	return u.Port(), u.Hostname()
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
