package audit_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tenon-auth/tenon/audit"
)

func makeBundle(t testing.TB, f *forge, known ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	c := audit.BundleConfig{PolicyText: []byte(f.policyText("two")), Known: known}
	c.FindConfig = audit.FindConfig{Source: f.source(), Policy: f.policy("two"), Query: audit.Query{Thumbprint: jktOf("a"), Related: true}}
	if _, err := audit.MakeBundle(t.Context(), c, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func verifyBundle(t testing.TB, f *forge, data []byte) *audit.BundleReport {
	t.Helper()
	r, err := audit.VerifyBundle(t.Context(), openZip(t, data), f.policy("two"), forgeRules)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// bundleLog is a story with an earlier checkpoint to extend.
func bundleLog(t testing.TB) (f *forge, earlier []byte) {
	f = story(t)
	earlier = f.publish(0, 1)
	f.fill(300)
	f.publish(0, 1)
	return f, earlier
}

func TestBundleVerifiesWithNothingButThePolicy(t *testing.T) {
	f, earlier := bundleLog(t)
	data := makeBundle(t, f, earlier)
	if !bytes.Equal(data, makeBundle(t, f, earlier)) {
		t.Error("the same log and query give other bytes")
	}
	f.remove("tile") // nothing is needed of the log any more
	f.remove("checkpoint")
	r := verifyBundle(t, f, data)
	if len(r.Findings) != 0 || r.Exit() != 0 || r.Entries != 5 || r.Proofs != 2 || r.Consistency != 1 || r.Size != 308 || !r.Witnesses.Met {
		t.Errorf("%+v\n%s", r, list(r.Findings))
	}
	if r.Search.Found != 5 || !r.Search.Complete() || len(r.NotChecked) != 4 {
		t.Errorf("%+v, %q", r.Search, r.NotChecked)
	}
	if !audit.IsBundle(t.Context(), openZip(t, data)) || audit.IsBundle(t.Context(), f.source()) {
		t.Error("a bundle is told from a log by its manifest")
	}
}

// A stranger's tool accepts the receipts in a bundle.
func TestBundleReceiptsAreAcceptedByTorchwood(t *testing.T) {
	f, _ := bundleLog(t)
	policy, err := torchwood.ParsePolicy([]byte(f.policyText("two")))
	if err != nil {
		t.Fatal(err)
	}
	files := unzip(t, makeBundle(t, f))
	n := 0
	for name, entry := range files {
		index, ok := strings.CutPrefix(name, "entries/")
		if !ok {
			continue
		}
		n++
		receipt := files["receipts/"+strings.TrimSuffix(index, ".json")+".tlog-proof"]
		if err := torchwood.VerifyProof(policy, tlog.RecordHash(entry), receipt); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n != 5 {
		t.Errorf("%d entries", n)
	}
}

func unzip(t testing.TB, data []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func pack(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// One bit of any file in a bundle is noticed; of an entry, with its index and path.
func TestOneAlteredBitOfAnEvidenceBundle(t *testing.T) {
	f, earlier := bundleLog(t)
	files := unzip(t, makeBundle(t, f, earlier))
	for name, data := range files {
		for i := 0; i < len(data); i += 1 + len(data)/40 {
			bad := maps.Clone(files)
			bad[name] = bytes.Clone(data)
			bad[name][i] ^= 1
			r := verifyBundle(t, f, pack(t, bad))
			if r.Exit() != 1 && !strings.HasPrefix(name, "manifest") { // a manifest has words in it that nobody can check
				t.Errorf("%s, byte %d: %s", name, i, list(r.Findings))
			}
			if strings.HasPrefix(name, "entries/") {
				index := int64(name[len(name)-6] - '0')
				if len(r.Findings) != 1 || r.Findings[0].Name != audit.LeafMismatch || r.Findings[0].Index != index || r.Findings[0].Path != name {
					t.Errorf("%s, byte %d: %s", name, i, list(r.Findings))
				}
			}
		}
	}
}

// Whoever alters a bundle can make a new manifest. What is signed cannot be made anew.
func TestForgedBundles(t *testing.T) {
	f, earlier := bundleLog(t)
	good := unzip(t, makeBundle(t, f, earlier))
	for _, tt := range forgeries(t, f, earlier) {
		t.Run(tt.name, func(t *testing.T) {
			files := maps.Clone(good)
			var m map[string]any
			if err := json.Unmarshal(files["manifest.json"], &m); err != nil {
				t.Fatal(err)
			}
			tt.change(files, m)
			m["files"] = sumsOf(files)
			manifest, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			files["manifest.json"] = manifest
			r := verifyBundle(t, f, pack(t, files))
			i := slices.IndexFunc(r.Findings, func(f audit.Finding) bool { return f.Name == tt.want && f.Index == tt.index })
			if i < 0 {
				t.Errorf("want %s of %d, got %s", tt.want, tt.index, list(r.Findings))
			}
			if want := map[string]int{audit.Redacted: 0, audit.QuorumNotMet: 4}[tt.want]; tt.want == audit.Redacted && r.Exit() != want {
				t.Errorf("exit %d", r.Exit())
			}
		})
	}
	t.Run("untouched", func(t *testing.T) {
		if r := verifyBundle(t, f, pack(t, good)); len(r.Findings) != 0 {
			t.Error(list(r.Findings))
		}
	})
}

// A forgery is a change to the files and the manifest of a bundle, and what must be found of it.
type forgery struct {
	name   string
	change func(files map[string][]byte, m map[string]any)
	want   string
	index  int64
}

func forgeries(t *testing.T, f *forge, earlier []byte) []forgery {
	entry, receipt, opening := "entries/00000000000000000001.json", "receipts/00000000000000000001.tlog-proof", "openings/00000000000000000001.json"
	other := newForge(t)
	other.strange()
	return []forgery{
		{"an entry exchanged", func(files map[string][]byte, _ map[string]any) {
			files[entry] = bytes.Replace(files[entry], []byte("tpp-4711"), []byte("tpp-4712"), 1)
		}, audit.LeafMismatch, 1},
		{"a receipt of another entry", func(files map[string][]byte, _ map[string]any) {
			files[entry], files[receipt] = files["entries/00000000000000000003.json"], files["receipts/00000000000000000003.tlog-proof"]
		}, audit.Malformed, 1},
		{"a receipt at another checkpoint", func(files map[string][]byte, _ map[string]any) {
			f.write("checkpoint", earlier)
			files[receipt] = unzip(t, makeBundle(t, f))[receipt]
		}, audit.Malformed, 1},
		{"another checkpoint", func(files map[string][]byte, _ map[string]any) { files["checkpoint"] = other.publish(0, 1) }, audit.UntrustedKey, -1},
		{"a checkpoint without a quorum", func(files map[string][]byte, _ map[string]any) {
			files["checkpoint"] = f.sign(f.skey, 1)
		}, audit.QuorumNotMet, -1},
		{"another size in the manifest", func(_ map[string][]byte, m map[string]any) { m["size"] = 5 }, audit.Malformed, -1},
		{"another log in the manifest", func(_ map[string][]byte, m map[string]any) { m["origin"] = "other.example" }, audit.OriginMismatch, -1},
		{"another format", func(_ map[string][]byte, m map[string]any) { m["format"] = "x" }, audit.Malformed, -1},
		{"an unknown member", func(_ map[string][]byte, m map[string]any) { m["x"] = 1 }, audit.Malformed, -1},
		{"a negative entry", func(_ map[string][]byte, m map[string]any) { m["entries"] = []int{-1} }, audit.Malformed, -1},
		{"an entry left out", func(files map[string][]byte, _ map[string]any) { delete(files, entry) }, audit.BundleIncomplete, 1},
		{"a receipt left out", func(files map[string][]byte, _ map[string]any) { delete(files, receipt) }, audit.BundleIncomplete, 1},
		{"the checkpoint left out", func(files map[string][]byte, _ map[string]any) { delete(files, "checkpoint") }, audit.BundleIncomplete, -1},
		{"another detail", func(files map[string][]byte, _ map[string]any) {
			files[opening] = bytes.Replace(files[opening], []byte("192.0.2.7"), []byte("192.0.2.8"), 1)
		}, audit.Malformed, 1},
		{"another proof", func(files map[string][]byte, _ map[string]any) {
			files[opening] = bytes.Replace(files[opening], []byte("POST"), []byte("PUTS"), 1)
			files["proofs/00000000000000000001.jwt"] = bytes.Replace(files["proofs/00000000000000000001.jwt"], []byte("POST"), []byte("PUTS"), 1)
		}, audit.ProofInvalid, 1},
		{"a proof apart from its opening", func(files map[string][]byte, _ map[string]any) {
			files["proofs/00000000000000000001.jwt"] = []byte("another")
		}, audit.BundleIncomplete, 1},
		{"the opening of another entry", func(files map[string][]byte, _ map[string]any) {
			files[opening] = files["openings/00000000000000000005.json"]
		}, audit.Malformed, 1},
		{"an opening erased", func(files map[string][]byte, _ map[string]any) { delete(files, opening) }, audit.Redacted, 1},
		{"an earlier checkpoint of somebody else", func(files map[string][]byte, _ map[string]any) {
			files["consistency/00000000000000000008"] = other.publish()
		}, audit.UntrustedKey, -1},
		{"an earlier checkpoint that is not extended", func(files map[string][]byte, _ map[string]any) {
			files["consistency/00000000000000000008"] = f.signText(audit.Checkpoint{Origin: f.origin, Size: 8}.Format(), f.skey)
		}, audit.Malformed, -1},
		{"a proof of extension that is none", func(files map[string][]byte, _ map[string]any) {
			files["consistency/00000000000000000008.json"] = []byte("{}")
		}, audit.Malformed, -1},
	}
}

func TestBundlesWithMoreOrLessThanTheirManifestSays(t *testing.T) {
	f, earlier := bundleLog(t)
	good := unzip(t, makeBundle(t, f, earlier))
	t.Run("a file that the manifest does not know", func(t *testing.T) {
		files := maps.Clone(good)
		files["entries/00000000000000000009.json"] = []byte("{}")
		r := verifyBundle(t, f, pack(t, files))
		if len(r.Findings) != 1 || r.Findings[0].Name != audit.Malformed {
			t.Error(list(r.Findings))
		}
	})
	t.Run("no manifest", func(t *testing.T) {
		r := verifyBundle(t, f, pack(t, map[string][]byte{"checkpoint": good["checkpoint"]}))
		if len(r.Findings) != 1 || r.Findings[0].Name != audit.BundleIncomplete {
			t.Error(list(r.Findings))
		}
	})
}

// A bundle of a log whose newest entries are not cosigned leads to the newest checkpoint that is and has the entries.
func TestBundleLeadsToAWitnessedCheckpoint(t *testing.T) {
	f, _ := bundleLog(t)
	f.fill(5)
	f.publish()
	r := verifyBundle(t, f, makeBundle(t, f))
	if len(r.Findings) != 0 || r.Size != 308 || r.Search.Size != 313 || !r.Witnesses.Met {
		t.Errorf("%+v", r)
	}
}

// A log that grows while a bundle is made does not make it a bundle of two sizes.
func TestBundleOfALiveLogIsOfOneSize(t *testing.T) {
	f, earlier := bundleLog(t)
	reads := 0
	c := audit.BundleConfig{}
	c.FindConfig = audit.FindConfig{Policy: f.policy("two"), Source: growing{f.source(), func(now []byte) []byte {
		if reads++; reads == 1 {
			return earlier
		}
		return now
	}}}
	var b bytes.Buffer
	m, err := audit.MakeBundle(t.Context(), c, &b)
	if err != nil || m.Size != 8 || m.Search.Size != 8 {
		t.Fatalf("%+v, %v", m, err)
	}
	if r := verifyBundle(t, f, b.Bytes()); len(r.Findings) != 0 {
		t.Error(list(r.Findings))
	}
}

// growing answers for the checkpoint by itself.
type growing struct {
	*audit.DirSource
	checkpoint func(now []byte) []byte
}

func (g growing) ReadFile(ctx context.Context, path string) ([]byte, error) {
	data, err := g.DirSource.ReadFile(ctx, path)
	if path == "checkpoint" {
		data = g.checkpoint(data)
	}
	return data, err
}

func TestBundleRefusesAForkedPast(t *testing.T) {
	f, _ := bundleLog(t)
	bad := f.signText(audit.Checkpoint{Origin: f.origin, Size: 8}.Format(), f.skey)
	c := audit.BundleConfig{Known: [][]byte{bad}}
	c.FindConfig = audit.FindConfig{Source: f.source(), Policy: f.policy("two")}
	_, err := audit.MakeBundle(t.Context(), c, io.Discard)
	if diff := cmp.Diff(true, err != nil && strings.HasPrefix(err.Error(), audit.Fork)); diff != "" {
		t.Errorf("got %v", err)
	}
	if _, err := audit.MakeBundle(t.Context(), audit.BundleConfig{}, io.Discard); err == nil {
		t.Error("no source and no policy: accepted")
	}
	if _, err := audit.VerifyBundle(t.Context(), nil, nil, audit.ProofRules{}); err == nil {
		t.Error("no bundle and no policy: accepted")
	}
}
