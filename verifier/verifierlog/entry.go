package verifierlog

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/verifier"
)

// entryOf says what an entry of the log says about a verdict. A foreign proof goes into the detail record: as the entry's own
// proof it would be taken for one by the token's key.
func entryOf(v verifier.Verdict) audit.Entry {
	e := audit.Entry{Type: typeOf(v), Reason: v.Reason, Proof: v.Proof.Text()}
	d := detailOf(v)
	if e.Type == audit.KeyMismatch && e.Proof != "" {
		d["proof"], e.Proof = e.Proof, ""
	}
	e.Detail = d
	if v.Token != nil {
		e.Confirmation, e.Client, e.Token = v.Token.Claims.Confirmation, v.Token.Claims.ClientID, facts(v.Token)
	}
	return e
}

func typeOf(v verifier.Verdict) audit.Type {
	switch {
	case v.Code == "":
		return audit.TokenUsed
	case v.Reason == "replay":
		return audit.ProofReplayed
	case v.OtherKey:
		return audit.KeyMismatch
	}
	return audit.TokenUseRefused
}

// facts is what an entry says about a token. The digest of the claims is what the issuer's log has for it too; claims whose
// digest cannot be taken so, of an issuer of another make, go by the hash of the whole token.
func facts(t *verifier.Presented) audit.TokenFacts {
	claims, err := audit.ClaimsDigest(t.Payload)
	if err != nil {
		claims = base64.RawURLEncoding.EncodeToString(t.Digest[:])
	}
	return factsWith(t, claims)
}

// mostSeconds is the latest expiry that an entry can name. A stolen signing key must not stop the log with one beyond it.
const mostSeconds = 1<<53 - 1

func factsWith(t *verifier.Presented, claims string) audit.TokenFacts {
	c := &t.Claims
	f := audit.TokenFacts{ID: c.ID, Claims: claims, Audience: c.Audience, Scope: c.Scope, KeyID: t.KeyID}
	if c.Subject != c.ClientID {
		f.Account = c.Subject
	}
	if c.Expires.Unix() <= mostSeconds {
		f.Expires = c.Expires
	}
	return f
}

// A detail is the record that an entry commits to without saying it.
type detail map[string]any

// mostText bounds what a caller or an issuer may put into one member of a detail record.
const mostText = 512

// detailOf tells when and where the request was. For a token it has the members by which audit.Reconcile compares.
func detailOf(v verifier.Verdict) detail {
	d := detail{"time": v.At.UTC().Format(time.RFC3339Nano), "htm": clip(v.Method), "htu": clip(v.Path)}
	if v.Token == nil {
		return d
	}
	c := &v.Token.Claims
	if len(c.ID) <= mostText {
		d["jti"] = c.ID
	}
	if c.Log != nil && len(c.Log.Origin) <= mostText {
		d["tlog"] = c.Log
	}
	d.bind(c.Confirmation)
	return d
}

// bind adds the members of a cnf.
func (d detail) bind(c tenon.Confirmation) {
	text, err := c.MarshalJSON()
	if err != nil {
		return // bound to nothing
	}
	var members map[string]string
	if json.Unmarshal(text, &members) == nil {
		for name, thumbprint := range members {
			d[name] = thumbprint
		}
	}
}

// clip bounds a text.
func clip(s string) string {
	if len(s) > mostText {
		s = s[:mostText] + "…"
	}
	return strings.ToValidUTF8(s, "\ufffd")
}
