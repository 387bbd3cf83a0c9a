package client

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/dpop"
)

// A Refusal is what a server answered instead of what was asked for, together with what was sent: enough to see what to
// change. It holds neither token nor proof nor assertion. Token returns it as an error; Explain makes one of an API's answer.
type Refusal struct {
	Endpoint    bool   // an endpoint of the authorization server refused; otherwise an API
	Method, URL string // of the request
	Status      int
	Code        tenon.Code // empty when the answer named none
	Description string     // the server's words, made printable
	Scheme      string     // with which the token was sent, DPoP or Bearer; empty at the authorization server
	Scope       string     // that the API wants (RFC 6750 §3), when it says so
	Sent        SentProof  // zero when no DPoP proof was sent
	At          time.Time  // when the answer came, by the local clock
	ServerTime  time.Time  // the same by the server's Date header; zero when there was none
	RetryAfter  time.Duration
}

// A SentProof is what a DPoP proof said (RFC 9449 §4.2), without what makes it one.
type SentProof struct {
	Method     string    // htm
	URL        string    // htu
	IssuedAt   time.Time // iat
	Nonce      bool      // it carried a nonce
	Thumbprint string    // of its key
}

// Error says who refused, with which code and words, and what to change.
func (r *Refusal) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s", r.Method, r.URL, r.Summary())
	if advice := r.Advice(); advice != "" {
		b.WriteString("; " + advice)
	}
	return b.String()
}

// Summary is status, code and description in one line.
func (r *Refusal) Summary() string {
	s := strconv.Itoa(r.Status)
	if r.Code != "" {
		s += " " + string(r.Code)
	} else if text := http.StatusText(r.Status); text != "" {
		s += " " + text
	}
	if r.Description != "" {
		s += ": " + r.Description
	}
	return s
}

// Unwrap lets errors.Is find the code: errors.Is(err, tenon.InvalidClient).
func (r *Refusal) Unwrap() error {
	if r.Code == "" {
		return nil
	}
	return r.Code
}

// As fills a *oauth2.RetrieveError, the error that programs written for golang.org/x/oauth2 look for.
func (r *Refusal) As(target any) bool {
	e, ok := target.(**oauth2.RetrieveError)
	if !ok || !r.Endpoint {
		return false
	}
	*e = &oauth2.RetrieveError{
		Response:         &http.Response{StatusCode: r.Status, Status: strconv.Itoa(r.Status) + " " + http.StatusText(r.Status)},
		ErrorCode:        string(r.Code),
		ErrorDescription: r.Description,
	}
	return true
}

// Skew is how far the local clock is ahead of the server's, as far as the server's Date header tells (it has whole
// seconds). It is false when there was no such header.
func (r *Refusal) Skew() (ahead time.Duration, known bool) {
	if r.ServerTime.IsZero() {
		return 0, false
	}
	return r.At.Truncate(time.Second).Sub(r.ServerTime), true
}

// readRefusal reads what any refusal may have. now is the local time.
func readRefusal(resp *http.Response, now time.Time) *Refusal {
	r := &Refusal{Status: resp.StatusCode, At: now}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		r.ServerTime = date
	}
	after := resp.Header.Get("Retry-After") // RFC 9110 §10.2.3: seconds or a date
	if seconds, err := strconv.Atoi(after); err == nil && seconds > 0 {
		r.RetryAfter = time.Duration(min(seconds, 86400)) * time.Second
	} else if date, err := http.ParseTime(after); err == nil && !r.ServerTime.IsZero() {
		r.RetryAfter = max(0, date.Sub(r.ServerTime))
	}
	return r
}

// explain reads an API's refusal. The challenge that answers the scheme we used counts before others (RFC 9449 §7.2). key
// signed the proofs, and may be nil.
func explain(resp *http.Response, key *dpop.Key, now time.Time) *Refusal {
	r := readRefusal(resp, now)
	if sent := resp.Request; sent != nil {
		r.Method, r.URL = sent.Method, sent.URL.Redacted()
		r.Scheme, _, _ = strings.Cut(sent.Header.Get("Authorization"), " ")
		r.Sent = readProof(sent.Header.Get("DPoP"), key)
	}
	for _, c := range parseChallenges(resp.Header.Values("WWW-Authenticate")) {
		if c.params["error"] == "" || r.Code != "" && !strings.EqualFold(c.scheme, r.Scheme) {
			continue
		}
		r.Code = tenon.Code(printable(c.params["error"]))
		r.Description = printable(c.params["error_description"])
		r.Scope = printable(c.params["scope"])
	}
	return r
}

// readProof reads a proof that key made; of anything else it makes the zero value.
func readProof(proof string, key *dpop.Key) SentProof {
	part := strings.Split(proof, ".")
	if key == nil || len(part) != 3 {
		return SentProof{}
	}
	var claims struct {
		Method string `json:"htm"`
		URL    string `json:"htu"`
		Time   int64  `json:"iat"`
		Nonce  string `json:"nonce"`
	}
	data, err := base64.RawURLEncoding.DecodeString(part[1])
	if err != nil || json.Unmarshal(data, &claims) != nil {
		return SentProof{}
	}
	return SentProof{
		Method: claims.Method, URL: claims.URL, IssuedAt: time.Unix(claims.Time, 0),
		Nonce: claims.Nonce != "", Thumbprint: key.Thumbprint(),
	}
}
