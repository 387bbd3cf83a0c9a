package verifier

import (
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenon-auth/tenon"
)

// A Request is what a request for a protected resource presents: everything that a verdict depends on, and nothing else.
type Request struct {
	Method string // as received; methods are case-sensitive (RFC 9110 §9.1)
	Target string // the request target as received, in origin form: path and query (RFC 9112 §3.2.1)

	Authorization []string // every value of the Authorization field, one element a field line
	Proofs        []string // every value of the DPoP field, one element a field line

	Certificate *x509.Certificate // the client certificate, its key proved by the handshake; nil when there was none
}

// ErrNoCredentials is the cause of the refusal of a request that carries no access token in the Authorization field. Such a
// request is answered with challenges that name no error (RFC 6750 §3.1).
var ErrNoCredentials = errors.New("verifier: no access token was presented")

// maxFieldValue bounds what is read of one header field. A token that Tenon issues needs less than a tenth.
const maxFieldValue = 16 << 10

// NewRequest takes from r what [Verifier.Verify] judges. It reads no body. An error means that the client certificate cannot be
// trusted, and refuses the request.
func (v *Verifier) NewRequest(r *http.Request) (Request, error) {
	request := Request{
		Method:        r.Method,
		Target:        r.RequestURI,
		Authorization: r.Header.Values("Authorization"), // Get would hide a second line
		Proofs:        r.Header.Values("DPoP"),
	}
	if v.config.Certificates == nil {
		return request, nil
	}
	certificate, err := v.config.Certificates.Certificate(r)
	if err != nil {
		return request, certificateRefusal(err)
	}
	request.Certificate = certificate
	return request, nil
}

// certificateRefusal refuses a request whose certificate cannot be trusted, and never goes on as if none had come.
func certificateRefusal(err error) error {
	if _, ok := errors.AsType[*tenon.Error](err); ok {
		return err
	}
	return tenon.Refuse(tenon.InvalidRequest, "certificate", "the client certificate presented cannot be trusted").Because(err)
}

// A scheme is an authentication scheme that can carry an access token.
type scheme string

const (
	schemeDPoP   scheme = "DPoP"   // RFC 9449 §7.1
	schemeBearer scheme = "Bearer" // RFC 6750 §2.1, and RFC 8705 §3 for tokens bound to a certificate
)

// A credential is the access token of a request with the scheme that it came with.
type credential struct {
	scheme scheme
	token  string
}

// credential finds the one access token of the request and refuses what could be read in two ways.
func (r *Request) credential() (credential, error) {
	if len(r.Authorization) > 1 {
		return credential{}, refuseHeaders("send one Authorization field, not %d", len(r.Authorization)) // RFC 9449 §7.2
	}
	if len(r.Proofs) > 1 {
		return credential{}, tenon.Refuse(tenon.InvalidDPoPProof, "headers", "send one DPoP field, not %d", len(r.Proofs)) // RFC 9449 §4.3 (1)
	}
	if queryHasToken(r.Target) {
		return credential{}, refuseHeaders("send the access token in the Authorization field, not in the query") // FAPI 2.0 §5.3.4 (2)
	}
	if len(r.Authorization) == 0 {
		return credential{}, noCredentials()
	}
	if len(r.Authorization[0]) > maxFieldValue {
		return credential{}, refuseHeaders("the Authorization field is larger than %d bytes", maxFieldValue)
	}
	return parseCredential(r.Authorization[0])
}

// parseCredential reads the value of an Authorization field: scheme, spaces, token (RFC 9110 §11.4). The scheme is matched
// without regard to case (RFC 9110 §11.1); a scheme that carries no access token is as good as no field.
func parseCredential(value string) (credential, error) {
	name, token, _ := strings.Cut(value, " ")
	used, known := schemeNamed(name)
	if !known {
		return credential{}, noCredentials()
	}
	token = strings.TrimLeft(token, " ")
	if token == "" {
		return credential{}, refuseToken("token", "there is no access token after the scheme")
	}
	return credential{used, token}, nil
}

func schemeNamed(name string) (scheme, bool) {
	for _, known := range []scheme{schemeDPoP, schemeBearer} {
		if strings.EqualFold(name, string(known)) {
			return known, true
		}
	}
	return "", false
}

func refuseHeaders(format string, args ...any) error {
	return tenon.Refuse(tenon.InvalidRequest, "headers", format, args...)
}

func noCredentials() error {
	return refuseToken("scheme", "send an access token in the Authorization field").Because(ErrNoCredentials)
}

// queryHasToken reports whether the query of a target has a parameter named access_token, however it is escaped.
func queryHasToken(target string) bool {
	_, query, found := strings.Cut(target, "?")
	if !found {
		return false
	}
	for pair := range strings.FieldsFuncSeq(query, func(c rune) bool { return c == '&' || c == ';' }) {
		name, _, _ := strings.Cut(pair, "=")
		if decoded, err := url.QueryUnescape(name); err == nil && decoded == "access_token" {
			return true
		}
	}
	return false
}
