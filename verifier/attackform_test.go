package verifier_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// An attack is one file of testdata/attacks. testdata/attacks/README.md explains the form to whoever adds one.
type attack struct {
	ID       string       `json:"id"`       // of the list in attacks_test.go, such as H01
	Name     string       `json:"name"`     // what is sent
	Seen     string       `json:"seen"`     // the clause it breaks, or where it has happened
	Decision string       `json:"decision"` // what was decided where the specifications leave a choice
	Config   attackConfig `json:"config"`
	Steps    []attackStep `json:"steps"`
	attackStep
}

// An attackConfig changes the verifier that is attacked. The zero value accepts DPoP keys and certificates, asks for no nonce and has
// a working memory.
type attackConfig struct {
	Origin     string `json:"origin"`      // instead of https://api.example.com
	DPoP       string `json:"dpop"`        // "off"
	Nonces     string `json:"nonces"`      // "require", "offer" or "none" (only while a fence is up); empty: not looked at
	Replays    string `json:"replays"`     // "down" or "full"
	Revocation string `json:"revocation"`  // "down" or "revoked"
	Keys       string `json:"keys"`        // "down" or "withdrawn"
	Certs      string `json:"certificate"` // "off"
	Algorithms string `json:"algorithms"`  // the one algorithm accepted in tokens
	Opaque     string `json:"opaque"`      // opaque tokens are taken: "on", "down", or "gullible" (the issuer calls everything active)
}

// An attackStep is one request, or several at once, and what must come of it.
type attackStep struct {
	Clock    string        `json:"clock"`    // of the verifier, after the start: "+61s"
	Before   string        `json:"before"`   // "restart": the verifier starts anew with an empty memory and a fence of nonces
	Verifier int           `json:"verifier"` // which of the two that share a memory is asked: 0 or 1
	Parallel int           `json:"parallel"` // how many send it at the same time
	Request  attackRequest `json:"request"`
	Expect   attackExpect  `json:"expect"`
}

// An attackRequest changes the good request: POST /payments with a token bound to the client's key and a fresh proof.
type attackRequest struct {
	Again       int         `json:"again"` // the step, from 1, whose token and proof are sent once more
	Method      string      `json:"method"`
	Target      string      `json:"target"`
	Host        string      `json:"host"`
	SNI         string      `json:"sni"`
	Scheme      string      `json:"scheme"` // of the Authorization field
	Token       *forgery    `json:"token"`
	Proof       *forgery    `json:"proof"`
	Lines       [][2]string `json:"lines"` // header lines in place of Authorization and DPoP
	Add         [][2]string `json:"add"`   // header lines besides
	Certificate string      `json:"certificate"`
	Body        string      `json:"body"`
}

// An attackExpect is the verdict.
type attackExpect struct {
	Accept   bool   `json:"accept"`
	Accepted int    `json:"accepted"` // of the parallel ones
	Status   int    `json:"status"`
	Error    string `json:"error"`
	Check    string `json:"check"`   // the Reason of the refusal
	NetHTTP  int    `json:"nethttp"` // net/http refuses the bytes with this status, so that only the core gets to judge them
}

// base is when every attack starts.
var base = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// loadAttacks reads every attack. A file that does not say what it means fails the test.
func loadAttacks(t *testing.T) map[string]attack {
	t.Helper()
	files, err := filepath.Glob("testdata/attacks/*.json")
	if err != nil {
		t.Fatal(err)
	}
	attacks := map[string]attack{}
	for _, file := range files {
		a, err := readAttack(file)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		attacks[filepath.Base(file)] = a
	}
	return attacks
}

func readAttack(file string) (attack, error) {
	var a attack
	data, err := os.ReadFile(file)
	if err != nil {
		return a, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return a, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return a, errors.New("data after the object")
	}
	if a.ID == "" || a.Name == "" || a.Seen == "" {
		return a, errors.New("id, name or seen is missing")
	}
	if len(a.Steps) == 0 {
		a.Steps = []attackStep{a.attackStep}
	}
	for i, step := range a.Steps {
		if err := step.check(); err != nil {
			return a, fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return a, nil
}

// check refuses an expectation that could be met by accident.
func (s attackStep) check() error {
	e := s.Expect
	if e.Accept || s.Parallel > 0 && e.Accepted == s.Parallel {
		if e.Error != "" || e.Check != "" {
			return errors.New("accepted, and yet it expects an error")
		}
		return nil
	}
	if e.Check == "" || e.Status == 0 {
		return errors.New("refused, and yet status or check is missing")
	}
	return nil
}

// at gives the verifier's time in this step.
func (s attackStep) at() (time.Time, error) {
	if s.Clock == "" {
		return base, nil
	}
	d, err := time.ParseDuration(s.Clock)
	return base.Add(d), err
}
