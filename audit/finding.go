package audit

import (
	"fmt"
	"strings"
)

// The names of what a verification can find. They are part of the interface: auditors' scripts compare them.
const (
	Rollback         = "ROLLBACK"           // the log is shorter than it was when it was seen before
	MissingIndex     = "MISSING_INDEX"      // a token names an entry that the log does not have
	LeafMismatch     = "LEAF_MISMATCH"      // an entry's bytes are not those that the tree was made of
	Fork             = "FORK"               // two signed checkpoints that cannot be of one history
	TimeOutOfBounds  = "TIME_OUT_OF_BOUNDS" // an entry's time is not within what the witnesses saw
	SplitView        = "SPLIT_VIEW"         // two signed checkpoints of one size with two roots
	Stale            = "STALE"              // the newest checkpoint is too old
	OriginMismatch   = "ORIGIN_MISMATCH"    // a checkpoint or a token of another log
	UntrustedKey     = "UNTRUSTED_KEY"      // signed with a key that nobody vouches for
	QuorumNotMet     = "QUORUM_NOT_MET"     // too few witnesses
	TileTorn         = "TILE_TORN"          // a tile is missing, cut, too long or not the hash of what is below it
	TimeStep         = "TIME_STEP"          // the clock moved and no entry says so
	LoggingGap       = "LOGGING_GAP"        // heartbeats are missing
	UnloggedToken    = "UNLOGGED_TOKEN"     // a token that no issuance stands for
	ClaimsMismatch   = "CLAIMS_MISMATCH"    // a token says something else than its entry
	BindingMismatch  = "BINDING_MISMATCH"   // a token is bound to another key than its entry
	ProofInvalid     = "PROOF_INVALID"      // the kept proof does not support the entry
	ProofReused      = "PROOF_REUSED"       // one proof was accepted for two entries
	Redacted         = "REDACTED"           // salts or details were erased: the entry stands, its meaning is gone
	Malformed        = "MALFORMED"          // bytes that are not what they should be at all
	UseAfterRevoked  = "USED_AFTER_REVOKED" // a resource server accepted a token after its revocation
	BundleIncomplete = "BUNDLE_INCOMPLETE"  // a bundle does not hold what its manifest says
)

// Exit codes of the auditor's commands.
const (
	ExitClean     = 0
	ExitIntegrity = 1
	ExitStale     = 4 // stale, or no quorum
)

// A Finding is one thing that is wrong, or erased. As an error it is what a function found that looks at a single thing.
type Finding struct {
	Name     string   `json:"name"`
	Index    int64    `json:"index"`          // the entry, or -1
	Also     []int64  `json:"also,omitempty"` // other entries that take part
	Path     string   `json:"path,omitempty"` // the file in the log
	Detail   string   `json:"detail"`
	Repair   string   `json:"repair,omitempty"`   // how it can be put right, where it can
	Evidence []string `json:"evidence,omitempty"` // files that were saved
}

// Error describes the finding in one line. It is safe on a terminal.
func (f *Finding) Error() string {
	var where []string
	if f.Index >= 0 {
		where = append(where, fmt.Sprintf("entry %d", f.Index))
	}
	if f.Path != "" {
		where = append(where, Inert(strings.Replace(f.Path, "tile/", "tile ", 1)))
	}
	line := f.Name
	if len(where) > 0 {
		line += " " + strings.Join(where, ", ")
	}
	if f.Detail != "" {
		line += ": " + Inert(f.Detail)
	}
	if f.Repair != "" {
		line += " (" + Inert(f.Repair) + ")"
	}
	return line
}

// Exit is the exit code that the finding alone gives.
func (f *Finding) Exit() int {
	switch f.Name {
	case Redacted:
		return ExitClean
	case Stale, QuorumNotMet:
		return ExitStale
	}
	return ExitIntegrity
}

// exitCode is what a list of findings amounts to: an integrity finding weighs more than an old checkpoint.
func exitCode(findings []Finding) int {
	code := ExitClean
	for i := range findings {
		switch findings[i].Exit() {
		case ExitIntegrity:
			return ExitIntegrity
		case ExitStale:
			code = ExitStale
		}
	}
	return code
}

// found makes a finding about an entry; index is -1 for none.
func found(name string, index int64, format string, args ...any) *Finding {
	return &Finding{Name: name, Index: index, Detail: fmt.Sprintf(format, args...)}
}

// at tells the file.
func (f *Finding) at(path string) *Finding {
	f.Path = path
	return f
}

// Inert makes text harmless on a terminal: control characters, also those of direction and invisible ones, become "?".
func Inert(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < 0x20, r >= 0x7f && r < 0xa0, // C0, DEL, C1
			r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f, // zero width, line ends, direction
			r == 0x061c, r == 0xfeff, r == 0xfffd, r >= 0xe0000 && r <= 0xe007f:
			return '?'
		}
		return r
	}, s)
}
