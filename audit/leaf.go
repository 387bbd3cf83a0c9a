package audit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Type says what a leaf records.
type Type string

// The types of leaves. "about" names the entry that the member ps points to; a writer that does not know it leaves it out.
const (
	LogOpened       Type = "log.opened"        // a writer began; aud is the log's origin. The first leaf of a log is one
	LogClosed       Type = "log.closed"        // the writer ended in good order: silence from here on is no gap
	LogKey          Type = "log.key"           // kid is the verifier key (vkey) that signs checkpoints from now on, or soon
	LogHeartbeat    Type = "log.heartbeat"     // nothing else came in; n leaves were published between fr and to (ms)
	ClockStep       Type = "clock.step"        // the clock was set; fr is the time it should have shown, to the time it shows (ms)
	ServerKey       Type = "as.key"            // an issuer's signing key was published or withdrawn; kid is its id
	PolicyChanged   Type = "policy.changed"    // what the server demands was changed
	ClientChanged   Type = "client.changed"    // a registration was made, changed or removed
	TokenIssued     Type = "token.issued"      //
	TokenRefused    Type = "token.refused"     // rc is the reason
	TokenRefreshed  Type = "token.refreshed"   // about the issuance that gave the refresh token
	TokenExchanged  Type = "token.exchanged"   // about the issuance of the token that was exchanged
	TokenRevoked    Type = "token.revoked"     // about the issuance
	GrantRevoked    Type = "grant.revoked"     // about the first issuance of the grant
	KeyRebound      Type = "key.rebound"       // a client or grant was moved to another key
	TokenUsed       Type = "token.used"        // first use, seen by a verifier
	TokenUseRefused Type = "token.use_refused" // rc is the reason
	ProofReplayed   Type = "proof.replayed"    // a proof came a second time
	KeyMismatch     Type = "binding.mismatch"  // a token came with another key than its own
	RefusalSummary  Type = "refusal.summary"   // n refusals of reason rc between fr and to (ms) that have no leaf of their own
	UseSummary      Type = "use.summary"       // n uses of one token between fr and to (ms)
	ExportMade      Type = "export.made"       // somebody took a copy of the log or of a part
	SearchMade      Type = "search.made"       // somebody looked something up
	ErasureDone     Type = "erasure.done"      // salts and details of n leaves were deleted
)

// Known reports whether t is one of the types above.
func (t Type) Known() bool {
	switch t {
	case LogOpened, LogClosed, LogKey, LogHeartbeat, ClockStep, ServerKey, PolicyChanged, ClientChanged,
		TokenIssued, TokenRefused, TokenRefreshed, TokenExchanged, TokenRevoked, GrantRevoked, KeyRebound,
		TokenUsed, TokenUseRefused, ProofReplayed, KeyMismatch, RefusalSummary, UseSummary,
		ExportMade, SearchMade, ErasureDone:
		return true
	}
	return false
}

// An Outcome says how what a leaf records ended.
type Outcome string

// The outcomes.
const (
	OK      Outcome = "ok"
	Refused Outcome = "refused"
)

// A Method says what sort of key a leaf commits to.
type Method string

// The methods. With a clear one, the thumbprint itself stands where its commitment would.
const (
	ByJKT      Method = "jkt"       // a DPoP key, by its RFC 7638 thumbprint
	ByX5T      Method = "x5t"       // a certificate, by the SHA-256 of its DER
	ByBoth     Method = "jkt+x5t"   // both; the thumbprint is the DPoP key's
	ByClearJKT Method = "jkt-clear" //
	ByClearX5T Method = "x5t-clear" //
	ByClearAll Method = "jkt+x5t-clear"
)

func (m Method) known() bool {
	switch m {
	case "", ByJKT, ByX5T, ByBoth, ByClearJKT, ByClearX5T, ByClearAll:
		return true
	}
	return false
}

// MaxLeaf is the largest leaf in bytes.
const MaxLeaf = 2048

// ErrMalformed means that bytes are not what this package writes.
var ErrMalformed = errors.New("audit: malformed")

// A Leaf is one entry of the log. The stored bytes are the record; this is a reading of them. A member that is empty or zero
// is left out of the bytes, but for the first five.
type Leaf struct {
	Type     Type    // t
	Time     int64   // ts, milliseconds since 1970
	Outcome  Outcome // out
	Reason   string  // rc, a short stable word; empty when all went well
	Binding  LeafBinding
	Token    LeafToken
	Evidence LeafEvidence
	Span     LeafSpan
}

// LeafBinding is the key that somebody had to prove.
type LeafBinding struct {
	Method Method // b
	Key    string // kc: KeyCommitment, or the thumbprint itself with a clear method
}

// LeafToken is what is said about a token. A text that was too long for a leaf is cut and ends in "…"; Claims covers the whole.
type LeafToken struct {
	ID       string // jc: TokenCommitment to the jti
	Claims   string // cd: ClaimsDigest, or ath for an opaque token
	Account  string // ac: AccountCommitment to the subject
	Client   string // cl
	Audience string // aud, parted by spaces when there are several
	Scope    string // sc
	Expires  int64  // exp, seconds since 1970
	KeyID    string // kid of the key that signed
}

// LeafEvidence points to what backs the leaf.
type LeafEvidence struct {
	Proof  string  // pd: ProofDigest of a DPoP proof, whose text is in the opening
	About  *uint64 // ps: index of the earlier entry of this log that this one is about
	Detail string  // dc: DetailCommitment
}

// LeafSpan counts what a leaf stands for.
type LeafSpan struct {
	Count int64 // n
	From  int64 // fr, milliseconds since 1970
	To    int64 // to
}

// largest bounds integers to what every JSON reader keeps exactly (RFC 8259 §6).
const largest = 1<<53 - 1

// Bytes writes the leaf: one JSON object, members in fixed order, no white space. There is one way to write a leaf, and
// [ParseLeaf] accepts no other.
func (l Leaf) Bytes() ([]byte, error) { return l.append(make([]byte, 0, usualLeaf)) }

// usualLeaf is a size that most leaves fit into.
const usualLeaf = 640

// append writes the leaf into an empty buffer.
func (l *Leaf) append(empty []byte) ([]byte, error) {
	if err := l.validate(); err != nil {
		return nil, err
	}
	w := append(leafWriter(empty), `{"v":1`...)
	w.always("t", string(l.Type))
	w.number("ts", l.Time, true)
	w.always("out", string(l.Outcome))
	w.always("rc", l.Reason)
	w.text("b", string(l.Binding.Method))
	w.text("kc", l.Binding.Key)
	w.text("jc", l.Token.ID)
	w.text("cd", l.Token.Claims)
	w.text("ac", l.Token.Account)
	w.text("cl", l.Token.Client)
	w.text("aud", l.Token.Audience)
	w.text("sc", l.Token.Scope)
	w.number("exp", l.Token.Expires, false)
	w.text("kid", l.Token.KeyID)
	w.text("pd", l.Evidence.Proof)
	if l.Evidence.About != nil {
		w.number("ps", int64(*l.Evidence.About), true)
	}
	w.text("dc", l.Evidence.Detail)
	w.number("n", l.Span.Count, false)
	w.number("fr", l.Span.From, false)
	w.number("to", l.Span.To, false)
	w = append(w, '}')
	if len(w) > MaxLeaf {
		return nil, fmt.Errorf("%w: a leaf of %d bytes, at most %d are allowed", ErrMalformed, len(w), MaxLeaf)
	}
	return w, nil
}

// validate judges the values. Both ways of the codec ask it, so that what is read is what could have been written.
func (l *Leaf) validate() error {
	switch {
	case !l.Type.Known():
		return fmt.Errorf("%w: leaf type %q", ErrMalformed, l.Type)
	case l.Outcome != OK && l.Outcome != Refused:
		return fmt.Errorf("%w: outcome %q", ErrMalformed, l.Outcome)
	case !l.Binding.Method.known() || (l.Binding.Method == "") != (l.Binding.Key == ""):
		return fmt.Errorf("%w: binding method %q with key %q", ErrMalformed, l.Binding.Method, l.Binding.Key)
	case l.Evidence.About != nil && *l.Evidence.About > largest:
		return fmt.Errorf("%w: ps is %d", ErrMalformed, *l.Evidence.About)
	}
	for _, n := range [...]int64{l.Time, l.Token.Expires, l.Span.Count, l.Span.From, l.Span.To} {
		if n < 0 || n > largest {
			return fmt.Errorf("%w: the number %d", ErrMalformed, n)
		}
	}
	for _, digest := range [...]string{l.Binding.Key, l.Token.ID, l.Token.Claims, l.Token.Account, l.Evidence.Proof, l.Evidence.Detail} {
		if digest != "" && !isDigest(digest) {
			return fmt.Errorf("%w: %q is not a SHA-256 value in base64url", ErrMalformed, digest)
		}
	}
	for _, s := range [...]string{l.Reason, l.Token.Client, l.Token.Audience, l.Token.Scope, l.Token.KeyID} {
		if !isText(s) {
			return fmt.Errorf("%w: %q is not UTF-8 without NUL", ErrMalformed, s)
		}
	}
	return nil
}

// digestLength is that of a SHA-256 value in base64url without padding.
const digestLength = 43

// notBase64 has a one for each byte that is no character of base64url.
var notBase64 = func() (table [256]byte) {
	for c := range table {
		if strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", byte(c)) < 0 {
			table[c] = 1
		}
	}
	return table
}()

// isDigest reports whether s has the form of a SHA-256 value in base64url without padding. The two bits after the last byte
// are not looked at: digests are compared as strings. Every entry of a log that is verified has several, hence the table.
func isDigest(s string) bool {
	if len(s) != digestLength {
		return false
	}
	var bad byte
	for i := range len(s) {
		bad |= notBase64[s[i]]
	}
	return bad == 0
}

// isText reports whether s can be written as a JSON string that every reader understands.
func isText(s string) bool { return strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) }

// A leafWriter appends members in the order of the calls.
type leafWriter []byte

func (w *leafWriter) name(name string) {
	*w = append(*w, ',', '"')
	*w = append(*w, name...)
	*w = append(*w, '"', ':')
}

func (w *leafWriter) number(name string, n int64, always bool) {
	if n == 0 && !always {
		return
	}
	w.name(name)
	*w = strconv.AppendInt(*w, n, 10)
}

func (w *leafWriter) text(name, s string) {
	if s != "" {
		w.always(name, s)
	}
}

// always writes a string. Escaped are the quotation mark, the backslash and control characters, each in one way.
func (w *leafWriter) always(name, s string) {
	w.name(name)
	b := append(*w, '"')
	if isPlain(s) {
		*w = append(append(b, s...), '"')
		return
	}
	plain := 0 // where what needs no escape begins
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[plain:i]...)
		plain = i + 1
		if c < 0x20 {
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		} else {
			b = append(b, '\\', c)
		}
	}
	*w = append(append(b, s[plain:]...), '"')
}

const hexDigits = "0123456789abcdef"
