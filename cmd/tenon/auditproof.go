package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenon-auth/tenon/audit"
	"github.com/tenon-auth/tenon/dpop"
)

// proofFlags say how the DPoP proofs are judged that a log kept.
type proofFlags struct{ urls []string }

func (p *proofFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&p.urls, "token-endpoint", nil, "`URL` at which tokens are issued, which kept proofs must be for; may be repeated")
}

func (p *proofFlags) rules() audit.ProofRules {
	return audit.ProofRules{Check: checkKeptProof, URLs: p.urls}
}

// proofWindow is how far from the time of the check a proof may be. It is the widest that package dpop knows.
const (
	proofAge   = 5 * time.Minute
	proofAhead = time.Minute
)

// checkKeptProof verifies the form and the signature of a proof as a server did when it came, and tells what it says. When and
// for what the proof was made is judged by whoever asks, who knows the entry: so the checker here is given the proof's own
// word for method, address and time.
func checkKeptProof(proof string) (thumbprint, htm, htu string, iat time.Time, err error) {
	said, err := readProof(proof)
	if err != nil {
		return "", "", "", time.Time{}, err
	}
	checker, err := dpop.NewChecker(dpop.Config{Algorithms: dpop.Algorithms(), MaxAge: proofAge, MaxAhead: proofAhead, Now: said.moment})
	if err != nil {
		return "", "", "", time.Time{}, err
	}
	checked, err := checker.Check(dpop.Request{Method: said.HTM, URL: said.target(), Proofs: []string{proof}})
	if err != nil {
		return "", "", "", time.Time{}, err
	}
	return checked.Thumbprint(), said.HTM, said.HTU, checked.IssuedAt(), nil
}

// proofClaims is what a proof says of the request that it is for.
type proofClaims struct {
	HTM string `json:"htm"`
	HTU string `json:"htu"`
	IAT int64  `json:"iat"`
	NBF int64  `json:"nbf"`
	EXP *int64 `json:"exp"`
}

// readProof reads the claims loosely. What they are worth is decided by the checker, which reads them again.
func readProof(proof string) (proofClaims, error) {
	var c proofClaims
	parts := strings.Split(proof, ".")
	if len(parts) != 3 {
		return c, errors.New("the kept proof is not a JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(payload, &c)
	}
	if err != nil {
		return c, errors.New("the kept proof cannot be read")
	}
	return c, nil
}

// moment is a time at which a server could have accepted the proof: its iat, or the nearest that nbf and exp allow. Otherwise a
// client with a strange proof could make a good log look bad.
func (c proofClaims) moment() time.Time {
	at := time.Unix(c.IAT, 0)
	if c.EXP != nil && !at.Before(time.Unix(*c.EXP, 0)) {
		at = time.Unix(*c.EXP, 0).Add(-time.Second)
	}
	if earliest := time.Unix(c.NBF, 0).Add(-proofAhead); c.NBF != 0 && at.Before(earliest) {
		at = earliest
	}
	return at
}

// target is the URL of a request that the proof is for: htu, with its dot segments resolved as no request may have them.
func (c proofClaims) target() string {
	u, err := url.Parse(strings.NewReplacer("%2e", ".", "%2E", ".").Replace(c.HTU))
	if err != nil || dpop.SameTarget(c.HTU, c.HTU) {
		return c.HTU
	}
	return u.ResolveReference(u).String()
}
