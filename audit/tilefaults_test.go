package audit_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/audit"
)

func TestOneAlteredBitOfABundle(t *testing.T) {
	f := newForge(t)
	f.fill(10)
	f.publish(0, 1)
	path := "tile/entries/000.p/11"
	good := f.read(path)
	t.Run("in entry 7", func(t *testing.T) {
		bad := bytes.Clone(good)
		bad[offsetOf(f, 7)+2+9] ^= 1
		f.write(path, bad)
		r := f.verify(nil)
		got := demand(t, r, wanted{audit.LeafMismatch, 7, path, 1})
		if text := got.Error(); !strings.HasPrefix(text, "LEAF_MISMATCH entry 7, tile entries/000.p/11") {
			t.Errorf("it is printed as %q", text)
		}
		if !bytes.Equal(evidence(t, got, "entry-7"), bad[offsetOf(f, 7)+2:][:len(f.entries[7])]) {
			t.Error("the altered entry was not saved")
		}
	})
	t.Run("its time, which then says nothing", func(t *testing.T) {
		at := offsetOf(f, 7)
		bad := append(bytes.Clone(good[:at]), bytes.Replace(good[at:], []byte(`"ts":17`), []byte(`"ts":27`), 1)...)
		f.write(path, bad)
		demand(t, f.verify(nil), wanted{audit.LeafMismatch, 7, path, 1})
	})
	// Whatever the bit, also in the length of an entry: it is found, and put down to the entry in which it is.
	for i := range len(good) * 8 {
		inLength := i/8-offsetOf(f, entryAt(f, i/8)) < 2
		if !inLength && i%8 != i/8%8 { // of other bytes one bit each will do
			continue
		}
		bad := bytes.Clone(good)
		bad[i/8] ^= 1 << (i % 8)
		f.write(path, bad)
		r := f.verify(func(c *audit.VerifyConfig) { c.Evidence = "" })
		if len(r.Findings) != 1 || r.Findings[0].Name != audit.LeafMismatch || r.Findings[0].Index != entryAt(f, i/8) || r.Exit() != 1 {
			t.Fatalf("bit %d of byte %d, in entry %d: %s", i%8, i/8, entryAt(f, i/8), list(r.Findings))
		}
	}
	f.write(path, good)
	clean(t, f.verify(nil))
}

func offsetOf(f *forge, index int64) int {
	at := 0
	for _, entry := range f.entries[index/256*256 : index] {
		at += 2 + len(entry)
	}
	return at
}

func entryAt(f *forge, offset int) int64 {
	for i := int64(0); ; i++ {
		if offset < offsetOf(f, i+1) {
			return i
		}
	}
}

func TestAlteredEntriesInFullTiles(t *testing.T) {
	f := newForge(t)
	f.fill(1000)
	f.publish(0, 1)
	for index, path := range map[int64]string{5: "tile/entries/000", 300: "tile/entries/001", 999: "tile/entries/003.p/233"} {
		bundle := f.read(path)
		bundle[offsetOf(f, index)+20] ^= 4
		f.write(path, bundle)
	}
	r := f.verify(nil)
	if len(r.Findings) != 3 {
		t.Fatal(list(r.Findings))
	}
	demandOne(t, r.Findings[:1], 1, wanted{audit.LeafMismatch, 5, "tile/entries/000", 1})
	demandOne(t, r.Findings[1:2], 1, wanted{audit.LeafMismatch, 300, "tile/entries/001", 1})
	demandOne(t, r.Findings[2:], 1, wanted{audit.LeafMismatch, 999, "tile/entries/003.p/233", 1})
}

func TestRewriteWithoutTheKey(t *testing.T) {
	f := newForge(t)
	f.fill(300)
	f.publish(0, 1)
	f.fill(50)
	signed := f.publish(0, 1)
	f.rewrite(func() { f.entries[320] = f.entries[321] })
	f.write("checkpoint", signed)
	got := demand(t, f.verify(nil), wanted{audit.LeafMismatch, -1, "checkpoint", 1})
	if !strings.Contains(got.Detail, "among the entries 301 to 350") {
		t.Errorf("it does not say where: %s", got.Detail)
	}
}

func TestTornTiles(t *testing.T) {
	f := newForge(t)
	f.fill(1000)
	f.publish(0, 1)
	for _, path := range []string{"tile/0/003.p/233", "tile/0/001", "tile/1/000.p/3", "tile/entries/003.p/233", "tile/entries/001"} {
		good := f.read(path)
		cases := map[string][]byte{
			"torn":     good[:len(good)-5],
			"one byte": good[:1],
			"empty":    {},
			"too long": append(bytes.Clone(good), 0),
			"doubled":  append(bytes.Clone(good), good...),
			"missing":  nil,
		}
		for how, data := range cases {
			t.Run(path+" "+how, func(t *testing.T) {
				if data == nil {
					f.remove(path)
				} else {
					f.write(path, data)
				}
				defer f.write(path, good)
				r := f.verify(nil)
				if len(r.Findings) != 1 {
					t.Fatal(list(r.Findings))
				}
				repairable := !strings.Contains(path, "entries") || strings.Contains("too long doubled", how)
				got := demandOne(t, r.Findings, r.Exit(), wanted{audit.TileTorn, r.Findings[0].Index, path, 1})
				if repairable != (got.Repair != "") {
					t.Errorf("repairable %t: %q", repairable, got.Repair)
				}
			})
		}
	}
	t.Run("a hash altered", func(t *testing.T) {
		for path, index := range map[string]int64{"tile/0/003.p/233": 768 + 2, "tile/0/001": 256 + 2, "tile/1/000.p/3": -1} {
			good := f.read(path)
			bad := bytes.Clone(good)
			bad[70] ^= 1
			f.write(path, bad)
			r := f.verify(nil)
			got := demand(t, r, wanted{audit.TileTorn, index, path, 1})
			if got.Repair == "" {
				t.Errorf("%s is repairable", path)
			}
			f.write(path, good)
		}
	})
	t.Run("entries and hashes both", func(t *testing.T) {
		entries, hashes := f.read("tile/entries/001"), f.read("tile/0/001")
		f.remove("tile/entries/001")
		f.remove("tile/0/001")
		r := f.verify(nil)
		if len(r.Findings) != 2 || r.Findings[0].Repair+r.Findings[1].Repair != "" {
			t.Errorf("want two that cannot be repaired: %s", list(r.Findings))
		}
		f.remove("tile/1/000.p/3")
		r = f.verify(nil)
		if r.Exit() != 1 || !slices.ContainsFunc(r.NotChecked, func(s string) bool { return strings.HasPrefix(s, "the root") }) {
			t.Errorf("the root cannot be told: %q, %s", r.NotChecked, list(r.Findings))
		}
		f.write("tile/entries/001", entries)
		f.write("tile/0/001", hashes)
	})
}
