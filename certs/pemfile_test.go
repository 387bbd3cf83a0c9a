package certs_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/certs"
)

// A pair is where a leaf has been saved.
type pair struct{ cert, key string }

func savePair(t testing.TB, dir string, leaf *certs.Leaf) pair {
	t.Helper()
	p := pair{filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")}
	save(t, leaf, p.cert, p.key)
	return p
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t testing.TB, path string, data []byte, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, data, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func pemOf(cs ...*x509.Certificate) []byte {
	var b bytes.Buffer
	for _, c := range cs {
		pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	return b.Bytes()
}

func TestLeafSaveAndLoad(t *testing.T) {
	ca := newCA(t)
	leaf := newServer(t, ca, 0, "localhost")
	leaf.Chain = []*x509.Certificate{newCA(t).Certificate()} // stands for an intermediate
	p := savePair(t, t.TempDir(), leaf)
	checkMode(t, p.key, 0o600)
	checkMode(t, p.cert, 0o644)
	loaded, err := certs.LoadLeaf(p.cert, p.key)
	if err != nil {
		t.Fatal(err)
	}
	got, want := loaded.TLS(), leaf.TLS()
	if diff := cmp.Diff(want.Certificate, got.Certificate); diff != "" || len(got.Certificate) != 2 {
		t.Errorf("%d certificates: %s", len(got.Certificate), diff)
	}
	if !got.Leaf.Equal(leaf.Certificate) || len(loaded.Chain) != 1 {
		t.Error("the leaf is not the leaf")
	}
	write(t, p.key, nil, 0o644)
	save(t, leaf, p.cert, p.key)
	checkMode(t, p.key, 0o600) // also when a file that others may read was there before
	if err := leaf.Save(filepath.Join(p.cert, "x"), p.key); err == nil {
		t.Error("saved below a file")
	}
}

func TestLoadLeafRefuses(t *testing.T) {
	ca := newCA(t)
	leaf, other := newServer(t, ca, 0, "localhost"), newServer(t, ca, 0, "localhost")
	dir := t.TempDir()
	good, wrong := savePair(t, dir, leaf), savePair(t, t.TempDir(), other)
	keyPEM, certPEM := read(t, good.key), read(t, good.cert)
	file := func(name string, data []byte, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		write(t, path, data, mode)
		return path
	}
	for _, tt := range []struct{ name, cert, key string }{
		{"no certificate file", filepath.Join(dir, "absent"), good.key},
		{"no key file", good.cert, filepath.Join(dir, "absent")},
		{"the key of another certificate", good.cert, wrong.key},
		{"a key that others may read", good.cert, file("world", keyPEM, 0o604)},
		{"a key that others may write", good.cert, file("writable", keyPEM, 0o602)},
		{"our own key that the group may read", good.cert, file("group", keyPEM, 0o640)},
		{"a key that is cut off", good.cert, file("short.key", keyPEM[:len(keyPEM)/2], 0o600)},
		{"a certificate that is cut off", file("short.crt", certPEM[:len(certPEM)/2], 0o644), good.key},
		{"an empty certificate file", file("empty.crt", nil, 0o644), good.key},
		{"an empty key file", good.cert, file("empty.key", nil, 0o600)},
		{"the key in the certificate file", file("both.crt", append(append([]byte{}, certPEM...), keyPEM...), 0o644), good.key},
		{"a folder", dir, good.key},
		{"a folder as key", good.cert, dir},
		{"more than any certificate has", file("large.crt", append(certPEM[:len(certPEM):len(certPEM)], bytes.Repeat([]byte("#"), 1<<20)...), 0o644), good.key},
		{"more than any key has", good.cert, file("large.key", append(keyPEM[:len(keyPEM):len(keyPEM)], bytes.Repeat([]byte("#"), 1<<20)...), 0o600)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := certs.LoadLeaf(tt.cert, tt.key); err == nil {
				t.Error("loaded")
			}
		})
	}
	if _, err := certs.LoadLeaf(good.cert, good.key); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

// Kubernetes gives a secret to a process that is not root's as a file of root's that the process's group may read.
func TestKeyLentByRoot(t *testing.T) {
	for _, tt := range []struct {
		name        string
		mode        os.FileMode
		owner, self int
		want        bool
	}{
		{"root's, for the group to read", 0o440, 0, 1000, true},
		{"root's, for root to write", 0o640, 0, 1000, true},
		{"root's, for the group to write", 0o660, 0, 1000, false},
		{"root's, for the group to execute", 0o650, 0, 1000, false},
		{"root's, for everybody to read", 0o444, 0, 1000, false},
		{"somebody else's", 0o440, 1001, 1000, false},
		{"our own", 0o440, 1000, 1000, false},
		{"root's own", 0o440, 0, 0, false},
	} {
		if got := certs.LentByRoot(tt.mode, tt.owner, tt.self); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// Symbolic links are followed, and what they lead to is judged like any key.
func TestLoadLeafThroughLinks(t *testing.T) {
	dir := t.TempDir()
	p := savePair(t, dir, newServer(t, newCA(t), 0, "localhost"))
	link := pair{filepath.Join(dir, "link.crt"), filepath.Join(dir, "link.key")}
	for from, to := range map[string]string{link.cert: "tls.crt", link.key: "tls.key"} {
		if err := os.Symlink(to, from); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := certs.LoadLeaf(link.cert, link.key); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(p.key, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := certs.LoadLeaf(link.cert, link.key); err == nil {
		t.Error("a link led to a key that others may read, and it was taken")
	}
}

func TestLoadPool(t *testing.T) {
	first, second := newCA(t), newCA(t)
	dir := t.TempDir()
	file := func(name string, parts ...[]byte) string {
		path := filepath.Join(dir, name)
		write(t, path, bytes.Join(parts, nil), 0o644)
		return path
	}
	a, b := pemOf(first.Certificate()), pemOf(second.Certificate())
	p := savePair(t, t.TempDir(), newServer(t, first, 0, "localhost"))
	broken := bytes.Replace(a, []byte("\nMII"), []byte("\n!!!"), 1)
	for _, tt := range []struct {
		name  string
		paths []string
		trust []*certs.CA // nil: refused
	}{
		{"one CA", []string{file("one", a)}, []*certs.CA{first}},
		{"two CAs in one file", []string{file("bundle", a, b)}, []*certs.CA{first, second}},
		{"two CAs in two files", []string{file("1", a), file("2", b)}, []*certs.CA{first, second}},
		{"comments", []string{file("comments", []byte("# the first\n"), a, []byte("the second\n"), b, []byte("end\n"))}, []*certs.CA{first, second}},
		{"no path", nil, nil},
		{"no file", []string{filepath.Join(dir, "absent")}, nil},
		{"an empty file", []string{file("empty")}, nil},
		{"a file of something else", []string{file("text", []byte("hello\n"))}, nil},
		{"a good file and a bad one", []string{file("good", a), file("bad", []byte("hello\n"))}, nil},
		{"a private key", []string{p.key}, nil},
		{"a private key behind a certificate", []string{file("leak", a, read(t, p.key))}, nil},
		{"a block that cannot be read before a good one", []string{file("broken first", broken, b)}, nil},
		{"a block that cannot be read behind a good one", []string{file("broken last", b, broken)}, nil},
		{"a block that is cut off", []string{file("cut", b, a[:len(a)-20])}, nil},
		{"a certificate by another name", []string{file("other name", bytes.ReplaceAll(a, []byte("CERTIFICATE"), []byte("X509 CERTIFICATE")))}, nil},
		{"PEM of something that is no certificate", []string{file("no certificate", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{0x30, 0}}))}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pool, err := certs.LoadPool(tt.paths...)
			if (err == nil) != (tt.trust != nil) || (err != nil && pool != nil) {
				t.Fatalf("%v, %v", pool, err)
			}
			if err != nil {
				return
			}
			want := x509.NewCertPool()
			for _, ca := range tt.trust {
				want.AddCert(ca.Certificate())
			}
			if !pool.Equal(want) {
				t.Error("the pool trusts others")
			}
		})
	}
}

// Every fault is told at once.
func TestLoadPoolTellsAllFaults(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	_, err := certs.LoadPool(a, b)
	if err == nil || !bytes.Contains([]byte(err.Error()), []byte(a)) || !bytes.Contains([]byte(err.Error()), []byte(b)) {
		t.Errorf("%v does not name both files", err)
	}
}

// Arbitrary bytes as PEM: what is read holds every block that was begun, and reads the same when written again.
func FuzzParseCertificates(f *testing.F) {
	ca := newCA(f)
	good := pemOf(ca.Certificate())
	f.Add(good)
	f.Add(append(append([]byte("comment\n"), good...), good...))
	f.Add(good[:len(good)-10])
	f.Add(bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")))
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{0x30, 0}}))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		cs, err := certs.ParseCertificates(data)
		if err != nil {
			if cs != nil {
				t.Error("certificates came with an error")
			}
			return
		}
		if len(cs) == 0 || len(cs) != bytes.Count(data, []byte("-----BEGIN ")) {
			t.Fatalf("%d certificates", len(cs))
		}
		again, err := certs.ParseCertificates(pemOf(cs...))
		if err != nil || len(again) != len(cs) || !again[0].Equal(cs[0]) {
			t.Errorf("written again: %v", err)
		}
	})
}

// Arbitrary bytes as key, and as certificate: whatever is taken is a pair.
func FuzzParseLeaf(f *testing.F) {
	leaf := newServer(f, newCA(f), 0, "localhost")
	p := savePair(f, f.TempDir(), leaf)
	certPEM, keyPEM := read(f, p.cert), read(f, p.key)
	f.Add(certPEM, keyPEM)
	f.Add(keyPEM, certPEM)
	f.Add(certPEM, bytes.ReplaceAll(keyPEM, []byte("PRIVATE"), []byte("EC PRIVATE")))
	f.Add(append(certPEM, certPEM...), keyPEM[:len(keyPEM)-9])
	f.Fuzz(func(t *testing.T, certPEM, keyPEM []byte) {
		leaf, err := certs.ParseLeaf(certPEM, keyPEM)
		if err != nil {
			return
		}
		got, err := x509.MarshalPKIXPublicKey(leaf.Key.Public())
		if err != nil || !bytes.Equal(got, leaf.Certificate.RawSubjectPublicKeyInfo) {
			t.Errorf("the key is not the certificate's: %v", err)
		}
	})
}
