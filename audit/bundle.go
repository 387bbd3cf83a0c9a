package audit

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// A BundleConfig says what goes into an evidence bundle.
type BundleConfig struct {
	FindConfig
	// PolicyText is the policy as it was written, so that a reader sees whose word was asked for. A verifier uses its own.
	PolicyText []byte
	// Known are earlier checkpoints, each of which the bundle shows to be extended.
	Known [][]byte
}

// bundleFormat names the layout.
const bundleFormat = "tenon-audit-bundle/1"

const (
	manifestPath  = "manifest.json"
	bundlePolicy  = "policy.txt"
	bundleReadme  = "README.txt"
	maxBundled    = 1 << 16
	maxSearchDump = 4096
)

// A Manifest says what a bundle holds.
type Manifest struct {
	Format      string            `json:"format"`
	Origin      string            `json:"origin"`
	Size        int64             `json:"size"` // of the checkpoint that the receipts lead to
	Root        tlog.Hash         `json:"root"`
	Search      Search            `json:"search"` // how the entries were found
	Entries     []int64           `json:"entries"`
	Consistency []int64           `json:"consistency"` // sizes of the earlier checkpoints
	Files       map[string]string `json:"files"`       // SHA-256 of every other file
}

// MakeBundle writes a zip that shows to anybody who has the policy, without a network, that the entries which a query finds are
// in the log: their exact bytes, openings, kept proofs and receipts, the checkpoint, and that earlier checkpoints are extended.
// The same log and query give the same bytes.
func MakeBundle(ctx context.Context, c BundleConfig, w io.Writer) (*Manifest, error) {
	if c.Source == nil || c.Policy == nil {
		return nil, errors.New("audit: BundleConfig.Source and Policy are required")
	}
	b := &bundler{files: map[string][]byte{}, m: &Manifest{Format: bundleFormat, Origin: c.Policy.Origin(), Entries: []int64{}, Consistency: []int64{}}}
	signed, err := c.Source.ReadFile(ctx, checkpointPath)
	if err != nil {
		return nil, err
	}
	c.Source = pinnedSource{c.Source, signed} // a live log must not grow in the middle
	search, err := Find(ctx, c.FindConfig, b.add)
	if err != nil {
		return nil, err
	}
	b.m.Search = *search
	if err := b.prove(ctx, &c); err != nil {
		return nil, err
	}
	if len(c.PolicyText) > 0 {
		b.files[bundlePolicy] = c.PolicyText
	}
	b.files[bundleReadme] = []byte(bundleText)
	return b.m, b.write(w)
}

// A pinnedSource is a source whose checkpoint stays what it was.
type pinnedSource struct {
	Source
	checkpoint []byte
}

var _ Lister = pinnedSource{}

func (s pinnedSource) ReadFile(ctx context.Context, path string) ([]byte, error) {
	if path == checkpointPath {
		return s.checkpoint, nil
	}
	return s.Source.ReadFile(ctx, path)
}

// List gives nothing when the source cannot list.
func (s pinnedSource) List(ctx context.Context, dir string) ([]string, error) {
	if l, ok := s.Source.(Lister); ok {
		return l.List(ctx, dir)
	}
	return nil, nil
}

// A bundler gathers the files of a bundle.
type bundler struct {
	m     *Manifest
	files map[string][]byte
}

func entryName(dir string, index int64, suffix string) string {
	return fmt.Sprintf("%s/%020d%s", dir, index, suffix)
}

// add takes one entry.
func (b *bundler) add(m Match) error {
	if len(b.m.Entries) == maxBundled {
		return fmt.Errorf("audit: more than %d entries: narrow the time", maxBundled)
	}
	b.m.Entries = append(b.m.Entries, m.Index)
	b.files[entryName("entries", m.Index, ".json")] = m.Entry
	if o := m.checkedOpening(); o != nil {
		data, err := FormatOpenings([]Opening{*o})
		if err != nil {
			return err
		}
		b.files[entryName("openings", m.Index, ".json")] = data
		if o.Proof != "" {
			b.files[entryName("proofs", m.Index, ".jwt")] = []byte(o.Proof)
		}
	}
	return nil
}

// prove adds checkpoint, receipts and consistency proofs: at a checkpoint with a quorum, when there is one that has the entries.
func (b *bundler) prove(ctx context.Context, c *BundleConfig) error {
	r, err := NewReader(ctx, c.Source, c.Policy)
	if err != nil {
		return err
	}
	if c.Policy.quorum != nil && !r.head.Quorum.Met && len(b.m.Entries) > 0 {
		older, err := r.witnessed(ctx, c.Policy, slices.Max(b.m.Entries))
		if err == nil {
			r = older
		} else if !errors.Is(err, errNoWitnessed) {
			return err
		}
	}
	b.m.Size, b.m.Root = r.Size(), r.head.Checkpoint.Root
	b.files[checkpointPath] = r.head.Signed
	for _, i := range b.m.Entries {
		receipt, err := r.Receipt(ctx, i)
		if err != nil {
			return err
		}
		b.files[entryName("receipts", i, ".tlog-proof")] = receipt
	}
	for _, signed := range c.Known {
		if err := b.extend(ctx, r, c.Policy, signed); err != nil {
			return err
		}
	}
	slices.Sort(b.m.Consistency)
	return nil
}

// A consistencyProof is the file that shows that a checkpoint extends an earlier one.
type consistencyProof struct {
	Older int64          `json:"older"`
	Newer int64          `json:"newer"`
	Proof tlog.TreeProof `json:"proof"` // RFC 6962 §2.1.2
}

// extend shows that the checkpoint extends an earlier one.
func (b *bundler) extend(ctx context.Context, r *Reader, p *Policy, signed []byte) error {
	old, err := p.Open(signed)
	if err != nil {
		return err
	}
	size := old.Checkpoint.Size
	if size < 1 || size > r.Size() {
		return nil // it says nothing about the one in the bundle
	}
	proof, root, err := r.Consistency(ctx, size)
	if err != nil {
		return err
	}
	if root != old.Checkpoint.Root {
		return found(Fork, -1, "the first %d entries hash to another root than the earlier checkpoint says", size)
	}
	data, err := json.Marshal(consistencyProof{size, r.Size(), proof})
	if err != nil {
		return err
	}
	if slices.Contains(b.m.Consistency, size) {
		return nil
	}
	b.m.Consistency = append(b.m.Consistency, size)
	b.files[entryName("consistency", size, "")], b.files[entryName("consistency", size, ".json")] = signed, data
	return nil
}

// write puts the files into a zip: sorted, without times, not compressed, so that nothing but their contents shows.
func (b *bundler) write(w io.Writer) error {
	b.m.Files = map[string]string{}
	for name, data := range b.files {
		sum := sha256.Sum256(data)
		b.m.Files[name] = hex.EncodeToString(sum[:])
	}
	manifest, err := json.MarshalIndent(b.m, "", "  ") // sorts the names
	if err != nil {
		return err
	}
	b.files[manifestPath] = append(manifest, '\n')
	z := zip.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(b.files)) {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			return err
		}
		if _, err := f.Write(b.files[name]); err != nil {
			return err
		}
	}
	return z.Close()
}

const bundleText = `Evidence from a Tenon binding log.

entries/      the exact bytes of each record; what is hashed is these bytes
receipts/     for each record, the proof that it is in the log that the checkpoint describes (c2sp.org/tlog-proof@v1)
checkpoint    the log's size and root, signed by the log and by its witnesses (c2sp.org/tlog-checkpoint)
openings/     salts and details that the records commit to, where they have not been erased
proofs/       the DPoP proofs that clients signed when they asked for tokens (RFC 9449)
consistency/  earlier checkpoints, and proofs that the log still contains what it contained then
policy.txt    whose signatures were asked for. Use your own copy to verify
manifest.json what is here, and how it was searched for

To verify, without a network:  tenon audit verify BUNDLE.zip --policy YOUR-POLICY

It proves what was logged, not that everything was; bytes, not truth: identities and addresses are the issuer's word. The DPoP
proofs are the exception: each is the client's own signature.
`
