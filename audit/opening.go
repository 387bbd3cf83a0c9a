package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tenon-auth/tenon/store"
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

// openings is the side table of entries whose tile is not full yet. The record of a Change is named by its first leaf, and
// Index counts from there.
var openings = store.Collection[[]Opening]{Kind: "openings"}

// empty reports whether there is nothing to open.
func (o *Opening) empty() bool {
	return o.KeySalt == "" && o.TokenSalt == "" && o.AccountSalt == "" && o.Nonce == "" && o.Proof == ""
}

// FormatOpenings writes openings one a line, as they stand in the files of the log.
func FormatOpenings(all []Opening) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // a detail must keep its bytes
	for _, o := range all {
		if err := e.Encode(o); err != nil {
			return nil, fmt.Errorf("audit: the opening of entry %d: %w", o.Index, err)
		}
	}
	return b.Bytes(), nil
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

// stash puts the opening of the leaf that is about to be the last of ch into ch: in the record that the Change has for
// openings, or in a new one.
func stash(ch *store.Change, o Opening) error {
	if o.empty() {
		return nil
	}
	o.Index = uint64(len(ch.Leaves))
	for i := range ch.Inserts {
		r := &ch.Inserts[i]
		if r.Key != (store.Key{Kind: openings.Kind}) {
			continue
		}
		var all []Opening
		if err := json.Unmarshal(r.Body, &all); err != nil {
			return fmt.Errorf("audit: the openings of a change: %w", err)
		}
		body, err := json.Marshal(append(all, o))
		if err == nil {
			r.Body = body
		}
		return err
	}
	return openings.Insert(ch, "", []Opening{o}, noExpiry)
}
