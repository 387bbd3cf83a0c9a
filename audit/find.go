package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tenon-auth/tenon"
)

// A Query says which entries are looked for. Every condition that is set must hold; the empty query finds all.
type Query struct {
	Thumbprint string // of a key (jkt) or certificate (x5t#S256)
	Account    string // the subject as it was logged
	TokenID    string // jti
	Client     string
	Types      []Type
	Since      time.Time // inclusive
	Until      time.Time // exclusive
	// Related also finds entries about found ones (member ps), like the revocation of a token that was found.
	Related bool
}

// A FindConfig says where is searched for what.
type FindConfig struct {
	Source Source  // required
	Policy *Policy // required
	Query  Query
	// Progress, which may be nil, is told how many entries are done.
	Progress func(done, total int64)
}

// A Match is an entry that was found.
type Match struct {
	Index   int64
	Entry   []byte // the exact bytes of the record
	Leaf    Leaf
	Opening *Opening // nil when it has none, or it was erased
	Related bool     // found for the entry that it is about
}

// A Search tells what a search covered: with it, "nothing found" means something.
type Search struct {
	Origin     string    `json:"origin"`
	Size       int64     `json:"size"` // entries gone through, all of them
	Root       tlog.Hash `json:"root"`
	Found      int64     `json:"found"`
	Closed     int64     `json:"closed"` // entries that may be about what was asked for, but whose salts are not at hand
	NotChecked []string  `json:"notChecked"`
}

// Complete reports whether nothing can have been missed.
func (s *Search) Complete() bool { return s.Closed == 0 }

// Find goes through a whole log and calls visit, in order, for each entry that the query asks for. Commitments are tried with the
// salts in the openings, and the entries with the root, so that the answer is complete; where it cannot be, Search says for how
// many entries. An error of visit ends the search. A *Finding as error says what is wrong with the log.
func Find(ctx context.Context, c FindConfig, visit func(Match) error) (*Search, error) {
	if c.Source == nil || c.Policy == nil {
		return nil, errors.New("audit: FindConfig.Source and Policy are required")
	}
	if err := c.Query.validate(); err != nil {
		return nil, err
	}
	s := &Search{Origin: c.Policy.Origin(), NotChecked: []string{limitComplete, limitTruth}}
	related := map[int64]bool{}
	cfg := scanConfig{source: c.Source, policy: c.Policy, openings: true, progress: c.Progress}
	head, err := scan(ctx, cfg, func(e scanned) error {
		isRelated := c.Query.Related && e.leaf.Evidence.About != nil && related[int64(*e.leaf.Evidence.About)]
		matches, closed := c.Query.matches(e)
		if closed && !isRelated {
			s.Closed++
		}
		if !matches && !(isRelated && c.Query.inTime(e.leaf)) {
			return nil
		}
		s.Found++
		if c.Query.Related {
			related[e.index] = true
		}
		return visit(Match{e.index, e.entry, *e.leaf, e.opening, !matches})
	})
	if err != nil {
		return nil, err
	}
	s.Size, s.Root = head.Checkpoint.Size, head.Checkpoint.Root
	if s.Closed > 0 {
		s.NotChecked = append(s.NotChecked, fmt.Sprintf("%d entries whose salts are not at hand (erased, or never given): they may be about what was asked for", s.Closed))
	}
	return s, nil
}

func (q *Query) validate() error {
	var faults []error
	if q.Thumbprint != "" && !tenon.IsThumbprint(q.Thumbprint) {
		faults = append(faults, fmt.Errorf("audit: %q is not a thumbprint: 43 characters of base64url", q.Thumbprint))
	}
	for _, t := range q.Types {
		if !t.Known() {
			faults = append(faults, fmt.Errorf("audit: there are no entries of type %q", t))
		}
	}
	return errors.Join(faults...)
}

// matches says whether an entry is asked for; closed, that it cannot be told.
func (q *Query) matches(e scanned) (yes, closed bool) {
	l := e.leaf
	if len(q.Types) > 0 && !slices.Contains(q.Types, l.Type) || q.Client != "" && q.Client != l.Token.Client || !q.inTime(l) {
		return false, false
	}
	o := e.opening
	if o == nil {
		o = &Opening{}
	}
	for _, asked := range []struct {
		value, committed, salt string
		commit                 func(Salt, string) string
	}{
		{q.Thumbprint, l.Binding.Key, o.KeySalt, KeyCommitment},
		{q.Account, l.Token.Account, o.AccountSalt, AccountCommitment},
		{q.TokenID, l.Token.ID, o.TokenSalt, TokenCommitment},
	} {
		switch {
		case asked.value == "":
			continue
		case asked.committed == "":
			return false, false
		case asked.committed == l.Binding.Key && l.Binding.clear():
			if asked.committed != asked.value {
				return false, false
			}
			continue
		}
		salt, err := ParseSalt(asked.salt)
		if err != nil {
			return false, true
		}
		if asked.commit(salt, asked.value) != asked.committed {
			return false, false
		}
	}
	return true, false
}

// clear reports whether the thumbprint itself was logged.
func (b *LeafBinding) clear() bool { return strings.HasSuffix(string(b.Method), "-clear") }

func (q *Query) inTime(l *Leaf) bool {
	at := utc(l.Time)
	return (q.Since.IsZero() || !at.Before(q.Since)) && (q.Until.IsZero() || at.Before(q.Until))
}
