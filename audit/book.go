package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/store"
)

// BookConfig says where entries go.
type BookConfig struct {
	// Store is where the leaves are appended, in the Changes of those who call Add. Required.
	Store store.Store
	// Origin is the name of the log, which is also that of its key: see IsOrigin. A store holds one log. Required.
	Origin string
	// ClearThumbprints writes the thumbprints of keys as they are, for operators whose clients are firms and not persons. They
	// cannot be erased then. False means commitments.
	ClearThumbprints bool
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Uptime is a clock that nobody can set, to notice when Now was. Nil means the monotonic reading within Now.
	Uptime func() time.Duration
}

// A Book turns facts into leaves. It has no file of its own: leaves and their openings are part of the Changes that record what
// they are about. OpenBook makes one. Its methods may be called from many goroutines at once.
type Book struct {
	store  store.Store
	origin string
	clear  bool
	clock  *clock
	salts  *saltShaker
}

// An Entry is what happened, in clear. Add decides what of it stands in the leaf, under which salts, and what in the opening.
type Entry struct {
	Type         Type
	Outcome      Outcome            // empty means OK without a Reason and Refused with one
	Reason       string             // a short stable word
	Confirmation tenon.Confirmation // the key that was proved; the zero value when there was none
	Client       string
	Token        TokenFacts
	Proof        string  // the DPoP proof, which is kept as evidence
	Detail       any     // anything that JSON writes as an object: address, user agent, authorization_details; nil for none
	About        *uint64 // index of the earlier entry that this one is about
	Span         LeafSpan
}

// TokenFacts is what an Entry says about a token.
type TokenFacts struct {
	ID       string // jti
	Claims   string // ClaimsDigest, or the ath of an opaque token
	Account  string // sub, when it is a person
	Audience []string
	Scope    tenon.Scope
	Expires  time.Time
	KeyID    string
}

// logRecord says whose log a store holds.
type logRecord struct {
	Origin string `json:"origin"`
}

var logs = store.Collection[logRecord]{Kind: "log"}

// originID names the one record of its kind.
const originID = "origin"

// OpenBook opens the log in a store, or begins one, and writes the entry log.opened. A store that holds another log, or leaves
// of another program, is refused.
func OpenBook(ctx context.Context, c BookConfig) (*Book, error) {
	var faults []error
	if c.Store == nil {
		faults = append(faults, errors.New("audit: BookConfig.Store is required"))
	}
	if !IsOrigin(c.Origin) {
		faults = append(faults, fmt.Errorf("audit: BookConfig.Origin %q: want 1 to 255 printable characters without + and spaces, like as.example.com/log", c.Origin))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	b := &Book{store: c.Store, origin: c.Origin, clear: c.ClearThumbprints, clock: newClock(c.Now, c.Uptime), salts: &saltShaker{store: c.Store}}
	var ch store.Change
	if err := b.claim(ctx, &ch); err != nil {
		return nil, err
	}
	if err := b.Add(ctx, &ch, Entry{Type: LogOpened, Token: TokenFacts{Audience: []string{c.Origin}}}); err != nil {
		return nil, err
	}
	if _, err := b.store.Commit(ctx, &ch); err != nil {
		return nil, fmt.Errorf("audit: cannot open the log: %w", err)
	}
	return b, nil
}

// claim makes sure that the store's log is this one. A new log is claimed in the Change of its first leaf.
func (b *Book) claim(ctx context.Context, ch *store.Change) error {
	record, err := logs.Get(ctx, b.store, originID)
	if err == nil && record.Value.Origin != b.origin {
		return fmt.Errorf("audit: the store holds the log %q, not %q", record.Value.Origin, b.origin)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	newest, found, scanErr := b.newest(ctx)
	switch {
	case scanErr != nil:
		return scanErr
	case err == nil && !found:
		return fmt.Errorf("audit: the store says that it holds the log %q, and not one entry of it", b.origin)
	case err == nil:
		b.clock.behind(time.UnixMilli(newest.Time))
		return nil
	case found:
		return errors.New("audit: the store holds leaves and does not say of which log")
	}
	return logs.Insert(ch, originID, logRecord{b.origin}, noExpiry)
}

// newest reads the last leaf in the store. The publisher always leaves at least one there.
func (b *Book) newest(ctx context.Context) (leaf Leaf, found bool, err error) {
	const page = 1024
	var last store.Record
	for {
		records, err := b.store.Scan(ctx, store.Key{Kind: store.Leaves}, last.Key.ID, page)
		if err != nil {
			return Leaf{}, false, err
		}
		if len(records) > 0 {
			last, found = records[len(records)-1], true
		}
		if len(records) < page {
			break
		}
	}
	if !found {
		return Leaf{}, false, nil
	}
	leaf, err = ParseLeaf(last.Body)
	return leaf, true, err
}

// Origin is the name of the log.
func (b *Book) Origin() string { return b.origin }

// Add appends an entry to a Change, with its opening. Commit then tells the index: Receipt.First is that of the first leaf in the
// Change. On an error the Change is as it was, and must not be committed without the entry: no record, no deed.
//
// The first leaf about a key or account commits its salt beforehand, and one that finds the clock set commits clock.step, each
// in a Change of its own.
func (b *Book) Add(ctx context.Context, ch *store.Change, e Entry) error {
	now, err := b.clock.read(func(want, is time.Time) error { return b.stepped(ctx, want, is) })
	if err != nil {
		return err
	}
	var leaf Leaf
	var opening Opening
	leaf.Time = now.UnixMilli()
	if err := b.write(ctx, &e, &leaf, &opening); err != nil {
		return err
	}
	return appendLeaf(ch, &leaf, &opening)
}

// addLeaf appends a leaf that needs no opening.
func (b *Book) addLeaf(ctx context.Context, ch *store.Change, l Leaf) error {
	now, err := b.clock.read(func(want, is time.Time) error { return b.stepped(ctx, want, is) })
	if err != nil {
		return err
	}
	l.Time = now.UnixMilli()
	return appendLeaf(ch, &l, new(Opening))
}

// mostInChange bounds how many leaves one Change of this package may have, so that nobody waits long for somebody else's.
const mostInChange = TileWidth

// appendLeaf puts both into the Change, or neither.
func appendLeaf(ch *store.Change, l *Leaf, o *Opening) error {
	if len(ch.Leaves) >= mostInChange {
		return fmt.Errorf("audit: more than %d entries in one change", mostInChange)
	}
	data, err := l.append(make([]byte, 0, usualLeaf+o.room())) // one piece for both
	if err != nil {
		return err
	}
	leaf := store.Leaf{Body: data[:len(data):len(data)]}
	if !o.empty() {
		leaf.Aside = o.appendRest(data)[len(data):]
	}
	ch.Leaves = append(ch.Leaves, leaf)
	return nil
}

// Append commits entries that record nothing but themselves. It returns the index of the first.
func (b *Book) Append(ctx context.Context, entries ...Entry) (uint64, error) {
	var ch store.Change
	for _, e := range entries {
		if err := b.Add(ctx, &ch, e); err != nil {
			return 0, err
		}
	}
	receipt, err := b.store.Commit(ctx, &ch)
	return receipt.First, err
}

// Close writes log.closed: from here on silence is no gap. The store stays open.
func (b *Book) Close(ctx context.Context) error {
	_, err := b.Append(ctx, Entry{Type: LogClosed})
	return err
}

// stepped records that the clock was set. It is called under the clock's lock, so nothing else is dated before it is done.
func (b *Book) stepped(ctx context.Context, want, is time.Time) error {
	l := Leaf{Type: ClockStep, Time: is.UnixMilli(), Outcome: OK, Span: LeafSpan{From: want.UnixMilli(), To: is.UnixMilli()}}
	var ch store.Change
	if err := appendLeaf(&ch, &l, new(Opening)); err != nil {
		return err
	}
	_, err := b.store.Commit(ctx, &ch)
	return err
}

// write makes the leaf and the opening.
func (b *Book) write(ctx context.Context, e *Entry, l *Leaf, o *Opening) error {
	l.Type, l.Outcome, l.Reason, l.Span = e.Type, e.Outcome, fit(e.Reason, 64), e.Span
	if l.Outcome == "" {
		l.Outcome = OK
		if e.Reason != "" {
			l.Outcome = Refused
		}
	}
	l.Token = LeafToken{
		Claims: e.Token.Claims, Client: fit(e.Client, 200), Audience: fit(strings.Join(e.Token.Audience, " "), 400),
		Scope: fit(e.Token.Scope.String(), 400), KeyID: fit(e.Token.KeyID, 320),
	}
	if !e.Token.Expires.IsZero() {
		l.Token.Expires = e.Token.Expires.Unix()
	}
	l.Evidence.About = e.About
	if err := errors.Join(b.bind(ctx, e, l, o), b.name(ctx, e, l, o)); err != nil {
		return err
	}
	return keep(e, l, o)
}

// bind fills in the key.
func (b *Book) bind(ctx context.Context, e *Entry, l *Leaf, o *Opening) error {
	key := e.Confirmation
	if !key.Bound() {
		return nil
	}
	thumbprint := key.JKT
	method, plain := ByJKT, ByClearJKT
	switch {
	case key.JKT == "":
		thumbprint, method, plain = key.X5T, ByX5T, ByClearX5T
	case key.X5T != "":
		method, plain = ByBoth, ByClearAll
	}
	if b.clear {
		l.Binding = LeafBinding{plain, thumbprint}
		return nil
	}
	c, err := b.salts.get(ctx, subject{name: thumbprint}, l.Outcome == OK)
	l.Binding, o.KeySalt = LeafBinding{method, c.commitment}, c.salt
	return err
}

// name fills in the token's id and the account.
func (b *Book) name(ctx context.Context, e *Entry, l *Leaf, o *Opening) error {
	if e.Token.ID != "" {
		salt := newSalt()
		l.Token.ID, o.TokenSalt = TokenCommitment(salt, e.Token.ID), salt.String()
	}
	if e.Token.Account == "" {
		return nil
	}
	c, err := b.salts.get(ctx, subject{true, e.Token.Account}, l.Outcome == OK)
	l.Token.Account, o.AccountSalt = c.commitment, c.salt
	return err
}

// keep puts proof and detail into the opening and their digests into the leaf.
func keep(e *Entry, l *Leaf, o *Opening) error {
	if len(e.Proof) > maxKept || !isText(e.Proof) {
		return fmt.Errorf("audit: a proof of %d bytes cannot be kept", len(e.Proof))
	}
	if e.Proof != "" {
		l.Evidence.Proof, o.Proof = ProofDigest(e.Proof), e.Proof
	}
	if e.Detail == nil {
		return nil
	}
	detail, err := json.Marshal(e.Detail)
	if err != nil {
		return fmt.Errorf("audit: detail: %w", err)
	}
	if len(detail) > maxDetail || detail[0] != '{' {
		return fmt.Errorf("audit: a detail must be a JSON object of at most %d bytes", maxDetail)
	}
	nonce := newSalt()
	l.Evidence.Detail, o.Nonce, o.Detail = DetailCommitment(nonce, detail), nonce.String(), detail
	return nil
}

// fit makes a text fit for a leaf. What a stranger sent may be anything: characters that would need an escape of six bytes and
// what is not UTF-8 become U+FFFD, and what needs more than so many bytes is cut and ends in "…".
func fit(s string, most int) string {
	if len(s) <= most && isPlain(s) {
		return s
	}
	var b strings.Builder
	size, cut := 0, 0
	for _, r := range s {
		if r < 0x20 || r == 0x7f {
			r = utf8.RuneError
		}
		size += utf8.RuneLen(r)
		if r == '"' || r == '\\' {
			size++
		}
		if size > most {
			return b.String()[:cut] + "…"
		}
		b.WriteRune(r)
		if size <= most-len("…") {
			cut = b.Len()
		}
	}
	return b.String()
}

// notPlain has a one for each byte that JSON does not write as it is, or that is not ASCII.
var notPlain = func() (table [256]byte) {
	for c := range table {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			table[c] = 1
		}
	}
	return table
}()

// isPlain reports whether a text is printable ASCII that JSON writes as it is.
func isPlain(s string) bool {
	var odd byte
	for i := range len(s) {
		odd |= notPlain[s[i]]
	}
	return odd == 0
}
