package client

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/internal/strictjson"
)

// An Identity says who a person is, in the words of an ID token (OpenID Connect Core §2). Issuer and Subject together name
// the person; nothing else does (§5.7).
type Identity struct {
	Issuer    string
	Subject   string
	AuthTime  time.Time // when the person proved it; zero when not told
	ACR       string    // how strongly; empty when not told
	AMR       []string  // by what
	SessionID string    // sid, the session at the server; empty when not told

	issued time.Time
	nonce  string
	claims json.RawMessage
}

// Claims reads the other claims of the ID token, as json.Unmarshal does.
func (i *Identity) Claims(v any) error { return json.Unmarshal(i.claims, v) }

// expectation is what an ID token must agree with.
type expectation struct {
	nonce       string // that was sent
	withNonce   bool   // it must be there: after a login. After a refresh it may be missing (OpenID Connect Core §12.2)
	acr         []string
	maxAge      time.Duration
	accessToken string    // that came with it
	before      *Identity // of the same session; nil after a login
}

// idTokenAlgorithms are those of FAPI 2.0 §5.4.1 (1). What the server lists can make it fewer, never more.
var idTokenAlgorithms = [...]string{"ES256", "PS256", "EdDSA", "Ed25519"}

const (
	idTokenSize = 64 << 10
	// An ID token is made when it is asked for: one from long ago is somebody else's. FAPI 2.0 §5.3.2.1 (13) says what of the
	// future is tolerated.
	idTokenAge   = 10 * time.Minute
	idTokenAhead = time.Minute
)

// verifyIDToken is OpenID Connect Core §3.1.3.7, and §12.2 after a refresh. The signature is always checked: that the token
// came over TLS is not enough (FAPI 2.0 Message Signing §5.6.2).
func (c *Client) verifyIDToken(ctx context.Context, raw string, want expectation) (*Identity, error) {
	distrust := func(check, format string, args ...any) error {
		return &Distrust{"ID token", check, fmt.Sprintf(format, args...)}
	}
	payload, algorithm, err := c.verifySignature(ctx, raw, "JWT")
	var broken *Distrust
	switch {
	case errors.As(err, &broken):
		broken.What = "ID token"
		return nil, broken
	case err != nil:
		return nil, err // the keys cannot be had: nothing is known about the token
	}
	t, err := parseIDToken(payload)
	if err != nil {
		return nil, distrust("malformed", "%v", err)
	}
	now := c.serverTime()
	switch {
	case t.Issuer != c.cfg.Issuer:
		return nil, distrust("iss", "it is of %q", printable(t.Issuer)) // (2)
	case len(t.audience) != 1 || t.audience[0] != c.cfg.ClientID:
		return nil, distrust("aud", "it is not for this client alone") // (3): no other audience is trusted
	case t.party != "" && t.party != c.cfg.ClientID:
		return nil, distrust("azp", "it was made for another client") // (5)
	case !now.Before(t.expires.Add(clockTolerance)):
		return nil, distrust("exp", "it expired at %v", t.expires) // (9)
	case t.issued.After(now.Add(idTokenAhead)) || t.issued.Before(now.Add(-idTokenAge)):
		return nil, distrust("iat", "it was made at %v, and now it is %v: does this machine's clock go wrong?", t.issued, now) // (10)
	case t.nonce != want.nonce && (want.withNonce || t.nonce != ""):
		return nil, distrust("nonce", "it belongs to another login") // (11)
	case len(want.acr) > 0 && lacks(want.acr, t.ACR):
		return nil, distrust("acr", "the person proved who they are by %q, which is none of %s", printable(t.ACR), strings.Join(want.acr, ", ")) // (12)
	case want.maxAge > 0 && t.AuthTime.Before(now.Add(-want.maxAge-clockTolerance)):
		return nil, distrust("auth_time", "the person proved who they are too long ago, or it is not told when") // (13)
	case t.hash != "" && t.hash != halfHash(algorithm, want.accessToken):
		return nil, distrust("at_hash", "it belongs to another access token") // §3.1.3.8
	}
	if b := want.before; b != nil && (t.Subject != b.Subject || !t.AuthTime.IsZero() && !b.AuthTime.IsZero() && !t.AuthTime.Equal(b.AuthTime)) {
		return nil, distrust("sub", "it is of another person, or of another login of the same") // §12.2
	}
	if t.nonce == "" {
		t.nonce = want.nonce // the session stays that of the first login
	}
	return &t.Identity, nil
}

// idToken is an ID token whose claims have been read and not judged yet.
type idToken struct {
	Identity
	audience []string
	party    string // azp
	expires  time.Time
	hash     string // at_hash
}

func parseIDToken(payload []byte) (*idToken, error) {
	t := idToken{Identity: Identity{claims: payload}}
	err := strictjson.Object(payload, func(name string, v strictjson.Value) (err error) {
		switch name {
		case "iss":
			t.Issuer, err = v.Str()
		case "sub":
			t.Subject, err = v.Str()
		case "aud":
			t.audience, err = oneOrMore(v)
		case "azp":
			t.party, err = v.Str()
		case "exp":
			t.expires, err = seconds(v)
		case "iat":
			t.issued, err = seconds(v)
		case "auth_time":
			t.AuthTime, err = seconds(v)
		case "nonce":
			t.nonce, err = v.Str()
		case "acr":
			t.ACR, err = v.Str()
		case "amr":
			t.AMR, err = v.Strings()
		case "at_hash":
			t.hash, err = v.Str()
		case "sid":
			t.SessionID, err = v.Str()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(t.Subject) > 255 || !isVisible(t.Subject): // OpenID Connect Core §2
		return nil, errors.New("sub is missing, or not 1 to 255 ASCII characters")
	case t.expires.IsZero() || t.issued.IsZero():
		return nil, errors.New("exp or iat is missing") // OpenID Connect Core §2
	}
	return &t, nil
}

// readIdentity reads back an ID token that was verified before it was stored.
func readIdentity(raw string) (*Identity, error) {
	part := strings.Split(raw, ".")
	if len(part) != 3 {
		return nil, errors.New("id_token is no JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(part[1])
	if err != nil {
		return nil, err
	}
	t, err := parseIDToken(payload)
	if err != nil {
		return nil, fmt.Errorf("id_token: %w", err)
	}
	return &t.Identity, nil
}

func oneOrMore(v strictjson.Value) ([]string, error) {
	if one, err := v.Str(); err == nil {
		return []string{one}, nil
	}
	return v.Strings()
}

func seconds(v strictjson.Value) (time.Time, error) {
	n, err := v.Int()
	return time.Unix(n, 0), err
}

// halfHash is the left half of the hash of a token, by the hash of the ID token's algorithm (OpenID Connect Core §3.1.3.6).
func halfHash(algorithm, token string) string {
	if algorithm == string(dpop.EdDSA) || algorithm == string(dpop.Ed25519) {
		sum := sha512.Sum512([]byte(token)) // RFC 8032 §5.1: what Ed25519 uses itself
		return base64.RawURLEncoding.EncodeToString(sum[:32])
	}
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// verifySignature checks form, type, algorithm and signature of something that the server signed, and gives its payload
// and the algorithm. What is wrong with it is a [*Distrust] that does not say yet of what.
func (c *Client) verifySignature(ctx context.Context, raw, kind string) (payload []byte, algorithm string, err error) {
	metadata, err := c.Metadata(ctx)
	if err != nil {
		return nil, "", err
	}
	var allowed []jose.SignatureAlgorithm
	for _, a := range idTokenAlgorithms {
		if !lacks(metadata.IDTokenAlgorithms, a) {
			allowed = append(allowed, jose.SignatureAlgorithm(a))
		}
	}
	if len(raw) > idTokenSize {
		return nil, "", &Distrust{Check: "malformed", Detail: "it is too long"}
	}
	signed, err := jose.ParseSignedCompact(raw, allowed)
	if err != nil {
		return nil, "", &Distrust{Check: "alg", Detail: fmt.Sprintf("it is no JWT signed by one of %v", allowed)} // OpenID Connect Core §3.1.3.7 (7), (8)
	}
	header := signed.Signatures[0].Protected
	if typ, _ := header.ExtraHeaders[jose.HeaderType].(string); typ != "" && !strings.EqualFold(typ, kind) {
		return nil, "", &Distrust{Check: "typ", Detail: fmt.Sprintf("it is of type %q", printable(typ))} // RFC 8725 §3.11
	}
	keys, err := c.keys.find(ctx, metadata.JWKSURI, header)
	if err != nil {
		return nil, "", err
	}
	for _, key := range keys { // several may go by one kid (FAPI 2.0 §5.4.3)
		if payload, err := signed.Verify(key); err == nil {
			return payload, header.Algorithm, nil
		}
	}
	return nil, "", &Distrust{Check: "signature", Detail: "no key of the issuer made its signature"} // OpenID Connect Core §3.1.3.7 (6)
}

// serverTime is the time by which the server's tokens are judged.
func (c *Client) serverTime() time.Time {
	u, err := parseHTTPS(c.cfg.Issuer)
	if err != nil {
		return c.now()
	}
	return c.clock.Now(u)
}
