package audit

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// A Receipt shows that an entry is in the log that a checkpoint describes. It does not hold the entry.
type Receipt struct {
	Index      int64            // of the entry
	Proof      tlog.RecordProof // from the entry's hash to the root
	Checkpoint []byte           // as signed
}

const (
	receiptHeader = "c2sp.org/tlog-proof@v1"
	maxReceipt    = maxCheckpoint + 8<<10
	maxProof      = 63 // no tree is deeper
)

// FormatReceipt writes a receipt (C2SP tlog-proof): index and hashes one a line, an empty line, the signed checkpoint.
func FormatReceipt(r Receipt) []byte {
	b := fmt.Appendf(nil, "%s\nindex %d\n", receiptHeader, r.Index)
	for _, h := range r.Proof {
		b = fmt.Appendf(b, "%s\n", h)
	}
	return append(append(b, '\n'), r.Checkpoint...)
}

// ParseReceipt reads what FormatReceipt wrote. Nothing in it has been checked. Extra data, which the format allows, is refused.
func ParseReceipt(data []byte) (Receipt, error) {
	if len(data) > maxReceipt {
		return Receipt{}, fmt.Errorf("%w: a receipt of %d bytes", ErrMalformed, len(data))
	}
	head, signed, found := strings.Cut(string(data), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 2 || lines[0] != receiptHeader {
		return Receipt{}, fmt.Errorf("%w: not a receipt (%s)", ErrMalformed, receiptHeader)
	}
	text, ok := strings.CutPrefix(lines[1], "index ")
	index, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil || index < 0 || index > largest || strconv.FormatInt(index, 10) != text {
		return Receipt{}, fmt.Errorf("%w: %q should be the index of a receipt", ErrMalformed, lines[1])
	}
	if len(lines)-2 > maxProof {
		return Receipt{}, fmt.Errorf("%w: a receipt of %d hashes", ErrMalformed, len(lines)-2)
	}
	r := Receipt{Index: index, Checkpoint: []byte(signed)}
	for _, line := range lines[2:] {
		h, err := parseHash(line)
		if err != nil {
			return Receipt{}, err
		}
		r.Proof = append(r.Proof, h)
	}
	return r, nil
}
