package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// An Opening is what a leaf commits to without saying it: the side table of the log. Whoever is given the opening of an entry can
// check it against the leaf; without it the leaf says nothing about a person or a key. An opening may be deleted, and then the
// leaf keeps its place and loses its meaning.
//
// The salt of a key is in the opening of each leaf about that key, so that a search through openings is complete by itself.
type Opening struct {
	Index       uint64          `json:"i"`            // of the entry
	KeySalt     string          `json:"ks,omitempty"` // opens kc
	TokenSalt   string          `json:"js,omitempty"` // opens jc
	AccountSalt string          `json:"as,omitempty"` // opens ac
	Nonce       string          `json:"dn,omitempty"` // with Detail opens dc
	Detail      json.RawMessage `json:"d,omitempty"`  // an object; the very bytes that dc commits to
	Proof       string          `json:"p,omitempty"`  // the DPoP proof; its digest is pd
}

const (
	maxDetail  = 16 << 10
	maxKept    = 16 << 10 // of a proof
	maxOpening = maxDetail + 6*maxKept + 512
)

// empty reports whether there is nothing to open.
func (o *Opening) empty() bool {
	return o.KeySalt == "" && o.TokenSalt == "" && o.AccountSalt == "" && o.Nonce == "" && o.Proof == ""
}

// FormatOpenings writes openings one a line, as they stand in the files of the log.
func FormatOpenings(all []Opening) ([]byte, error) {
	var b []byte
	for _, o := range all {
		var err error
		if b, err = o.appendLine(b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

const lineStart = `{"i":`

// appendLine writes one line.
func (o *Opening) appendLine(b []byte) ([]byte, error) {
	if len(o.Detail) > 0 && (!json.Valid(o.Detail) || bytes.IndexByte(o.Detail, '\n') >= 0) {
		return nil, fmt.Errorf("audit: the detail of entry %d is not JSON on one line", o.Index)
	}
	return o.appendRest(appendLineStart(b, o.Index)), nil
}

// appendLineStart writes a line as far as it depends on where the entry is.
func appendLineStart(b []byte, index uint64) []byte {
	return strconv.AppendUint(append(b, lineStart...), index, 10)
}

// room is about how many bytes the line has.
func (o *Opening) room() int { return 5*(digestLength+8) + len(o.Detail) + len(o.Proof) + 16 }

// appendRest writes what follows in the line. This is what the store keeps beside a leaf, whose index is not known before. It does
// what encoding/json would, but leaves the bytes of the detail alone: the leaf commits to them.
func (o *Opening) appendRest(b []byte) []byte {
	b = appendText(b, `,"ks":`, o.KeySalt)
	b = appendText(b, `,"js":`, o.TokenSalt)
	b = appendText(b, `,"as":`, o.AccountSalt)
	b = appendText(b, `,"dn":`, o.Nonce)
	if len(o.Detail) > 0 {
		b = append(append(b, `,"d":`...), o.Detail...)
	}
	b = appendText(b, `,"p":`, o.Proof)
	return append(b, "}\n"...)
}

// appendText writes a member unless it is empty.
func appendText(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	b = append(b, name...)
	if isPlain(text) {
		return append(append(append(b, '"'), text...), '"')
	}
	quoted, _ := json.Marshal(text) // a string always has a form
	return append(b, quoted...)
}

// ParseOpenings reads what FormatOpenings wrote: entries in rising order, each at most once.
func ParseOpenings(data []byte) ([]Opening, error) {
	var all []Opening
	for len(data) > 0 {
		line, rest, ended := bytes.Cut(data, []byte("\n"))
		if !ended {
			return nil, fmt.Errorf("%w: the openings end within line %d", ErrMalformed, len(all)+1)
		}
		o, err := parseOpening(line)
		if err != nil {
			return nil, fmt.Errorf("%w: line %d of the openings: %w", ErrMalformed, len(all)+1, err)
		}
		if len(all) > 0 && o.Index <= all[len(all)-1].Index {
			return nil, fmt.Errorf("%w: the opening of entry %d is out of order", ErrMalformed, o.Index)
		}
		all, data = append(all, o), rest
	}
	return all, nil
}

func parseOpening(line []byte) (Opening, error) {
	if len(line) > maxOpening {
		return Opening{}, fmt.Errorf("%d bytes", len(line))
	}
	var o Opening
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		return Opening{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Opening{}, errors.New("there is more after the opening")
	}
	return o, nil
}
