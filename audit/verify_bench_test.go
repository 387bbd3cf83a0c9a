package audit_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"runtime"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tenon-auth/tenon/audit"
)

func memoryOf(t testing.TB, f *forge) audit.Source {
	t.Helper()
	m := fuzzSource{}
	for path, data := range files(t, f.dir) {
		m[path] = []byte(data)
	}
	m["checkpoint"] = f.read("checkpoint")
	return m
}

// benchLog is a log of issuances as an issuer writes them, about 560 bytes each.
func benchLog(b *testing.B, n int) (*forge, audit.Source) {
	f := newForge(b)
	for int(f.size()) < n {
		f.issue(jktOf("a"), "jti-1", func(l *audit.Leaf, _ *audit.Opening) {
			l.Token.KeyID, l.Token.Scope = "as-2026-11", "accounts payments openid offline_access"
			l.Evidence.Proof = "" // the same for all
		})
	}
	f.openings = nil
	f.publish(0, 1)
	source := memoryOf(b, f)
	return f, source
}

// BenchmarkVerify verifies a whole log on one core; x-raw is the cost against SHA-256 over the same entries and tree alone.
func BenchmarkVerify(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const leaves = 1 << 14
	f, source := benchLog(b, leaves)
	c := audit.VerifyConfig{Source: source, Policy: f.policy("two"), Now: func() time.Time { return f.now }}
	var verify, raw time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		if r, err := audit.Verify(b.Context(), c); err != nil || !r.Clean() {
			b.Fatal(r, err)
		}
		verify += time.Since(start)
		start = time.Now()
		hashAlone(f.entries)
		raw += time.Since(start)
	}
	done := float64(b.N) * leaves
	b.ReportMetric(verify.Seconds()/raw.Seconds(), "x-raw")
	b.ReportMetric(done/verify.Seconds(), "leaves/s")
	b.ReportMetric(done/raw.Seconds(), "leaves-hashed/s")
	b.ReportMetric(0, "ns/op")
}

// hashAlone does the hashing that no verification can do without.
func hashAlone(entries [][]byte) tlog.Hash {
	var room [1 + audit.MaxLeaf]byte
	row := make([]tlog.Hash, len(entries))
	for i, entry := range entries {
		row[i] = sha256.Sum256(room[:1+copy(room[1:], entry)])
	}
	for len(row) > 1 {
		next := row[:0]
		for i := 0; i+1 < len(row); i += 2 {
			next = append(next, tlog.NodeHash(row[i], row[i+1]))
		}
		row = next
	}
	return row[0]
}

// BenchmarkVerifyReceipt verifies a receipt at a checkpoint with two witnesses; x-raw is the cost against its three signatures.
func BenchmarkVerifyReceipt(b *testing.B) {
	f, source := benchLog(b, 1<<12)
	policy := f.policy("two")
	reader, err := audit.NewReader(b.Context(), source, policy)
	if err != nil {
		b.Fatal(err)
	}
	receipt, err := reader.Receipt(b.Context(), 1000)
	if err != nil {
		b.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		b.Fatal(err)
	}
	message := f.read("checkpoint")
	sig := ed25519.Sign(private, message)
	var verify, raw time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		if _, err := audit.VerifyReceipt(policy, f.entries[1000], receipt, audit.L2); err != nil {
			b.Fatal(err)
		}
		verify += time.Since(start)
		start = time.Now()
		for range 3 {
			if !ed25519.Verify(public, message, sig) {
				b.Fatal("raw")
			}
		}
		raw += time.Since(start)
	}
	b.ReportMetric(verify.Seconds()/raw.Seconds(), "x-raw")
	b.ReportMetric(float64(verify.Microseconds())/float64(b.N), "µs/receipt")
}
