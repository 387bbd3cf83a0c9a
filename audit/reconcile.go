package audit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/internal/strictjson"
)

// A Use is one line of what a resource server wrote down: that it accepted a token.
type Use struct {
	Line       int
	At         time.Time
	Origin     string // of the log that the token names, or ""
	Index      int64  // of its entry, or -1 when the token named none
	TokenID    string // jti, or ""
	Thumbprint string // of the key that was proved, or ""
}

const (
	maxUses    = 1 << 22
	maxUseLine = 64 << 10
)

// ReadUses reads a resource server's list, one JSON object a line. Members: "time" (seconds since 1970, or RFC 3339), "tlog"
// ({"o":…,"i":…}, the token's own claim; left out when it had none), "jti", "jkt" or "x5t#S256". Others are ignored, so that a
// server's own request log will do.
func ReadUses(r io.Reader) ([]Use, error) {
	var uses []Use
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxUseLine)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		if len(uses) == maxUses {
			return nil, fmt.Errorf("audit: more than %d uses: split the list", maxUses)
		}
		u, err := parseUse(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("audit: line %d of the uses: %w", n, err)
		}
		u.Line = n
		uses = append(uses, u)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("audit: uses: %w", err)
	}
	return uses, nil
}

func parseUse(line []byte) (Use, error) {
	u := Use{Index: -1}
	err := strictjson.Object(line, func(name string, v strictjson.Value) (err error) {
		switch name {
		case "time":
			u.At, err = useTime(v)
		case "tlog":
			err = u.reference(v)
		case "jti":
			u.TokenID, err = v.Str()
		case "jkt", "x5t#S256":
			u.Thumbprint, err = v.Str()
		}
		return err
	})
	switch {
	case err != nil:
		return Use{}, err
	case u.At.IsZero():
		return Use{}, errors.New("no time")
	case u.Thumbprint != "" && !tenon.IsThumbprint(u.Thumbprint):
		return Use{}, fmt.Errorf("%q is not a thumbprint", u.Thumbprint)
	}
	return u, nil
}

func useTime(v strictjson.Value) (time.Time, error) {
	if n, err := v.Int(); err == nil {
		return time.Unix(n, 0).UTC(), nil
	}
	s, err := v.Str()
	if err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339, s)
}

func (u *Use) reference(v strictjson.Value) error {
	return v.Object(func(name string, v strictjson.Value) (err error) {
		switch name {
		case "o":
			u.Origin, err = v.Str()
		case "i":
			if u.Index, err = v.Int(); err == nil && u.Index < 0 {
				err = errors.New("a negative index")
			}
		}
		return err
	})
}

// A ReconcileConfig holds a resource server's list against a log.
type ReconcileConfig struct {
	Source   Source  // required
	Policy   *Policy // required
	Uses     []Use
	Audience string        // whose tokens count as never used; "" leaves that out
	Delay    time.Duration // how long after a revocation a use is still in order; 0 means 10 s
	Progress func(done, total int64)
}

// A Reconciliation is what came of it.
type Reconciliation struct {
	Origin     string    `json:"origin"`
	Size       int64     `json:"size"`
	Root       tlog.Hash `json:"root"`
	Uses       int       `json:"uses"`
	Matched    int       `json:"matched"` // uses of tokens that the log has
	Issued     int64     `json:"issued"`  // tokens that the log has for the audience
	NeverUsed  []int64   `json:"neverUsed"`
	MoreUnused int64     `json:"moreUnused"` // beyond those listed
	Findings   []Finding `json:"findings"`
	NotChecked []string  `json:"notChecked"`
}

// Exit is the exit code of the auditor's command. Tokens that were never used are no fault.
func (r *Reconciliation) Exit() int { return exitCode(r.Findings) }

const (
	defaultDelay = 10 * time.Second
	maxUnused    = 1000
)

// Reconcile says which uses were of tokens that the log does not have, or has with another key or id, and which came after the
// token was revoked; and which tokens nobody used.
func Reconcile(ctx context.Context, c ReconcileConfig) (*Reconciliation, error) {
	if c.Source == nil || c.Policy == nil {
		return nil, errors.New("audit: ReconcileConfig.Source and Policy are required")
	}
	if c.Delay == 0 {
		c.Delay = defaultDelay
	}
	r := &reconciler{c: &c, uses: map[int64][]*Use{}, revoked: map[int64]int64{}, ended: map[int64]int64{}, grant: map[int64]int64{}, out: &Reconciliation{
		Origin: c.Policy.Origin(), Uses: len(c.Uses), NeverUsed: []int64{}, Findings: []Finding{}, NotChecked: []string{limitTruth},
	}}
	r.sort()
	cfg := scanConfig{source: c.Source, policy: c.Policy, openings: true, progress: c.Progress}
	head, err := scan(ctx, cfg, r.entry)
	if err != nil {
		return nil, err
	}
	r.out.Size, r.out.Root = head.Checkpoint.Size, head.Checkpoint.Root
	r.finish()
	return r.out, nil
}

// A reconciler is one run of Reconcile.
type reconciler struct {
	c       *ReconcileConfig
	uses    map[int64][]*Use // by entry
	revoked map[int64]int64  // what was revoked -> when, in ms
	ended   map[int64]int64  // first issuance of a grant that was revoked -> when, in ms
	grant   map[int64]int64  // refreshed token -> first issuance of its grant
	closed  int
	out     *Reconciliation
}

func (r *reconciler) find(name string, u *Use, format string, args ...any) {
	f := found(name, u.Index, "line %d, %s: %s", u.Line, u.At.UTC().Format(time.RFC3339), fmt.Sprintf(format, args...))
	r.out.Findings = append(r.out.Findings, *f)
}

// sort arranges the uses by entry and names those that have none.
func (r *reconciler) sort() {
	for i := range r.c.Uses {
		u := &r.c.Uses[i]
		switch {
		case u.Index < 0:
			r.find(UnloggedToken, u, "the token named no entry of a log")
		case u.Origin != r.c.Policy.Origin():
			r.find(OriginMismatch, u, "the token named the log %q", u.Origin)
		default:
			r.uses[u.Index] = append(r.uses[u.Index], u)
		}
	}
}

// entry looks at one entry of the log.
func (r *reconciler) entry(e scanned) error {
	l := e.leaf
	r.follow(e.index, l)
	issued := issuance(l)
	if issued && r.c.Audience != "" && l.Token.Audience == r.c.Audience {
		r.out.Issued++
		if len(r.uses[e.index]) == 0 {
			r.unused(e.index)
		}
	}
	for _, u := range r.uses[e.index] {
		if !issued {
			r.find(UnloggedToken, u, "the entry is %s (%s) and stands for no token", l.Type, l.Outcome)
			continue
		}
		r.out.Matched++
		r.compare(u, e)
	}
	return nil
}

// follow notes revocations, and which grant a refreshed token belongs to.
func (r *reconciler) follow(index int64, l *Leaf) {
	if l.Evidence.About == nil {
		return
	}
	about := int64(*l.Evidence.About)
	switch l.Type {
	case TokenRefreshed:
		r.grant[index] = r.firstOf(about)
	case TokenRevoked:
		if _, known := r.revoked[about]; !known {
			r.revoked[about] = l.Time
		}
	case GrantRevoked:
		if _, known := r.ended[r.firstOf(about)]; !known {
			r.ended[r.firstOf(about)] = l.Time
		}
	}
}

// firstOf is the first issuance of the grant that a token belongs to.
func (r *reconciler) firstOf(index int64) int64 {
	if first, ok := r.grant[index]; ok {
		return first
	}
	return index
}

// revocation is when a token was revoked, by itself or with its grant.
func (r *reconciler) revocation(index int64) (at int64, revoked bool) {
	at, revoked = r.revoked[index]
	if ended, ok := r.ended[r.firstOf(index)]; ok && (!revoked || ended < at) {
		return ended, true
	}
	return at, revoked
}

func (r *reconciler) unused(index int64) {
	if len(r.out.NeverUsed) < maxUnused {
		r.out.NeverUsed = append(r.out.NeverUsed, index)
		return
	}
	r.out.MoreUnused++
}

// compare holds a use against the issuance of its token.
func (r *reconciler) compare(u *Use, e scanned) {
	q := Query{Thumbprint: u.Thumbprint}
	if yes, closed := q.matches(e); closed {
		r.closed++
	} else if !yes {
		r.find(BindingMismatch, u, "the key %s was proved, the entry is about another", u.Thumbprint)
	}
	q = Query{TokenID: u.TokenID}
	if yes, closed := q.matches(e); closed {
		r.closed++
	} else if !yes {
		r.find(ClaimsMismatch, u, "the token had another id (jti) than the entry commits to")
	}
}

// finish looks at revocations, which come after what they revoke, and at what the log never reached.
func (r *reconciler) finish() {
	var indices []int64
	for i := range r.uses {
		indices = append(indices, i)
	}
	slices.Sort(indices)
	for _, i := range indices {
		at, revoked := r.revocation(i)
		for _, u := range r.uses[i] {
			if i >= r.out.Size {
				r.find(MissingIndex, u, "the log has %d entries", r.out.Size)
			} else if revoked && u.At.After(utc(at).Add(r.c.Delay)) {
				r.find(UseAfterRevoked, u, "the token was revoked at %s", stamp(at))
			}
		}
	}
	if r.closed > 0 {
		r.out.NotChecked = append(r.out.NotChecked, fmt.Sprintf("%d ids and keys: the salts of the entries are not at hand", r.closed))
	}
	if r.c.Audience == "" {
		r.out.NotChecked = append(r.out.NotChecked, "which tokens were never used: no audience was given")
	}
}
