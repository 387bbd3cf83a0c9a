package audit

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// A Format is one in which entries are exported.
type Format string

// The formats.
const (
	JSONL Format = "jsonl" // one object a line: index, leaf, hash and opening
	CSV   Format = "csv"   // one row an entry, for spreadsheets
	OCSF  Format = "ocsf"  // one OCSF 1.8 event a line, for security data lakes
)

// An exporter writes matches in one format.
type exporter interface {
	write(m Match) error
	end() error
}

// Export writes what a query finds. Whatever strangers got into the log is inert in every format: no formula in a spreadsheet, no
// tag in a page, no control sequence on a terminal. The exact bytes of entries are for a bundle.
func Export(ctx context.Context, c FindConfig, format Format, w io.Writer) (*Search, error) {
	out := bufio.NewWriter(w)
	var e exporter
	switch format {
	case JSONL:
		e = &jsonExporter{w: out}
	case CSV:
		e = newCSVExporter(out)
	case OCSF:
		if c.Policy == nil {
			return nil, errors.New("audit: FindConfig.Policy is required")
		}
		e = &ocsfExporter{w: out, origin: c.Policy.Origin()}
	default:
		return nil, fmt.Errorf("audit: unknown format %q: %s, %s or %s", format, JSONL, CSV, OCSF)
	}
	search, err := Find(ctx, c, e.write)
	if err != nil {
		return nil, err
	}
	return search, errors.Join(e.end(), out.Flush())
}

// A jsonExporter writes JSON lines.
type jsonExporter struct{ w io.Writer }

// jsonRecord is one line. Leaf and Opening are written anew in ASCII: equal as JSON, not as bytes, which is why Hash is there.
type jsonRecord struct {
	Index   int64           `json:"index"`
	Hash    string          `json:"hash"` // of the exact bytes of the entry, as in the tree
	Leaf    json.RawMessage `json:"leaf"`
	Opening *Opening        `json:"opening,omitempty"`
	Related bool            `json:"related,omitempty"`
}

func (e *jsonExporter) write(m Match) error {
	return writeJSONLine(e.w, jsonRecord{m.Index, leafHash(m.Entry).String(), m.Entry, m.checkedOpening(), m.Related})
}

// checkedOpening is the opening without a detail record or proof that the entry does not commit to.
func (m *Match) checkedOpening() *Opening {
	if m.Opening == nil {
		return nil
	}
	o := *m.Opening
	if o.Nonce != "" && checkDetail(m.Index, &m.Leaf, &o) != nil {
		o.Nonce, o.Detail = "", nil
	}
	if o.Proof != "" && ProofDigest(o.Proof) != m.Leaf.Evidence.Proof {
		o.Proof = ""
	}
	return &o
}

func (e *jsonExporter) end() error { return nil }

// writeJSONLine writes a value as one line of printable ASCII.
func writeJSONLine(w io.Writer, v any) error {
	line, err := json.Marshal(v) // escapes <, > and &
	if err != nil {
		return err
	}
	_, err = w.Write(append(asciiJSON(line), '\n'))
	return err
}

// asciiJSON escapes what is not printable ASCII. Outside of strings JSON has nothing of that sort.
func asciiJSON(data []byte) []byte {
	out := make([]byte, 0, len(data)+len(data)/8)
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		switch {
		case r >= 0x20 && r < 0x7f:
			out = append(out, data[0])
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		data = data[n:]
	}
	return out
}
