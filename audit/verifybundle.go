package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// A BundleReport is what the verification of an evidence bundle came to.
type BundleReport struct {
	Origin      string    `json:"origin"`
	Size        int64     `json:"size"`
	Root        tlog.Hash `json:"root"`
	Witnesses   Quorum    `json:"witnesses"`
	Entries     int       `json:"entries"`     // shown to be in the log
	Proofs      int       `json:"proofs"`      // kept proofs verified
	Consistency int       `json:"consistency"` // earlier checkpoints shown to be extended
	Search      Search    `json:"search"`      // as the maker of the bundle tells it
	Findings    []Finding `json:"findings"`
	NotChecked  []string  `json:"notChecked"`
}

// Exit is the exit code of the auditor's command.
func (r *BundleReport) Exit() int { return exitCode(r.Findings) }

// IsBundle reports whether a source is an evidence bundle and not a log.
func IsBundle(ctx context.Context, source Source) bool {
	_, err := source.ReadFile(ctx, manifestPath)
	return err == nil
}

// VerifyBundle verifies an evidence bundle with nothing but a policy, which must not come from the bundle. An error means that it
// could not be read; what is wrong with it is in the report.
func VerifyBundle(ctx context.Context, source Source, p *Policy, rules ProofRules) (*BundleReport, error) {
	if source == nil || p == nil {
		return nil, errors.New("audit: a bundle and a policy are required")
	}
	v := &bundleCheck{source: source, policy: p, rules: rules, r: &BundleReport{Findings: []Finding{}}}
	v.r.NotChecked = []string{limitComplete, limitTruth, "whether these are all the entries that there are: the search is the maker's word", "the age of the checkpoint"}
	if rules.Check == nil {
		v.r.NotChecked = append(v.r.NotChecked, "kept proofs: nothing to verify them with was given")
	}
	err := v.run(ctx)
	if f, ok := errors.AsType[*Finding](err); ok {
		v.add(f)
		return v.r, nil
	}
	return v.r, err
}

// A bundleCheck is one run of VerifyBundle.
type bundleCheck struct {
	source Source
	policy *Policy
	rules  ProofRules
	m      Manifest
	head   *Head
	bad    map[string]bool // files that are not what the manifest says
	r      *BundleReport
}

func (v *bundleCheck) add(f *Finding) { v.r.Findings = append(v.r.Findings, *f) }

func (v *bundleCheck) run(ctx context.Context) error {
	if err := v.manifest(ctx); err != nil {
		return err
	}
	if err := v.filesAsListed(ctx); err != nil {
		return err
	}
	if err := v.checkpoint(ctx); err != nil {
		return err
	}
	for _, i := range v.m.Entries {
		if err := v.entry(ctx, i); err != nil {
			return err
		}
	}
	for _, size := range v.m.Consistency {
		if err := v.extended(ctx, size); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.bad)) {
		if !strings.HasPrefix(name, "entries/") { // those were named with their index
			v.add(found(Malformed, -1, "its bytes were changed after the bundle was made").at(name))
		}
	}
	return nil
}

func (v *bundleCheck) manifest(ctx context.Context) error {
	data, err := v.source.ReadFile(ctx, manifestPath)
	if errors.Is(err, fs.ErrNotExist) {
		return found(BundleIncomplete, -1, "there is no manifest").at(manifestPath)
	}
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&v.m); err != nil || v.m.Format != bundleFormat {
		return found(Malformed, -1, "not a manifest of %s: %v", bundleFormat, err).at(manifestPath)
	}
	v.r.Search = v.m.Search
	if v.m.Origin != v.policy.Origin() {
		return found(OriginMismatch, -1, "the bundle is from the log %q, the policy is for %q", v.m.Origin, v.policy.Origin()).at(manifestPath)
	}
	return nil
}

// filesAsListed holds every file against the manifest, and the files that are there against those that should be. A damaged
// entry is named as such, with its index, when its turn comes.
func (v *bundleCheck) filesAsListed(ctx context.Context) error {
	v.bad = map[string]bool{}
	for _, i := range v.m.Entries {
		if i < 0 {
			return found(Malformed, -1, "the manifest lists the entry %d", i).at(manifestPath)
		}
		for _, name := range []string{entryName("entries", i, ".json"), entryName("receipts", i, ".tlog-proof")} {
			if v.m.Files[name] == "" {
				v.add(found(BundleIncomplete, i, "the manifest does not list it").at(name))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.m.Files)) {
		if !fs.ValidPath(name) {
			return found(Malformed, -1, "the manifest lists the file %q", name).at(manifestPath)
		}
		data, err := v.source.ReadFile(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			v.add(found(BundleIncomplete, -1, "it is missing").at(name))
			continue
		}
		if err != nil {
			return err
		}
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != v.m.Files[name] {
			v.bad[name] = true
		}
	}
	if z, ok := v.source.(*ZipSource); ok {
		for _, name := range z.names {
			if _, listed := v.m.Files[name]; !listed && name != manifestPath {
				v.add(found(Malformed, -1, "the manifest does not know this file").at(name))
			}
		}
	}
	return nil
}

func (v *bundleCheck) checkpoint(ctx context.Context) error {
	signed, err := v.read(ctx, checkpointPath)
	if err != nil {
		return err
	}
	if v.head, err = v.policy.Open(signed); err != nil {
		if f, ok := errors.AsType[*Finding](err); ok {
			f.at(checkpointPath)
		}
		return err
	}
	c := v.head.Checkpoint
	v.r.Origin, v.r.Size, v.r.Root, v.r.Witnesses = c.Origin, c.Size, c.Root, v.head.Quorum
	if !v.head.Quorum.Met {
		q := v.head.Quorum
		v.add(found(QuorumNotMet, -1, "%d of %d witnesses (%s); needed %d", len(q.Satisfied), q.Known, orNone(q.Satisfied), q.Needed).at(checkpointPath))
	}
	if c.Size != v.m.Size || c.Root != v.m.Root {
		v.add(found(Malformed, -1, "the manifest is for another checkpoint").at(manifestPath))
	}
	return nil
}

// read reads a file that must be there.
func (v *bundleCheck) read(ctx context.Context, name string) ([]byte, error) {
	data, err := v.source.ReadFile(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, found(BundleIncomplete, -1, "it is missing").at(name)
	}
	return data, err
}

// entry verifies one entry with its receipt, opening and proof. What is wrong with it does not end the verification.
func (v *bundleCheck) entry(ctx context.Context, i int64) error {
	f, err := v.provenEntry(ctx, i)
	if g, ok := errors.AsType[*Finding](err); ok {
		f, err = g, nil
	}
	if err != nil {
		return err
	}
	if f != nil {
		f.Index = i
		v.add(f)
		return nil
	}
	v.r.Entries++
	return nil
}

func (v *bundleCheck) provenEntry(ctx context.Context, i int64) (*Finding, error) {
	path, receiptPath := entryName("entries", i, ".json"), entryName("receipts", i, ".tlog-proof")
	entry, err := v.read(ctx, path)
	if err != nil {
		return nil, err
	}
	if v.bad[path] {
		return found(LeafMismatch, i, "its bytes were changed after the bundle was made").at(path), nil
	}
	receipt, err := v.read(ctx, receiptPath)
	if err != nil {
		return nil, err
	}
	proven, err := VerifyReceipt(v.policy, entry, receipt, L1) // the quorum was judged once, at the checkpoint
	if f, ok := errors.AsType[*Finding](err); ok {
		return f.at(receiptPath), nil
	}
	if err != nil {
		return nil, err
	}
	if proven.Index != i || proven.Head.Checkpoint != v.head.Checkpoint {
		return found(Malformed, i, "the receipt is for entry %d at size %d", proven.Index, proven.Head.Checkpoint.Size).at(receiptPath), nil
	}
	return v.opening(ctx, i, &proven.Leaf)
}

// opening verifies what opens an entry, if it is there.
func (v *bundleCheck) opening(ctx context.Context, i int64, l *Leaf) (*Finding, error) {
	path := entryName("openings", i, ".json")
	var o Opening
	data, err := v.source.ReadFile(ctx, path)
	if err == nil {
		all, err := ParseOpenings(data)
		if err != nil || len(all) != 1 || int64(all[0].Index) != i {
			return found(Malformed, i, "not the opening of the entry").at(path), nil
		}
		o = all[0]
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if missing(l, &o) {
		v.add(found(Redacted, i, "salts, details or the proof of the entry were erased").at(path))
	}
	if l.Evidence.Detail != "" && o.Nonce != "" {
		if f := checkDetail(i, l, &o); f != nil {
			return f.at(path), nil
		}
	}
	if o.Proof == "" {
		return nil, nil
	}
	alone, err := v.read(ctx, entryName("proofs", i, ".jwt"))
	if err != nil || string(alone) != o.Proof {
		return found(BundleIncomplete, i, "the proof stands only in the opening").at(path), err
	}
	if v.rules.Check == nil {
		return nil, nil
	}
	if f := v.rules.judge(i, l, &o); f != nil {
		return f.at(path), nil
	}
	v.r.Proofs++
	return nil, nil
}

// extended verifies that the checkpoint extends an earlier one.
func (v *bundleCheck) extended(ctx context.Context, size int64) error {
	path := entryName("consistency", size, "")
	signed, err := v.read(ctx, path)
	if err != nil {
		return err
	}
	old, err := v.policy.Open(signed)
	if f, ok := errors.AsType[*Finding](err); ok {
		v.add(f.at(path))
		return nil
	}
	if err != nil {
		return err
	}
	data, err := v.read(ctx, path+".json")
	if err != nil {
		return err
	}
	var proof consistencyProof
	c := v.head.Checkpoint
	if err := json.Unmarshal(data, &proof); err != nil || proof.Older != old.Checkpoint.Size || old.Checkpoint.Size != size || size < 1 || size > c.Size {
		v.add(found(Malformed, -1, "not the proof for size %d", size).at(path + ".json"))
		return nil
	}
	if err := tlog.CheckTree(proof.Proof, c.Size, c.Root, size, old.Checkpoint.Root); err != nil {
		v.add(found(Malformed, -1, "it does not show that the checkpoint extends the one of size %d", size).at(path + ".json"))
		return nil
	}
	v.r.Consistency++
	return nil
}
