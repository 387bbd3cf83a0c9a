package demo

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/client"
)

// A receipt is what the shop shows of a payment: the token it was paid with, what the token is bound to, and its entry in the
// binding log, as an auditor would check it.
type receipt struct {
	Outcome Outcome
	Person  string // as the ID token names them
	Token   jwtText
	Proof   jwtText
	Key     string // thumbprint of the one that the token is bound to, and that made the proof
	Entry   logEntry
	Thief   []theft
	copied  loot
}

// jwtText is a JWT that a person can read.
type jwtText struct{ Header, Payload string }

// A logEntry is the token's entry in the log, proved to be there.
type logEntry struct {
	Index   int64
	Size    int64 // of the checkpoint that vouches for it
	Leaf    string
	Checked []string
}

// A theft is what a thief with everything that went over the wire tries with it.
type theft struct {
	Title   string
	Outcome Outcome
}

// receipt waits until the token's entry is published, which takes about a second, and verifies it.
func (s *stage) receipt(ctx context.Context, o Outcome, copied loot, who *client.Identity) (*receipt, error) {
	r := &receipt{Outcome: o, copied: copied}
	if who != nil {
		r.Person = who.Subject
	}
	claims, err := claimsOf(copied.token)
	if err != nil {
		return nil, err
	}
	r.Key = claims.Confirmation.JKT
	if r.Token, err = readable(copied.token); err != nil {
		return nil, err
	}
	if r.Proof, err = readable(copied.proof); err != nil {
		return nil, err
	}
	r.Entry, err = s.entryOf(ctx, copied.token, claims.Log.Index)
	return r, err
}

// entryOf verifies a token against the log as it lies on the disk.
func (s *stage) entryOf(ctx context.Context, token string, index uint64) (logEntry, error) {
	log, err := s.issuerLog()
	if err != nil {
		return logEntry{}, err
	}
	if err := log.await(ctx, index); err != nil {
		return logEntry{}, err
	}
	source, err := audit.OpenDir(log.dir)
	if err != nil {
		return logEntry{}, err
	}
	defer source.Close()
	report, err := audit.VerifyToken(ctx, audit.TokenConfig{Policy: log.policy, Token: token, Source: source})
	if err != nil {
		return logEntry{}, err
	}
	e := logEntry{Index: report.Index, Size: report.Size, Checked: report.Checked}
	for _, f := range report.Findings {
		e.Checked = append(e.Checked, "found: "+f.Error())
	}
	_, _, entries, err := log.bundle(int64(index))
	if err != nil {
		return logEntry{}, err
	}
	e.Leaf = indented(entries[index%audit.TileWidth])
	return e, nil
}

// steal tries what a thief could: everything that went over the wire is known to him.
func (s *stage) steal(ctx context.Context, r *receipt) ([]theft, error) {
	var tried []theft
	for _, c := range []struct {
		title string
		call  call
	}{
		{"the token alone, as Bearer", call{method: http.MethodPost, path: "/payments", scheme: "Bearer", token: r.copied.token, over: s.lines.bare}},
		{"the token with the copied proof, once more", call{method: http.MethodPost, path: "/payments", scheme: "DPoP", token: r.copied.token, proof: r.copied.proof, over: s.lines.bare}},
	} {
		outcome, err := s.send(ctx, c.call)
		if err != nil {
			return nil, err
		}
		tried = append(tried, theft{c.title, outcome})
	}
	return tried, nil
}

// readable takes a JWT apart.
func readable(token string) (jwtText, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return jwtText{}, fmt.Errorf("not a JWT: %d parts", len(parts))
	}
	var texts [2]string
	for i := range texts {
		data, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return jwtText{}, err
		}
		texts[i] = indented(data)
	}
	return jwtText{texts[0], texts[1]}, nil
}

func indented(data []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, data, "", "  ") != nil {
		return string(data)
	}
	return b.String()
}
