package audit

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// An AddCheckpoint is what a log sends to a witness: a signed checkpoint, and the proof that it extends the one that the witness
// cosigned last (C2SP tlog-witness, add-checkpoint).
type AddCheckpoint struct {
	Old    int64          // size of the checkpoint that the witness cosigned last; 0 when there is none
	Proof  tlog.TreeProof // RFC 6962 §2.1.2, from Old to the checkpoint; empty when Old is 0 or the checkpoint's own size
	Signed []byte         // the checkpoint with the log's signature
}

// maxAddCheckpoint bounds a request: the line with the size, the proof, the empty line and the checkpoint.
const maxAddCheckpoint = maxCheckpoint + 64*45

// Format writes the body of a request: old size and hashes one a line, an empty line, the checkpoint.
func (a AddCheckpoint) Format() []byte {
	b := fmt.Appendf(nil, "old %d\n", a.Old)
	for _, h := range a.Proof {
		b = fmt.Appendf(b, "%s\n", h)
	}
	return append(append(b, '\n'), a.Signed...)
}

// ParseAddCheckpoint reads what Format wrote. Nothing in it has been checked.
func ParseAddCheckpoint(body []byte) (AddCheckpoint, error) {
	if len(body) > maxAddCheckpoint {
		return AddCheckpoint{}, fmt.Errorf("%w: a request of %d bytes", ErrMalformed, len(body))
	}
	head, signed, found := strings.Cut(string(body), "\n\n")
	lines := strings.Split(head, "\n")
	text, ok := strings.CutPrefix(lines[0], "old ")
	if !found || !ok {
		return AddCheckpoint{}, fmt.Errorf("%w: a request begins with the old size and has an empty line before the checkpoint", ErrMalformed)
	}
	old, err := parseSize(text)
	if err != nil {
		return AddCheckpoint{}, err
	}
	if len(lines)-1 > maxProof { // C2SP tlog-witness: at most 63 lines
		return AddCheckpoint{}, fmt.Errorf("%w: a proof of %d hashes", ErrMalformed, len(lines)-1)
	}
	a := AddCheckpoint{Old: old, Signed: []byte(signed)}
	for _, line := range lines[1:] {
		h, err := parseHash(line)
		if err != nil {
			return AddCheckpoint{}, err
		}
		a.Proof = append(a.Proof, h)
	}
	return a, nil
}

// parseSize reads a number of entries: decimal, without leading zeros.
func parseSize(text string) (int64, error) {
	size, err := strconv.ParseInt(text, 10, 64)
	if err != nil || size < 0 || size > largest || strconv.FormatInt(size, 10) != text {
		return 0, fmt.Errorf("%w: the size %q", ErrMalformed, text)
	}
	return size, nil
}
