package audit

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ProofRules says how a kept DPoP proof is judged. The proof is the client's own signature: the one thing in a log that is not
// the issuer's word.
type ProofRules struct {
	// Check verifies the form and the signature of a proof and tells what it says; it does not judge the time. Nil leaves proofs
	// unverified.
	Check func(proof string) (thumbprint, htm, htu string, iat time.Time, err error)
	// URLs are the addresses at which tokens are issued. None leaves htu unjudged.
	URLs []string
	// MaxAge and MaxAhead are how far before and after its entry a proof may have been made. 0 means 5 minutes and 1 minute, more
	// than any server may allow.
	MaxAge, MaxAhead time.Duration
}

const (
	defaultProofAge   = 5 * time.Minute
	defaultProofAhead = time.Minute
)

// judge says what is wrong with the proof kept for an entry. The opening must have one.
func (r *ProofRules) judge(index int64, l *Leaf, o *Opening) *Finding {
	if ProofDigest(o.Proof) != l.Evidence.Proof {
		return found(ProofInvalid, index, "the kept proof is not the one that the entry was made with")
	}
	thumbprint, htm, htu, iat, err := r.Check(o.Proof)
	if err != nil {
		return found(ProofInvalid, index, "signature: %v", err)
	}
	if why := keyDiffers(l, o, thumbprint); why != "" {
		return found(ProofInvalid, index, "key: %s", why)
	}
	at, age, ahead := utc(l.Time), r.MaxAge, r.MaxAhead
	if age == 0 {
		age = defaultProofAge
	}
	if ahead == 0 {
		ahead = defaultProofAhead
	}
	if iat.Before(at.Add(-age)) || iat.After(at.Add(ahead)) {
		return found(ProofInvalid, index, "time: the proof was made at %s, the entry is of %s", iat.UTC().Format(time.RFC3339), stamp(l.Time))
	}
	if !issuance(l) {
		return nil // a use has a method and an address of its own
	}
	if htm != "POST" { // RFC 6749 §3.2: tokens are asked for with POST
		return found(ProofInvalid, index, "htm: the proof is for %s, tokens are issued for POST", htm)
	}
	if len(r.URLs) > 0 && !slices.ContainsFunc(r.URLs, func(u string) bool { return sameURL(u, htu) }) {
		return found(ProofInvalid, index, "htu: the proof is for %s, tokens are issued at %s", htu, strings.Join(r.URLs, ", "))
	}
	return nil
}

// keyDiffers says why a key is not the one that an entry is about, or "".
func keyDiffers(l *Leaf, o *Opening, thumbprint string) string {
	switch l.Binding.Method {
	case ByJKT, ByBoth:
		salt, err := ParseSalt(o.KeySalt)
		if err != nil {
			return fmt.Sprintf("the salt of the key: %v", err)
		}
		if KeyCommitment(salt, thumbprint) != l.Binding.Key {
			return "the entry commits to another key than " + thumbprint
		}
	case ByClearJKT, ByClearAll:
		if thumbprint != l.Binding.Key {
			return "the entry names the key " + l.Binding.Key + ", not " + thumbprint
		}
	default:
		return fmt.Sprintf("the entry is bound by %q, not to the key of a proof", l.Binding.Method)
	}
	return ""
}

// issuance reports whether an entry says that a token was issued.
func issuance(l *Leaf) bool {
	return l.Outcome == OK && (l.Type == TokenIssued || l.Type == TokenRefreshed || l.Type == TokenExchanged)
}

// sameURL compares as RFC 9449 §4.3 (9) asks: scheme and host in any case, no default port, without query and fragment.
func sameURL(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && plainURL(x) == plainURL(y)
}

func plainURL(u *url.URL) string {
	scheme, port := strings.ToLower(u.Scheme), u.Port()
	if port == "" || scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		port = ""
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port + path
}
