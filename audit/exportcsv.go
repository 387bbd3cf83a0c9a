package audit

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
)

// csvColumns is the head of the table. Columns are only ever added at the end.
var csvColumns = []string{
	"index", "time", "type", "outcome", "reason", "binding", "key", "token", "claims", "account", "client", "audience", "scope",
	"expires", "key_id", "proof", "about", "detail_commitment", "count", "from", "to", "detail",
}

// A csvExporter writes a table (RFC 4180).
type csvExporter struct {
	w     *csv.Writer
	began bool
}

func newCSVExporter(w io.Writer) *csvExporter {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	return &csvExporter{w: c}
}

func (e *csvExporter) write(m Match) error {
	if err := e.begin(); err != nil {
		return err
	}
	l := &m.Leaf
	row := []string{
		strconv.FormatInt(m.Index, 10), stamp(l.Time), string(l.Type), string(l.Outcome), l.Reason, string(l.Binding.Method),
		l.Binding.Key, l.Token.ID, l.Token.Claims, l.Token.Account, l.Token.Client, l.Token.Audience, l.Token.Scope,
		"", l.Token.KeyID, l.Evidence.Proof, "", l.Evidence.Detail, "", "", "", "",
	}
	if l.Token.Expires != 0 {
		row[13] = stamp(l.Token.Expires * 1000)
	}
	if l.Evidence.About != nil {
		row[16] = strconv.FormatUint(*l.Evidence.About, 10)
	}
	if l.Span != (LeafSpan{}) {
		row[18], row[19], row[20] = strconv.FormatInt(l.Span.Count, 10), stamp(l.Span.From), stamp(l.Span.To)
	}
	if detail := event(m).Detail; detail != nil {
		row[21] = string(detail)
	}
	for i := range row {
		row[i] = csvCell(row[i])
	}
	return e.w.Write(row)
}

func (e *csvExporter) begin() error {
	if e.began {
		return nil
	}
	e.began = true
	return e.w.Write(csvColumns)
}

func (e *csvExporter) end() error {
	if err := e.begin(); err != nil {
		return err
	}
	e.w.Flush()
	return e.w.Error()
}

// csvCell keeps a spreadsheet from taking text for a formula: an apostrophe goes before anything that could begin one, also
// behind spaces, in full width, or behind a separator that the reader may take for the end of a cell. Control characters and
// line ends become "?".
func csvCell(s string) string {
	s = Inert(s)
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(",;|\"' ", r) }) {
		if strings.ContainsAny(part[:1], "=+-@") || strings.HasPrefix(part, "＝") || strings.HasPrefix(part, "＋") ||
			strings.HasPrefix(part, "－") || strings.HasPrefix(part, "＠") {
			return "'" + s
		}
	}
	return s
}
