package audit

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tenon-auth/tenon"
)

// A TokenConfig says which access token is verified, and with what.
type TokenConfig struct {
	// Policy says whose signatures count. Required.
	Policy *Policy
	// Token is a JWT access token, or the JSON of its claims. Required.
	Token string
	// Entry and Receipt show the token's entry to be in the log. They may be left out when there is a Source.
	Entry, Receipt []byte
	// Source is the log. With it entry, receipt and opening are looked up, and other uses of the kept proof are searched for.
	Source Source
	// Opening opens the entry's commitments. Nil takes it from the Source.
	Opening *Opening
	// Level is what the receipt must reach. 0 means L2 when the policy has witnesses, else L1.
	Level Level
	// Proofs says how the kept proof is judged.
	Proofs ProofRules
	// CheckSignature verifies the token's own signature. Nil leaves it unverified, and the report says so.
	CheckSignature func(token string) error
	// Evidence is a directory for the bytes that findings stand on, the token among them. "" keeps none.
	Evidence string
}

// A TokenReport is what the verification of a token came to.
type TokenReport struct {
	Origin     string    `json:"origin"`
	Index      int64     `json:"index"` // of its entry, or -1
	Size       int64     `json:"size"`  // of the checkpoint that vouches for it
	Root       tlog.Hash `json:"root"`
	Witnesses  Quorum    `json:"witnesses"`
	Level      Level     `json:"level"`
	Checked    []string  `json:"checked"`
	Findings   []Finding `json:"findings"`
	NotChecked []string  `json:"notChecked"`
}

// Exit is the exit code of the auditor's command.
func (r *TokenReport) Exit() int { return exitCode(r.Findings) }

// VerifyToken checks that a token was issued on the record: that it names an entry of the log, that the entry is proved to be in
// it, and that what the entry says is what the token says: its claims, its key, and the proof that its client gave. An error
// means that this could not be told.
func VerifyToken(ctx context.Context, c TokenConfig) (*TokenReport, error) {
	if c.Policy == nil || c.Token == "" {
		return nil, errors.New("audit: TokenConfig.Policy and Token are required")
	}
	if c.Level == 0 {
		c.Level = L1
		if c.Policy.quorum != nil {
			c.Level = L2
		}
	}
	v := &tokenCheck{c: &c, r: &TokenReport{Origin: c.Policy.Origin(), Index: -1, Checked: []string{}, Findings: []Finding{}}}
	v.r.NotChecked = []string{limitTruth}
	err := v.run(ctx)
	if f, ok := errors.AsType[*Finding](err); ok {
		return v.r, v.report(f)
	}
	return v.r, err
}

// A tokenCheck is one run of VerifyToken.
type tokenCheck struct {
	c       *TokenConfig
	r       *TokenReport
	payload []byte
	claims  tenon.Claims
	entry   []byte
	leaf    Leaf
	opening Opening
	opens   bool // the opening is at hand
}

// run is the order of the checks. A finding that makes the others meaningless is returned; the others are collected.
func (v *tokenCheck) run(ctx context.Context) error {
	if err := v.readClaims(); err != nil {
		return err
	}
	if err := v.checkSignature(); err != nil {
		return err
	}
	if v.claims.Log == nil {
		return found(UnloggedToken, -1, "the token names no entry of a log (claim tlog)")
	}
	v.r.Index = int64(v.claims.Log.Index) // package tenon reads no index that would not fit
	if v.claims.Log.Origin != v.c.Policy.Origin() {
		return found(OriginMismatch, v.r.Index, "the token names the log %q, the policy is for %q", v.claims.Log.Origin, v.c.Policy.Origin())
	}
	if err := v.proveEntry(ctx); err != nil {
		return err
	}
	if !issuance(&v.leaf) {
		return found(UnloggedToken, v.r.Index, "the entry is %s (%s) and stands for no token", v.leaf.Type, v.leaf.Outcome)
	}
	if err := v.open(ctx); err != nil {
		return err
	}
	if err := v.compare(); err != nil {
		return err
	}
	return v.proof(ctx)
}

// readClaims takes the claims out of the token as they stand there.
func (v *tokenCheck) readClaims() error {
	v.payload = []byte(v.c.Token)
	if !strings.HasPrefix(strings.TrimSpace(v.c.Token), "{") {
		parts := strings.Split(strings.TrimSpace(v.c.Token), ".")
		if len(parts) != 3 {
			return found(Malformed, -1, "this is neither a JWT nor the JSON of its claims")
		}
		payload, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
		if err != nil {
			return found(Malformed, -1, "the claims of the token are not base64url")
		}
		v.payload = payload
	}
	if err := v.claims.UnmarshalJSON(v.payload); err != nil {
		return found(Malformed, -1, "the claims of the token: %v", err)
	}
	return nil
}

func (v *tokenCheck) checkSignature() error {
	if v.c.CheckSignature == nil {
		v.r.NotChecked = append(v.r.NotChecked, "the token's own signature: no key to verify it with was given")
		return nil
	}
	if err := v.c.CheckSignature(strings.TrimSpace(v.c.Token)); err != nil {
		return found(Malformed, -1, "the signature of the token: %v", err)
	}
	v.checked("the token's signature")
	return nil
}

func (v *tokenCheck) checked(what string) { v.r.Checked = append(v.r.Checked, what) }

// proveEntry gets the entry and shows that it is in the log.
func (v *tokenCheck) proveEntry(ctx context.Context) error {
	entry, receipt := v.c.Entry, v.c.Receipt
	if entry == nil || receipt == nil {
		if v.c.Source == nil {
			return errors.New("audit: to verify a token, its entry and receipt are needed, or the log")
		}
		var err error
		if entry, receipt, err = v.lookUp(ctx, entry, receipt); err != nil {
			return err
		}
	}
	v.entry = entry
	proven, err := VerifyReceipt(v.c.Policy, entry, receipt, v.c.Level)
	if err != nil {
		return err
	}
	if proven.Index != v.r.Index {
		return found(UnloggedToken, v.r.Index, "the receipt is for entry %d", proven.Index)
	}
	c := proven.Head.Checkpoint
	v.leaf, v.r.Size, v.r.Root, v.r.Witnesses, v.r.Level = proven.Leaf, c.Size, c.Root, proven.Head.Quorum, proven.Level
	v.checked(fmt.Sprintf("the entry is in the log (receipt, level %d)", proven.Level))
	return nil
}

// lookUp reads what was not given from the log: at the newest checkpoint, or at the newest archived one that witnesses cosigned
// when that is what is asked for.
func (v *tokenCheck) lookUp(ctx context.Context, entry, receipt []byte) ([]byte, []byte, error) {
	r, err := NewReader(ctx, v.c.Source, v.c.Policy)
	if err != nil {
		return nil, nil, err
	}
	if entry == nil {
		if entry, err = r.Entry(ctx, v.r.Index); err != nil {
			return nil, nil, err
		}
	}
	if receipt != nil {
		return entry, receipt, nil
	}
	if v.c.Level == L2 && !r.head.Quorum.Met {
		if older, err := r.witnessed(ctx, v.c.Policy, v.r.Index); err == nil {
			r = older
		} else if !errors.Is(err, errNoWitnessed) {
			return nil, nil, err
		}
	}
	receipt, err = r.Receipt(ctx, v.r.Index)
	return entry, receipt, err
}

// open gets the opening of the entry, which may have been erased.
func (v *tokenCheck) open(ctx context.Context) error {
	if v.c.Opening != nil {
		v.opening, v.opens = *v.c.Opening, true
	} else if v.c.Source != nil {
		all, err := readOpenings(ctx, v.c.Source, v.r.Index/TileWidth)
		if errors.Is(err, ErrMalformed) || errors.Is(err, fs.ErrPermission) || errors.Is(err, ErrNotAuthorized) {
			all, err = nil, nil
		}
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(all, func(o Opening) bool { return int64(o.Index) == v.r.Index }); i >= 0 {
			v.opening, v.opens = all[i], true
		}
	}
	if v.opens && int64(v.opening.Index) != v.r.Index {
		return found(Malformed, v.r.Index, "the opening is of entry %d", v.opening.Index)
	}
	if missing(&v.leaf, &v.opening) {
		return v.report(found(Redacted, v.r.Index, "salts, details or the proof of the entry are not at hand: what they would show is not checked"))
	}
	return nil
}

// compare holds what the token says against the entry. A wrong key is told as such: the claims differ then too.
func (v *tokenCheck) compare() error {
	digest, err := ClaimsDigest(v.payload)
	if err != nil {
		return found(ClaimsMismatch, v.r.Index, "%v", err)
	}
	if why, known := v.keyMismatch(); why != "" {
		return found(BindingMismatch, v.r.Index, "%s", why)
	} else if known {
		v.checked("the token is bound to the key of the entry")
	}
	if digest != v.leaf.Token.Claims {
		return found(ClaimsMismatch, v.r.Index, "the token's claims have the digest %s, the entry was made for %s", digest, v.leaf.Token.Claims)
	}
	v.checked("the token's claims are those that were logged")
	if v.opening.TokenSalt == "" || v.leaf.Token.ID == "" {
		return nil
	}
	salt, err := ParseSalt(v.opening.TokenSalt)
	if err != nil || TokenCommitment(salt, v.claims.ID) != v.leaf.Token.ID {
		return found(ClaimsMismatch, v.r.Index, "the entry commits to another token id (jti), or its salt is wrong")
	}
	v.checked("the token's id is the one that the entry commits to")
	return nil
}

// keyMismatch says why the token's key is not the entry's, or "" and whether it could be told.
func (v *tokenCheck) keyMismatch() (why string, known bool) {
	cnf, b := v.claims.Confirmation, v.leaf.Binding
	method, thumbprint := Method(""), ""
	switch {
	case cnf.JKT != "" && cnf.X5T != "":
		method, thumbprint = ByBoth, cnf.JKT
	case cnf.JKT != "":
		method, thumbprint = ByJKT, cnf.JKT
	case cnf.X5T != "":
		method, thumbprint = ByX5T, cnf.X5T
	}
	if b.Method == method+"-clear" && method != "" {
		if b.Key != thumbprint {
			return fmt.Sprintf("the token is bound to %s, the entry to %s", thumbprint, b.Key), true
		}
		return "", true
	}
	if b.Method != method {
		return fmt.Sprintf("the token is bound by %q, the entry by %q", method, b.Method), true
	}
	if method == "" {
		return "", true
	}
	salt, err := ParseSalt(v.opening.KeySalt)
	if err != nil {
		return "", false // erased, which was said, or not to be used
	}
	if KeyCommitment(salt, thumbprint) != b.Key {
		return fmt.Sprintf("the token is bound to %s, the entry commits to another key", thumbprint), true
	}
	return "", true
}

// proof judges the proof that the token was asked for with, and searches the log for another use of it.
func (v *tokenCheck) proof(ctx context.Context) error {
	if v.leaf.Evidence.Proof == "" {
		v.r.NotChecked = append(v.r.NotChecked, "the client's consent: a connection with a certificate leaves nothing that can be shown to others")
		return nil
	}
	switch {
	case v.opening.Proof == "":
		v.r.NotChecked = append(v.r.NotChecked, "the client's DPoP proof: it is not at hand")
	case v.c.Proofs.Check == nil:
		v.r.NotChecked = append(v.r.NotChecked, "the client's DPoP proof: nothing to verify it with was given")
	default:
		if f := v.c.Proofs.judge(v.r.Index, &v.leaf, &v.opening); f != nil {
			if err := v.report(f); err != nil {
				return err
			}
		} else {
			v.checked("the client's own proof for this key, kept with the entry")
		}
	}
	if v.c.Source == nil {
		v.r.NotChecked = append(v.r.NotChecked, "whether the proof was accepted for another entry too: the log is not at hand")
		return nil
	}
	return v.otherUses(ctx)
}

// otherUses looks through the log for other entries that were made with the same proof.
func (v *tokenCheck) otherUses(ctx context.Context) error {
	var others []int64
	scanned, err := scan(ctx, scanConfig{source: v.c.Source, policy: v.c.Policy}, func(e scanned) error {
		if e.index != v.r.Index && e.leaf.Evidence.Proof == v.leaf.Evidence.Proof && spendsProof(e.leaf) {
			others = append(others, e.index)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(others) > 0 {
		f := found(ProofReused, v.r.Index, "the proof was accepted for %d other entries too", len(others))
		f.Also = others
		return v.report(f)
	}
	v.checked(fmt.Sprintf("the proof was accepted for no other of %d entries", scanned.Checkpoint.Size))
	return nil
}

// report lists a finding and keeps token, entry and receipt as evidence.
func (v *tokenCheck) report(f *Finding) error {
	if f.Name != Redacted {
		exhibits := []exhibit{{"token", []byte(v.c.Token)}}
		if v.entry != nil {
			exhibits = append(exhibits, exhibit{fmt.Sprintf("entry-%d", v.r.Index), v.entry})
		}
		if v.c.Receipt != nil {
			exhibits = append(exhibits, exhibit{"receipt", v.c.Receipt})
		}
		if err := evidenceDir(v.c.Evidence).save(f, exhibits...); err != nil {
			return err
		}
	}
	v.r.Findings = append(v.r.Findings, *f)
	return nil
}
