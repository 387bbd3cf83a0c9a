package audit

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A Checkpoint says how many entries a log has and what they hash to. Whoever signs it can never show another log of that size.
type Checkpoint struct {
	Origin string    // the log's name, which is also the name of its key
	Size   int64     // how many entries
	Root   tlog.Hash // RFC 6962 tree hash over them
}

// maxCheckpoint bounds a checkpoint with all its signatures.
const maxCheckpoint = 64 << 10

// Format gives the text that is signed: origin, size and root, one a line (C2SP tlog-checkpoint).
func (c Checkpoint) Format() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
}

// ParseCheckpoint reads what Format wrote. Extension lines, which the format allows, are refused: Tenon has no use for them, and
// what is not understood must not be passed on as checked.
func ParseCheckpoint[T string | []byte](text T) (Checkpoint, error) {
	lines := strings.Split(string(text), "\n")
	if len(lines) != 4 || lines[3] != "" {
		return Checkpoint{}, fmt.Errorf("%w: a checkpoint has three lines", ErrMalformed)
	}
	if !IsOrigin(lines[0]) {
		return Checkpoint{}, fmt.Errorf("%w: the origin %q", ErrMalformed, lines[0])
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || size > largest || strconv.FormatInt(size, 10) != lines[1] {
		return Checkpoint{}, fmt.Errorf("%w: the size %q", ErrMalformed, lines[1])
	}
	root, err := parseHash(lines[2])
	if err != nil {
		return Checkpoint{}, err
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: root}, nil
}

// parseHash reads 44 characters of base64, in the one way in which they are written.
func parseHash(text string) (tlog.Hash, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != tlog.HashSize || len(text) != 44 { // encoding/base64 skips line ends
		return tlog.Hash{}, fmt.Errorf("%w: the hash %q", ErrMalformed, text)
	}
	return tlog.Hash(raw), nil
}

// IsOrigin reports whether s may name a log: a key name of a signed note (C2SP signed-note) in printable ASCII of at most 255
// characters, by convention a domain and a path without a scheme.
func IsOrigin(s string) bool {
	if s == "" || len(s) > 255 || strings.Contains(s, "+") {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// OpenSigned reads a signed checkpoint. At least one signature must be by one of the given verifiers; the Note has those that
// are. It does not say whether they are enough: that is a matter of policy.
func OpenSigned(signed []byte, known note.Verifiers) (Checkpoint, *note.Note, error) {
	if len(signed) > maxCheckpoint {
		return Checkpoint{}, nil, fmt.Errorf("%w: a checkpoint of %d bytes", ErrMalformed, len(signed))
	}
	n, err := note.Open(signed, known)
	if err != nil {
		return Checkpoint{}, nil, fmt.Errorf("audit: checkpoint: %w", err)
	}
	c, err := ParseCheckpoint(n.Text)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	return c, n, nil
}
