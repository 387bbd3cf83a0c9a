package audit_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/audit"
)

// zipOf packs a directory.
func zipOf(t testing.TB, dir string, method uint16) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: filepath.ToSlash(name), Method: method})
		if err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	})
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func openZip(t testing.TB, data []byte) *audit.ZipSource {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log.zip")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	z, err := audit.OpenZip(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = z.Close() })
	return z
}

func TestALogInAZipIsVerified(t *testing.T) {
	f := newForge(t)
	f.fill(300)
	f.publish(0, 1)
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		z := openZip(t, zipOf(t, f.dir, method))
		r := f.verify(func(c *audit.VerifyConfig) { c.Source = z })
		clean(t, r)
		if r.Counts.Archived != 1 {
			t.Errorf("archived %d", r.Counts.Archived)
		}
	}
}

// What is damaged inside is named as in a directory, whatever the zip's own checksums say.
func TestADamagedZipIsJudgedByTheLog(t *testing.T) {
	f := newForge(t)
	f.fill(10)
	f.publish(0, 1)
	data := zipOf(t, f.dir, zip.Store)
	at := bytes.Index(data, f.entries[7])
	data[at+9] ^= 1
	r := f.verify(func(c *audit.VerifyConfig) { c.Source = openZip(t, data) })
	demand(t, r, wanted{audit.LeafMismatch, 7, "tile/entries/000.p/11", 1})
	packed := zipOf(t, f.dir, zip.Deflate)
	for i := range packed {
		bad := bytes.Clone(packed)
		bad[i] ^= 0x10
		z, err := audit.NewZipSource(bytes.NewReader(bad), int64(len(bad)))
		if err != nil {
			continue
		}
		r, err := audit.Verify(t.Context(), audit.VerifyConfig{Source: z, Policy: f.policy("two")})
		if err == nil && r.Clean() && r.Root != openHead(t, f, f.read("checkpoint")).Root {
			t.Fatalf("byte %d: another root was accepted", i)
		}
	}
}

func TestZipsAreRefused(t *testing.T) {
	pack := func(headers ...zip.FileHeader) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, h := range headers {
			if _, err := z.CreateHeader(&h); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	link := zip.FileHeader{Name: "checkpoint"}
	link.SetMode(fs.ModeSymlink | 0o777)
	for name, data := range map[string][]byte{
		"not a zip":        []byte("hello"),
		"empty":            {},
		"a name twice":     pack(zip.FileHeader{Name: "a"}, zip.FileHeader{Name: "a"}),
		"a way out":        pack(zip.FileHeader{Name: "../a"}),
		"an absolute name": pack(zip.FileHeader{Name: "/a"}),
		"a backslash":      pack(zip.FileHeader{Name: `a\b`}),
		"a link":           pack(link),
	} {
		if _, err := audit.NewZipSource(bytes.NewReader(data), int64(len(data))); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	data := pack(zip.FileHeader{Name: "tile/"}, zip.FileHeader{Name: "tile/a"}, zip.FileHeader{Name: "tile/b/c"}, zip.FileHeader{Name: "tile/.x"})
	z, err := audit.NewZipSource(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if names, err := z.List(t.Context(), "tile"); err != nil || !slices.Equal(names, []string{"a"}) {
		t.Errorf("%q, %v", names, err)
	}
	if _, err := z.ReadFile(t.Context(), "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := z.Close(); err != nil {
		t.Error(err)
	}
}

// A file that says it is small and is not, or the other way round, costs no memory.
func TestLargeFilesAreNotRead(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, zeros{}, 18<<20); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := openZip(t, b.Bytes()).ReadFile(t.Context(), "checkpoint"); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("zip: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "checkpoint"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "checkpoint"), 18<<20); err != nil {
		t.Fatal(err)
	}
	d, err := audit.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.ReadFile(t.Context(), "checkpoint"); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("directory: %v", err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.CopyN(w, zeros{}, 18<<20) // without a length
	}))
	defer server.Close()
	h, err := audit.NewHTTPSource(audit.HTTPConfig{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.ReadFile(t.Context(), "checkpoint"); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("HTTP: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// Nothing outside of the directory is read, wherever links lead.
func TestDirectoryHasNoWayOut(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "checkpoint")), os.Symlink(outside, filepath.Join(dir, "archive")), os.Mkdir(filepath.Join(dir, "tile"), 0o700)); err != nil {
		t.Fatal(err)
	}
	d, err := audit.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, path := range []string{"checkpoint", "../" + filepath.Base(outside) + "/secret", "archive/secret", "tile"} {
		if data, err := d.ReadFile(t.Context(), path); err == nil {
			t.Errorf("%s: read %q", path, data)
		}
	}
	if names, err := d.List(t.Context(), "archive"); err == nil {
		t.Errorf("listed %q", names)
	}
	if names, err := d.List(t.Context(), "none"); err != nil || names != nil {
		t.Errorf("a folder that is not there: %q, %v", names, err)
	}
}

func TestALogIsVerifiedOverHTTP(t *testing.T) {
	f := newForge(t)
	f.fill(300)
	f.publish(0, 1)
	files := http.FileServer(http.Dir(f.dir))
	server := httptest.NewServer(http.StripPrefix("/log", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/tile/entries/") && r.Header.Get("Authorization") != "Bearer auditor":
			w.WriteHeader(http.StatusForbidden)
		case strings.HasPrefix(r.URL.Path, "/tile/1"):
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		default:
			files.ServeHTTP(w, r)
		}
	})))
	defer server.Close()
	source := func(token string) *audit.HTTPSource {
		h, err := audit.NewHTTPSource(audit.HTTPConfig{URL: server.URL + "/log/", Token: token, Client: server.Client()})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	verify := func(token string) (*audit.Report, error) {
		return audit.Verify(t.Context(), audit.VerifyConfig{Source: source(token), Policy: f.policy("two")})
	}
	if _, err := verify(""); !errors.Is(err, audit.ErrNotAuthorized) {
		t.Errorf("without a token: %v", err)
	}
	if _, err := verify("auditor"); err == nil || !strings.Contains(err.Error(), "302") {
		t.Errorf("a redirect was followed: %v", err)
	}
	if _, err := source("").ReadFile(t.Context(), "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	f.rewrite(func() { f.entries = f.entries[:200] })
	f.publish(0, 1)
	f.remove("archive")
	r, err := verify("auditor")
	if err != nil {
		t.Fatal(err)
	}
	clean(t, r)
}

func TestHTTPSourceIsRefused(t *testing.T) {
	for _, url := range []string{"", "as.bank.example/log", "http://as.bank.example/log", "ftp://as.bank.example", "https://a:b@as.bank.example", "https://as.bank.example/?x", "https://as.bank.example/#x", "http://127.0.0.1.example/", ":"} {
		if _, err := audit.NewHTTPSource(audit.HTTPConfig{URL: url}); err == nil {
			t.Errorf("%q: accepted", url)
		}
	}
	for _, url := range []string{"https://as.bank.example/log", "http://localhost:8/log", "http://[::1]/", "http://127.0.0.1:1"} {
		if _, err := audit.NewHTTPSource(audit.HTTPConfig{URL: url}); err != nil {
			t.Errorf("%q: %v", url, err)
		}
	}
}
