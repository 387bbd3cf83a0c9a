package audit_test

import (
	"bytes"
	"context"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tenon-auth/tenon/audit"
)

// fuzzSource is a log in memory.
type fuzzSource map[string][]byte

func (s fuzzSource) ReadFile(_ context.Context, path string) ([]byte, error) {
	if data, ok := s[path]; ok {
		return data, nil
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}

// List gives the archive only.
func (s fuzzSource) List(_ context.Context, dir string) ([]string, error) {
	var names []string
	for path := range maps.Keys(s) {
		if name, ok := strings.CutPrefix(path, dir+"/"); ok {
			names = append(names, name)
		}
	}
	return names, nil
}

// fuzzLog is a small log, with its files.
func fuzzLog(f testing.TB) (*forge, fuzzSource) {
	log := newForge(f)
	log.issue(jktOf("a"), "jti-1", nil)
	log.fill(3)
	log.publish(0, 1)
	source := fuzzSource{}
	for _, path := range []string{"checkpoint", "tile/0/000.p/5", "tile/entries/000.p/5", audit.OpeningsPath(0), audit.ArchivePath(5)} {
		source[path] = log.read(path)
	}
	return log, source
}

// Whatever stands in a file of a log: a verification ends with a report, and passes no bytes but those that were signed.
func FuzzVerify(f *testing.F) {
	log, good := fuzzLog(f)
	paths := []string{"checkpoint", "tile/0/000.p/5", "tile/entries/000.p/5", audit.OpeningsPath(0), audit.ArchivePath(5)}
	for i, path := range paths {
		data := good[path]
		f.Add(byte(i), data)
		f.Add(byte(i), data[:len(data)/2])
		f.Add(byte(i), append(bytes.Clone(data), data...))
		f.Add(byte(i), bytes.Replace(data, []byte("a"), []byte("b"), 1))
		f.Add(byte(i), []byte{})
	}
	policy := log.policy("two")
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		path := paths[int(which)%len(paths)]
		source := maps.Clone(good)
		source[path] = data
		r, err := audit.Verify(t.Context(), audit.VerifyConfig{
			Source: source, Policy: policy, Openings: true, Proofs: forgeRules, Now: func() time.Time { return log.now },
		})
		if err != nil {
			t.Fatal(err)
		}
		for i := range r.Findings {
			inert(t, r.Findings[i].Error())
		}
		if strings.HasPrefix(path, "tile/") && (r.Exit() == 0) != bytes.Equal(data, good[path]) {
			t.Errorf("%s: exit %d for %q", path, r.Exit(), data)
		}
		if path == "checkpoint" && r.Exit() == 0 && !strings.HasPrefix(string(data), strings.SplitAfter(string(good[path]), "\n\n")[0]) {
			t.Errorf("another checkpoint was accepted: %q", data)
		}
	})
}

// What we take for a receipt, torchwood does too.
func FuzzVerifyReceipt(f *testing.F) {
	log, source := fuzzLog(f)
	policy := log.policy("two")
	theirs, err := torchwood.ParsePolicy([]byte(log.policyText("two")))
	if err != nil {
		f.Fatal(err)
	}
	reader, err := audit.NewReader(f.Context(), source, policy)
	if err != nil {
		f.Fatal(err)
	}
	for i := range int64(5) {
		receipt, err := reader.Receipt(f.Context(), i)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(log.entries[i], receipt)
		f.Add(log.entries[i], receipt[:len(receipt)-3])
		f.Add(log.entries[i][1:], receipt)
	}
	f.Fuzz(func(t *testing.T, entry, receipt []byte) {
		proven, err := audit.VerifyReceipt(policy, entry, receipt, audit.L2)
		if err != nil {
			return
		}
		if err := torchwood.VerifyProof(theirs, tlog.RecordHash(entry), receipt); err != nil {
			t.Errorf("torchwood refuses what we accept: %v", err)
		}
		if !bytes.Equal(entry, log.entries[proven.Index]) {
			t.Errorf("entry %d was never logged: %q", proven.Index, entry)
		}
	})
}

// A note that we open is one that torchwood opens, when enough witnesses signed.
func FuzzOpenPolicy(f *testing.F) {
	log, source := fuzzLog(f)
	policy := log.policy("two")
	theirs, err := torchwood.ParsePolicy([]byte(log.policyText("two")))
	if err != nil {
		f.Fatal(err)
	}
	signed := source["checkpoint"]
	f.Add(signed)
	f.Add(append(bytes.Clone(signed), "— a b\n"...))
	f.Add(bytes.Replace(signed, []byte("\n5\n"), []byte("\n6\n"), 1))
	f.Add(log.sign(log.skey, 2))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := policy.Open(data)
		if err != nil || !h.Quorum.Met || len(h.Forged) > 0 {
			return // a forged signature among good ones makes torchwood refuse the whole
		}
		if _, _, err := torchwood.VerifyCheckpoint(data, theirs); err != nil && !bytes.Contains(data, []byte(log.origin+" ")) {
			t.Errorf("torchwood refuses what we accept: %v", err)
		}
		if h.Checkpoint.Size != 5 {
			t.Errorf("size %d was never signed", h.Checkpoint.Size)
		}
	})
}

// A policy that we take, torchwood takes too.
func FuzzParsePolicy(f *testing.F) {
	_, log := throwawayKey("log.example", 1)
	var w []string
	for _, name := range []string{"a.example", "b.example"} {
		_, vkey := throwawayKey(name, 4)
		w = append(w, vkey)
	}
	f.Add("log " + log + "\nquorum none\n")
	f.Add("log " + log + "\nwitness a " + w[0] + "\nwitness b " + w[1] + " https://b.example\ngroup g all a b\nquorum g")
	f.Add("# nothing\n\tlog\nwitness\ngroup g 0\nquorum")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := audit.ParsePolicy([]byte(text))
		if err != nil {
			return
		}
		if _, err := torchwood.ParsePolicy([]byte(text)); err != nil {
			t.Errorf("torchwood refuses what we accept: %v", err)
		}
		if q := p.Check(nil); q.Met != (q.Needed == 0) {
			t.Errorf("without signatures: %+v", q)
		}
	})
}

// Whatever is in a zip: verifying it as a log or as a bundle ends, and finds nothing in order that was not signed.
func FuzzZip(f *testing.F) {
	log, _ := fuzzLog(f)
	bundle := makeBundle(f, log)
	f.Add(bundle)
	f.Add(zipOf(f, log.dir, 0))
	f.Add(zipOf(f, log.dir, 8))
	f.Add(bundle[:len(bundle)-30])
	f.Add(bytes.Replace(bundle, []byte("alice"), []byte("malic"), 1))
	policy, root := log.policy("two"), openRoot(f, log)
	f.Fuzz(func(t *testing.T, data []byte) {
		z, err := audit.NewZipSource(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		if r, err := audit.Verify(t.Context(), audit.VerifyConfig{Source: z, Policy: policy, Now: func() time.Time { return log.now }}); err == nil && r.Clean() && r.Root != root {
			t.Error("another log was accepted")
		}
		if r, err := audit.VerifyBundle(t.Context(), z, policy, forgeRules); err == nil && r.Exit() == 0 && r.Root != root {
			t.Error("another bundle was accepted")
		}
	})
}

func openRoot(t testing.TB, f *forge) tlog.Hash {
	t.Helper()
	h, err := f.policy("two").Open(f.read("checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	return h.Checkpoint.Root
}

func FuzzReadUses(f *testing.F) {
	f.Add(`{"time":1,"tlog":{"o":"a","i":1},"jti":"x","jkt":"` + jktOf("a") + `"}` + "\n")
	f.Add(`{"time":"2026-11-22T10:00:03Z"}` + "\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		uses, err := audit.ReadUses(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, u := range uses {
			if u.At.IsZero() || u.Index < -1 || u.Line < 1 {
				t.Errorf("%+v", u)
			}
		}
	})
}
