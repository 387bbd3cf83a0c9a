package audit_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tenon-auth/tenon/audit"
)

const testOrigin = "as.example/log"

func TestCheckpointText(t *testing.T) {
	root := tlog.Hash(sha256.Sum256([]byte("root")))
	c := audit.Checkpoint{Origin: testOrigin, Size: 923748, Root: root}
	text := c.Format()
	if want := "as.example/log\n923748\n" + root.String() + "\n"; text != want {
		t.Fatalf("%q, want %q", text, want)
	}
	back, err := audit.ParseCheckpoint(text)
	if diff := cmp.Diff(c, back); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	other, err := torchwood.ParseCheckpoint(text)
	if err != nil || other.Origin != c.Origin || other.N != c.Size || other.Hash != c.Root {
		t.Errorf("torchwood reads %v, %v", other, err)
	}
	for name, change := range map[string][2]string{
		"an extension line":     {root.String() + "\n", root.String() + "\nextra\n"},
		"no line end":           {root.String() + "\n", root.String()},
		"a carriage return":     {"923748\n", "923748\r\n"},
		"a leading zero":        {"923748", "0923748"},
		"a sign":                {"923748", "+923748"},
		"a negative size":       {"923748", "-1"},
		"a size of ten to 20":   {"923748", "100000000000000000000"},
		"a size beyond 2 to 53": {"923748", "9007199254740992"},
		"hexadecimal":           {"923748", "0x1"},
		"no origin":             {testOrigin, ""},
		"an origin with +":      {testOrigin, "a+b"},
		"an origin with space":  {testOrigin, "a b"},
		"an origin in Cyrillic": {testOrigin, "аs.example"},
		"a short hash":          {root.String(), "AAAA"},
		"a hash in hexadecimal": {root.String(), strings.Repeat("0", 44)},
		"loose bits":            {"=\n", "=\n"}, // replaced below
		"nothing":               {text, ""},
	} {
		bad := strings.Replace(text, change[0], change[1], 1)
		if name == "loose bits" {
			bad = strings.Replace(text, root.String(), root.String()[:42]+string(root.String()[42]+1)+"=", 1)
		}
		if got, err := audit.ParseCheckpoint([]byte(bad)); !errors.Is(err, audit.ErrMalformed) {
			t.Errorf("%s: read as %v, %v", name, got, err)
		}
	}
}

func TestOpenSigned(t *testing.T) {
	skey, vkey, err := audit.GenerateKey(testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := audit.ParseKey(skey)
	if err != nil {
		t.Fatal(err)
	}
	if signer.String() != vkey || fmt.Sprintf("%v %+v %#v", signer, signer, signer) != vkey+" "+vkey+" "+vkey {
		t.Errorf("the key prints as %v", signer)
	}
	want := audit.Checkpoint{Origin: testOrigin, Size: 1, Root: tlog.RecordHash(nil)}
	signed, err := note.Sign(&note.Note{Text: want.Format()}, signer)
	if err != nil {
		t.Fatal(err)
	}
	got, n, err := audit.OpenSigned(signed, note.VerifierList(signer.Verifier()))
	if err != nil || got != want || len(n.Sigs) != 1 {
		t.Errorf("%v, %v, %v", got, n, err)
	}
	cosigned := append(bytes.Clone(signed), bytes.Repeat([]byte("— x "+strings.Repeat("A", 100)+"\n"), 90)...)
	if _, _, err := audit.OpenSigned(cosigned, note.VerifierList(signer.Verifier())); err != nil {
		t.Errorf("with many signatures of others: %v", err)
	}
	_, strange, _ := audit.GenerateKey(testOrigin)
	stranger, err := note.NewVerifier(strange)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"another size":  bytes.Replace(signed, []byte("\n1\n"), []byte("\n2\n"), 1),
		"no signature":  []byte(want.Format() + "\n"),
		"too large":     append(bytes.Clone(signed), bytes.Repeat([]byte("— x "+strings.Repeat("A", 1000)+"\n"), 90)...),
		"not a note":    []byte("x"),
		"not a tree":    sign(t, "as.example/log\nbig\n", signer),
		"nothing":       nil,
		"cut at the en": signed[:len(signed)-5],
	} {
		if got, _, err := audit.OpenSigned(bad, note.VerifierList(signer.Verifier())); err == nil {
			t.Errorf("%s: opened as %v", name, got)
		}
	}
	if _, _, err := audit.OpenSigned(signed, note.VerifierList(stranger)); err == nil {
		t.Error("opened with another key")
	}
}

func sign(t testing.TB, text string, signers ...note.Signer) []byte {
	t.Helper()
	signed, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func FuzzParseCheckpoint(f *testing.F) {
	f.Add(testOrigin + "\n1\n" + tlog.RecordHash(nil).String() + "\n")
	f.Add("a\n0\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := audit.ParseCheckpoint(text)
		if err != nil {
			return
		}
		if c.Format() != text {
			t.Errorf("%q is written as %q", text, c.Format())
		}
		if other, err := torchwood.ParseCheckpoint(text); err != nil || other.Hash != c.Root || other.N != c.Size {
			t.Errorf("%q: torchwood reads %v, %v", text, other, err)
		}
	})
}

func TestTilePaths(t *testing.T) {
	for path, tile := range map[string]tlog.Tile{
		"tile/0/000":                     {H: 8, L: 0, N: 0, W: 256},
		"tile/0/000.p/1":                 {H: 8, L: 0, N: 0, W: 1},
		"tile/2/x001/x234/067.p/255":     {H: 8, L: 2, N: 1234067, W: 255},
		"tile/entries/x001/000":          {H: 8, L: -1, N: 1000, W: 256},
		"tile/entries/123.p/7":           {H: 8, L: -1, N: 123, W: 7},
		"tile/7/000":                     {H: 8, L: 7, N: 0, W: 256},
		"tile/0/x035/x184/x372/088/831":  {},
		"tile/0/x035/x184/x372/x088/831": {H: 8, L: 0, N: 35184372088831, W: 256}, // the last that 2 to 53 entries have
		"tile/0/x035/x184/x372/x088/832": {},
		"tile/8/000":                     {},
		"tile/-1/000":                    {},
		"tile/00/000":                    {},
		"tile/data/000":                  {},
		"tile/8/data/000":                {},
		"tile/entries/0":                 {},
		"tile/entries/000/":              {},
		"tile/0/x000/000":                {},
		"tile/0/000.p/0":                 {},
		"tile/0/000.p/256":               {},
		"tile/0/000.p/01":                {},
		"tile/0/000.p":                   {},
		"tile/0/../000":                  {},
		"/tile/0/000":                    {},
		"tile/0/-01":                     {},
		"tile/0/+01":                     {},
		"tile/":                          {},
		"":                               {},
	} {
		got, err := audit.ParseTilePath(path)
		if tile.H == 0 {
			if !errors.Is(err, audit.ErrMalformed) {
				t.Errorf("%q read as %v, %v", path, got, err)
			}
			continue
		}
		if err != nil || got != tile || audit.TilePath(tile) != path {
			t.Errorf("%q read as %+v, %v and written as %q", path, got, err, audit.TilePath(tile))
		}
		if other := torchwood.TilePath(tile); other != path {
			t.Errorf("torchwood writes %q for %q", other, path)
		}
	}
	if got := audit.OpeningsPath(1234067); got != "openings/x001/x234/067" {
		t.Errorf("openings of bundle 1234067 are at %s", got)
	}
}

// The tiles of a tree are those that package tlog would publish for it.
func TestTilesOfASize(t *testing.T) {
	for _, size := range []int64{0, 1, 255, 256, 257, 65535, 65536, 65537, 70000, 1<<24 + 300} {
		want := map[tlog.Tile]bool{}
		for _, tile := range tlog.NewTiles(audit.TileHeight, max(0, size-1000), size) {
			want[tile] = true
		}
		for tile := range want {
			if got := audit.HashTile(tile.L, tile.N, size); got != tile {
				t.Errorf("size %d: %v, want %v", size, got, tile)
			}
			if next := audit.HashTile(tile.L, tile.N+1, size); next.W > 0 && !want[next] {
				t.Errorf("size %d: %v is not a tile of it", size, next)
			}
		}
		if got := audit.EntryTile(size/256, size); got.W != int(size%256) || got.L != -1 {
			t.Errorf("size %d: entries %v", size, got)
		}
	}
}

func FuzzParseTilePath(f *testing.F) {
	for _, seed := range []string{"tile/0/000", "tile/entries/x001/067.p/9", "tile/63/x000/000.p/0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		tile, err := audit.ParseTilePath(path)
		if err == nil && (audit.TilePath(tile) != path || strings.Contains(path, "..") || strings.HasPrefix(path, "/")) {
			t.Errorf("%q read as %v", path, tile)
		}
	})
}

func TestEntries(t *testing.T) {
	var bundle []byte
	var want [][]byte
	for _, n := range []int{0, 1, 2048, 65535} {
		entry := bytes.Repeat([]byte{byte(n)}, n)
		var err error
		if bundle, err = audit.AppendEntry(bundle, entry); err != nil {
			t.Fatal(err)
		}
		want = append(want, entry)
	}
	got, err := audit.SplitEntries(bundle, len(want))
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	entry, rest, err := torchwood.ReadTileEntry(bundle)
	if err != nil || len(entry) != 0 || len(rest) != len(bundle)-2 {
		t.Errorf("torchwood reads %d bytes, %v", len(entry), err)
	}
	if _, err := audit.AppendEntry(nil, make([]byte, 65536)); err == nil {
		t.Error("an entry of 65536 bytes was taken")
	}
	for name, bad := range map[string][]byte{
		"one byte more": append(bytes.Clone(bundle), 0), "one byte less": bundle[:len(bundle)-1],
		"one entry less": bundle[:len(bundle)-65537], "one entry more": append(bytes.Clone(bundle), 0, 0), "nothing": nil,
	} {
		if got, err := audit.SplitEntries(bad, len(want)); !errors.Is(err, audit.ErrMalformed) {
			t.Errorf("%s: %d entries, %v", name, len(got), err)
		}
	}
}

func FuzzSplitEntries(f *testing.F) {
	f.Add([]byte{0, 1, 'a', 0, 0}, uint8(2))
	f.Add([]byte{0, 9, 'a'}, uint8(1))
	f.Fuzz(func(t *testing.T, bundle []byte, width uint8) {
		entries, err := audit.SplitEntries(bundle, int(width))
		if err != nil {
			return
		}
		var again []byte
		for _, e := range entries {
			again, _ = audit.AppendEntry(again, e)
		}
		if !bytes.Equal(again, bundle) || len(entries) != int(width) {
			t.Errorf("%x split into %d entries", bundle, len(entries))
		}
	})
}

func receiptVector() audit.Receipt {
	return audit.Receipt{
		Index: 1, Proof: tlog.RecordProof{tlog.RecordHash([]byte("a")), tlog.RecordHash([]byte("b"))},
		Checkpoint: []byte("origin\n3\nroot\n\n— origin sig\n"),
	}
}

func TestReceipts(t *testing.T) {
	r := receiptVector()
	data := audit.FormatReceipt(r)
	if other := torchwood.FormatProof(r.Index, r.Proof, r.Checkpoint); !bytes.Equal(other, data) {
		t.Errorf("%q, torchwood writes %q", data, other)
	}
	back, err := audit.ParseReceipt(data)
	if diff := cmp.Diff(r, back); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	hash := r.Proof[0].String()
	for name, change := range map[string][2]string{
		"another header":    {"@v1", "@v2"},
		"extra data":        {"index", "extra AAAA\nindex"},
		"no index":          {"index 1\n", ""},
		"a negative index":  {"index 1", "index -1"},
		"a leading zero":    {"index 1", "index 01"},
		"an index of 2^53":  {"index 1", "index 9007199254740992"},
		"a short hash":      {hash, hash[:40]},
		"a hash with space": {hash, hash + " "},
		"64 hashes":         {hash, strings.Repeat(hash+"\n", 63) + hash},
		"too large":         {"origin sig", strings.Repeat("s", 80<<10)},
		"no checkpoint":     {"\n\norigin", "\norigin"},
	} {
		bad := strings.Replace(string(data), change[0], change[1], 1)
		if name == "no checkpoint" {
			bad = bad[:strings.Index(bad, "\n\n")]
		}
		if bad == string(data) {
			t.Fatalf("%s: nothing was changed", name)
		}
		if got, err := audit.ParseReceipt([]byte(bad)); !errors.Is(err, audit.ErrMalformed) {
			t.Errorf("%s: read as %v, %v", name, got, err)
		}
	}
}

func FuzzParseReceipt(f *testing.F) {
	f.Add(audit.FormatReceipt(receiptVector()))
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 0\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := audit.ParseReceipt(data)
		if err == nil && !bytes.Equal(audit.FormatReceipt(r), data) {
			t.Errorf("%q is written as %q", data, audit.FormatReceipt(r))
		}
	})
}
