package audit_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tenon-auth/tenon/audit"
)

// A forge makes logs on disk, right ones and wrong ones: it has the log's key and the keys of three witnesses, as the attackers
// of these tests have. It makes tiles with package tlog, and shares nothing with what is tested but the names of files.
type forge struct {
	t         testing.TB
	dir       string
	origin    string
	skey      string
	vkey      string
	witnesses []*audit.Cosigner
	names     []string
	now       time.Time
	entries   [][]byte
	openings  map[int64][]audit.Opening // by bundle
	hashes    []tlog.Hash
	done      int64 // entries that have tiles
}

const forgeOrigin = "as.bank.example/2026/as1"

var forgeStart = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// newForge begins a log with the entry log.opened.
func newForge(t testing.TB) *forge {
	t.Helper()
	f := &forge{t: t, dir: t.TempDir(), origin: forgeOrigin, now: forgeStart, openings: map[int64][]audit.Opening{}}
	f.skey, f.vkey = throwawayKey(f.origin, 1)
	for _, name := range []string{"audit-firm", "bank-b", "bank-c"} {
		f.addWitness(name)
	}
	f.leaf(audit.Leaf{Type: audit.LogOpened, Token: audit.LeafToken{Audience: f.origin}})
	return f
}

func (f *forge) addWitness(name string) {
	f.t.Helper()
	skey, _ := throwawayKey("witness."+name+".example", 4)
	w, err := audit.NewCosigner(skey, func() time.Time { return f.now })
	if err != nil {
		f.t.Fatal(err)
	}
	f.witnesses, f.names = append(f.witnesses, w), append(f.names, name)
}

// throwawayKey makes a key pair that is the same in every run, so that what a fuzzer found is good in another process. The type is
// that of C2SP signed-note: 1 for a log, 4 for a witness.
func throwawayKey(name string, kind byte) (skey, vkey string) {
	seed := sha256.Sum256([]byte(name))
	public := append([]byte{kind}, ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)...)
	sum := sha256.Sum256(append([]byte(name+"\n"), public...))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("PRIVATE+KEY+%s+%x+%s", name, sum[:4], encode(append([]byte{kind}, seed[:]...))), fmt.Sprintf("%s+%x+%s", name, sum[:4], encode(public))
}

// strange gives the log another key.
func (f *forge) strange() {
	f.t.Helper()
	var err error
	if f.skey, f.vkey, err = audit.GenerateKey(f.origin); err != nil {
		f.t.Fatal(err)
	}
}

// policyText names the log and its three witnesses; two must have signed, unless the quorum is "none".
func (f *forge) policyText(quorum string) string {
	var text strings.Builder
	text.WriteString("log " + f.vkey + "\n")
	for i, w := range f.witnesses {
		text.WriteString(fmt.Sprintf("witness %s %s\n", f.names[i], w.Verifier()))
	}
	return text.String() + "group two 2 " + strings.Join(f.names, " ") + "\nquorum " + quorum + "\n"
}

func (f *forge) policy(quorum string) *audit.Policy {
	f.t.Helper()
	return mustPolicy(f.t, f.policyText(quorum))
}

func mustPolicy(t testing.TB, text string) *audit.Policy {
	t.Helper()
	p, err := audit.ParsePolicy([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// leaf appends an entry, dated now unless it has a time, and lets a second pass.
func (f *forge) leaf(l audit.Leaf) int64 {
	f.t.Helper()
	if l.Time == 0 {
		l.Time = f.now.UnixMilli()
	}
	if l.Outcome == "" {
		l.Outcome = audit.OK
	}
	entry, err := l.Bytes()
	if err != nil {
		f.t.Fatal(err)
	}
	f.now = f.now.Add(time.Second)
	return f.raw(entry)
}

// raw appends any bytes.
func (f *forge) raw(entry []byte) int64 {
	f.entries = append(f.entries, entry)
	return int64(len(f.entries)) - 1
}

// fill appends n heartbeats.
func (f *forge) fill(n int) {
	for range n {
		f.leaf(audit.Leaf{Type: audit.LogHeartbeat})
	}
}

// A grant is an issuance with everything that belongs to it.
type grant struct {
	index   int64
	payload string // the token's claims
	proof   string
	opening audit.Opening
}

// issue appends an issuance bound to a key. The token has its entry's index in it.
func (f *forge) issue(jkt, jti string, change func(*audit.Leaf, *audit.Opening)) grant {
	f.t.Helper()
	index := int64(len(f.entries))
	g := grant{index: index, proof: fakeProof(jkt, "POST", "https://as.bank.example/token", f.now)}
	g.payload = f.claims(jkt, jti, index)
	digest, err := audit.ClaimsDigest([]byte(g.payload))
	if err != nil {
		f.t.Fatal(err)
	}
	salts := [4]audit.Salt{}
	for i := range salts {
		salts[i] = audit.Salt{byte(i), byte(index), byte(index >> 8)}
	}
	salts[0] = audit.Salt{9, jkt[0]} // one a key
	detail := []byte(`{"ip":"192.0.2.7"}`)
	l := audit.Leaf{
		Type:     audit.TokenIssued,
		Binding:  audit.LeafBinding{Method: audit.ByJKT, Key: audit.KeyCommitment(salts[0], jkt)},
		Token:    audit.LeafToken{ID: audit.TokenCommitment(salts[1], jti), Claims: digest, Account: audit.AccountCommitment(salts[2], "alice"), Client: "tpp-4711", Audience: "https://api.bank.example", Scope: "accounts", Expires: f.now.Unix() + 300},
		Evidence: audit.LeafEvidence{Proof: audit.ProofDigest(g.proof), Detail: audit.DetailCommitment(salts[3], detail)},
	}
	g.opening = audit.Opening{
		Index: uint64(index), KeySalt: salts[0].String(), TokenSalt: salts[1].String(), AccountSalt: salts[2].String(),
		Nonce: salts[3].String(), Detail: detail, Proof: g.proof,
	}
	if change != nil {
		change(&l, &g.opening)
		g.proof = g.opening.Proof
	}
	f.leaf(l)
	f.openings[index/audit.TileWidth] = append(f.openings[index/audit.TileWidth], g.opening)
	return g
}

func (f *forge) claims(jkt, jti string, index int64) string {
	return fmt.Sprintf(`{"iss":"https://as.bank.example","sub":"alice","aud":"https://api.bank.example","exp":%d,"iat":%d,"jti":%q,"client_id":"tpp-4711","cnf":{"jkt":%q},"tlog":{"o":%q,"i":%d}}`,
		forgeStart.Unix()+300, forgeStart.Unix(), jti, jkt, f.origin, index)
}

// fakeProof stands for a DPoP proof; checkFakeProof reads it. That of a thief, who cannot sign for the key, begins with "forged".
func fakeProof(jkt, htm, htu string, iat time.Time) string {
	return fmt.Sprintf("signed %s %s %s %d", jkt, htm, htu, iat.Unix())
}

func checkFakeProof(proof string) (jkt, htm, htu string, iat time.Time, err error) {
	var sign string
	var seconds int64
	if _, err := fmt.Sscanf(proof, "%s %s %s %s %d", &sign, &jkt, &htm, &htu, &seconds); err != nil {
		return "", "", "", time.Time{}, err
	}
	if sign != "signed" {
		return "", "", "", time.Time{}, errors.New("the signature is wrong")
	}
	return jkt, htm, htu, time.Unix(seconds, 0), nil
}

var forgeRules = audit.ProofRules{Check: checkFakeProof, URLs: []string{"https://as.bank.example/token"}}

// publish writes the tiles of all entries, and a checkpoint that the log and the given witnesses sign now.
func (f *forge) publish(witnesses ...int) []byte {
	f.t.Helper()
	f.writeTiles()
	signed := f.sign(f.skey, witnesses...)
	f.write("checkpoint", signed)
	if len(witnesses) > 0 {
		f.write(audit.ArchivePath(f.size()), signed)
	}
	return signed
}

func (f *forge) size() int64 { return int64(len(f.entries)) }

// sign makes a checkpoint of all entries with the given key.
func (f *forge) sign(skey string, witnesses ...int) []byte {
	f.t.Helper()
	f.writeTiles()
	root, err := tlog.TreeHash(f.size(), f.reader())
	if err != nil {
		f.t.Fatal(err)
	}
	return f.signText(audit.Checkpoint{Origin: f.origin, Size: f.size(), Root: root}.Format(), skey, witnesses...)
}

func (f *forge) signText(text, skey string, witnesses ...int) []byte {
	f.t.Helper()
	signer, err := note.NewSigner(skey)
	if err != nil {
		f.t.Fatal(err)
	}
	signers := []note.Signer{signer}
	for _, w := range witnesses {
		signers = append(signers, f.witnesses[w])
	}
	signed, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		f.t.Fatal(err)
	}
	return signed
}

func (f *forge) reader() tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		all := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			all[i] = f.hashes[x]
		}
		return all, nil
	})
}

// writeTiles brings the tiles and side files up to the entries.
func (f *forge) writeTiles() {
	f.t.Helper()
	size := f.size()
	for i := f.done; i < size; i++ {
		more, err := tlog.StoredHashes(i, f.entries[i], f.reader())
		if err != nil {
			f.t.Fatal(err)
		}
		f.hashes = append(f.hashes, more...)
	}
	for _, tile := range tlog.NewTiles(audit.TileHeight, f.done, size) {
		data, err := tlog.ReadTileData(tile, f.reader())
		if err != nil {
			f.t.Fatal(err)
		}
		f.write(audit.TilePath(tile), data)
		if tile.L == 0 {
			tile.L = -1
			f.write(audit.TilePath(tile), f.bundle(tile))
		}
	}
	f.done = size
	for n, all := range f.openings {
		data, err := audit.FormatOpenings(all)
		if err != nil {
			f.t.Fatal(err)
		}
		f.write(audit.OpeningsPath(n), data)
	}
}

// bundle is the content of a tile of entries.
func (f *forge) bundle(tile tlog.Tile) []byte {
	var data []byte
	for i := tile.N * audit.TileWidth; i < tile.N*audit.TileWidth+int64(tile.W); i++ {
		data = append(data, byte(len(f.entries[i])>>8), byte(len(f.entries[i])))
		data = append(data, f.entries[i]...)
	}
	return data
}

// rewrite begins the tree anew, as somebody does who alters entries and has the log's key.
func (f *forge) rewrite(change func()) {
	f.t.Helper()
	change()
	f.done, f.hashes = 0, nil
	if err := os.RemoveAll(filepath.Join(f.dir, "tile")); err != nil {
		f.t.Fatal(err)
	}
	f.writeTiles()
}

func (f *forge) write(path string, data []byte) {
	f.t.Helper()
	path = filepath.Join(f.dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f *forge) read(path string) []byte {
	f.t.Helper()
	return readFile(f.t, f.dir, path)
}

func (f *forge) remove(path string) {
	f.t.Helper()
	if err := os.RemoveAll(filepath.Join(f.dir, filepath.FromSlash(path))); err != nil {
		f.t.Fatal(err)
	}
}

func (f *forge) source() *audit.DirSource {
	f.t.Helper()
	s, err := audit.OpenDir(f.dir)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = s.Close() })
	return s
}

// verify verifies the log as it stands, a second after its last entry, with a quorum of two.
func (f *forge) verify(change func(*audit.VerifyConfig)) *audit.Report {
	f.t.Helper()
	c := audit.VerifyConfig{Source: f.source(), Policy: f.policy("two"), Evidence: filepath.Join(f.t.TempDir(), "evidence"), Now: func() time.Time { return f.now }}
	if change != nil {
		change(&c)
	}
	r, err := audit.Verify(context.Background(), c)
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := json.Marshal(r); err != nil {
		f.t.Fatal(err)
	}
	return r
}

// unwitnessed is a change for verify: a policy without witnesses.
func (f *forge) unwitnessed(c *audit.VerifyConfig) { c.Policy = f.policy("none") }

func jktOf(c string) string { return strings.Repeat(c, 42) + "A" }

// sumsOf is the list of files in a bundle's manifest.
func sumsOf(files map[string][]byte) map[string]string {
	sums := map[string]string{}
	for name, data := range files {
		if name != "manifest.json" {
			sums[name] = fmt.Sprintf("%x", sha256.Sum256(data))
		}
	}
	return sums
}
