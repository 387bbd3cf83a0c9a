package audit

import (
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// A Report is what a verification of a log came to. It says what was checked, and with equal weight what was not.
type Report struct {
	Origin     string    `json:"origin"`
	Size       int64     `json:"size"`
	Root       tlog.Hash `json:"root"`
	Witnesses  Witnessed `json:"witnesses"`
	Times      Times     `json:"times"`
	Counts     Counts    `json:"counts"`
	Findings   []Finding `json:"findings"`
	Notes      []string  `json:"notes"`
	NotChecked []string  `json:"notChecked"`
}

// Witnessed is what the witnesses stand for. Entries from Size on have been seen by nobody else yet.
type Witnessed struct {
	Quorum
	Size int64      `json:"size"`         // of the newest checkpoint that has a quorum
	At   *time.Time `json:"at,omitempty"` // when a quorum had seen it
}

// Times are those of the log, as it tells them, and the age of its newest checkpoint.
type Times struct {
	First *time.Time     `json:"first,omitempty"` // of the first entry
	Last  *time.Time     `json:"last,omitempty"`  // of the newest entry
	Age   *time.Duration `json:"ageNanoseconds,omitempty"`
}

// Counts tells how much was looked at.
type Counts struct {
	Leaves     int64            `json:"leaves"`     // hashed
	Parsed     int64            `json:"parsed"`     // and found well-formed
	Bytes      int64            `json:"bytes"`      // of entries
	Tiles      int64            `json:"tiles"`      // compared
	Archived   int64            `json:"archived"`   // earlier checkpoints compared
	InWindow   int64            `json:"inWindow"`   // entries whose time was held against witnesses
	Opened     int64            `json:"opened"`     // commitments opened
	Proofs     int64            `json:"proofs"`     // kept proofs verified
	Erased     int64            `json:"erased"`     // entries whose openings are gone
	Summarized int64            `json:"summarized"` // events that have no entry of their own but are counted in one
	ByType     map[string]int64 `json:"byType"`
	More       map[string]int64 `json:"more,omitempty"` // findings beyond those listed, by name
}

// Exit is the exit code of the auditor's command: 0 clean, 1 integrity, 4 stale or no quorum.
func (r *Report) Exit() int { return exitCode(r.Findings) }

// Clean reports whether nothing was found that is wrong.
func (r *Report) Clean() bool { return r.Exit() == ExitClean }

// maxListed is how many findings of one name a report lists. The others are counted.
const maxListed = 100

// add lists findings.
func (r *Report) add(findings ...*Finding) {
	for _, f := range findings {
		if r.listed(f.Name) < maxListed {
			r.Findings = append(r.Findings, *f)
			continue
		}
		if r.Counts.More == nil {
			r.Counts.More = map[string]int64{}
		}
		r.Counts.More[f.Name]++
	}
}

func (r *Report) listed(name string) int {
	n := 0
	for i := range r.Findings {
		if r.Findings[i].Name == name {
			n++
		}
	}
	return n
}

func (r *Report) notef(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

func (r *Report) unchecked(what string) { r.NotChecked = append(r.NotChecked, what) }

// What no verification of a log can tell. It is printed with every report.
const (
	limitComplete = "whether everything that happened was logged: a log proves what is in it"
	limitTruth    = "whether what was logged is true: identities, subjects and addresses are the issuer's word"
)

// utc gives a time in milliseconds as reports show it.
func utc(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// stamp writes a time of the log.
func stamp(ms int64) string { return utc(ms).Format("2006-01-02T15:04:05.000Z") }
