package audit_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tenon-auth/tenon/audit"
)

func TestHandler(t *testing.T) {
	d := newDesk(t)
	d.write(t, 300) // 302 with the first two
	d.publish(t)
	d.write(t, 5) // not published
	killed := filepath.Join(d.log(), "tile/0/001.p/47")
	if err := os.WriteFile(killed, make([]byte, 47*tlog.HashSize), 0o644); err != nil { // by one who did not come to the checkpoint
		t.Fatal(err)
	}
	handler := d.publisher.Handler(func(r *http.Request) bool { return r.Header.Get("Authorization") == "Auditor" })
	const immutable = "max-age=31536000, immutable"
	for _, tt := range []struct {
		method, path, auth string
		status             int
		cache              string
		file               string // whose content the body is
	}{
		{"GET", "/log/checkpoint", "", 200, "no-store", "checkpoint"},
		{"HEAD", "/log/checkpoint", "", 200, "no-store", ""},
		{"GET", "/log/tile/0/000", "", 200, "public, " + immutable, "tile/0/000"},
		{"GET", "/log/tile/0/001.p/46", "", 200, "no-store", "tile/0/001.p/46"},
		{"GET", "/log/tile/1/000.p/1", "", 200, "no-store", "tile/1/000.p/1"},
		{"GET", "/log/tile/entries/000", "Auditor", 200, "private, " + immutable, "tile/entries/000"},
		{"GET", "/log/tile/entries/001.p/46", "Auditor", 200, "no-store", "tile/entries/001.p/46"},
		{"GET", "/log/tile/entries/000", "", 403, "", ""},
		{"GET", "/log/tile/entries/001.p/46", "Somebody", 403, "", ""},
		{"GET", "/log/tile/0/001.p/47", "", 404, "", ""}, // no checkpoint covers it
		{"GET", "/log/tile/0/001.p/47", "Auditor", 404, "", ""},
		{"GET", "/log/tile/0/001", "", 404, "", ""},
		{"GET", "/log/tile/0/002", "", 404, "", ""},
		{"GET", "/log/tile/1/000", "", 404, "", ""},
		{"GET", "/log/tile/2/000.p/1", "", 404, "", ""},
		{"GET", "/log/receipt/302", "", 404, "", ""},
		{"GET", "/log/receipt/-1", "", 404, "", ""},
		{"GET", "/log/receipt/01", "", 404, "", ""},
		{"GET", "/log/receipt/99999999999999999999", "", 404, "", ""},
		{"GET", "/log/openings/000", "Auditor", 404, "", ""},
		{"GET", "/log/lock", "Auditor", 404, "", ""},
		{"GET", "/log/tile/0/000.p", "", 404, "", ""},
		{"GET", "/log/tile/../checkpoint", "", 307, "", ""},
		{"GET", "/log/tile/%2e%2e/%2e%2e/key", "Auditor", 404, "", ""},
		{"GET", "/log/tile%2f0%2f000", "", 200, "public, " + immutable, "tile/0/000"},
		{"GET", "/log/", "", 404, "", ""},
		{"GET", "/checkpoint", "", 404, "", ""},
		{"POST", "/log/checkpoint", "", 405, "", ""},
	} {
		t.Run(tt.method+" "+tt.path+" "+tt.auth, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.path, nil)
			r.Header.Set("Authorization", tt.auth)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != tt.status || w.Header().Get("Cache-Control") != tt.cache {
				t.Errorf("%d, %q, want %d, %q", w.Code, w.Header().Get("Cache-Control"), tt.status, tt.cache)
			}
			if tt.file != "" && w.Body.String() != string(readFile(t, d.log(), tt.file)) {
				t.Errorf("the body is not %s", tt.file)
			}
		})
	}
	if n := d.publisher.Newest().Size; n != 302 {
		t.Errorf("a stranger's request published: %d entries", n)
	}
}

// Whoever has an older checkpoint still gets the partial tiles that it stands for, cut from the full ones.
func TestHandlerServesWhatPartialTilesBecame(t *testing.T) {
	d := newDesk(t)
	handler := d.publisher.Handler(func(*http.Request) bool { return true })
	d.write(t, 100)
	d.publish(t)
	before := map[string]string{}
	maps.Copy(before, files(t, d.log()))
	d.write(t, 400)
	d.publish(t)
	for path, data := range before {
		if _, err := os.Stat(filepath.Join(d.log(), path)); err == nil {
			t.Errorf("%s is still there", path)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/log/"+path, nil))
		if w.Code != 200 || w.Body.String() != data {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestHandlerServesReceipts(t *testing.T) {
	d := newDesk(t)
	handler := d.publisher.Handler(nil)
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w
	}
	if w := get("/log/checkpoint"); w.Code != 404 {
		t.Errorf("a checkpoint before the first: %d", w.Code)
	}
	d.write(t, 300)
	d.publish(t)
	entries := verify(t, d.log(), keyOf(t, d.dir))
	w := get("/log/receipt/17")
	r, err := audit.ParseReceipt(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	head := d.publisher.Newest()
	if err := tlog.CheckRecord(r.Proof, head.Size, head.Root, r.Index, tlog.RecordHash(entries[17])); err != nil || r.Index != 17 {
		t.Errorf("receipt of %d: %v", r.Index, err)
	}
	if w := get("/log/receipt/302"); w.Header().Get("Retry-After") == "" {
		t.Error("nothing says when to come again")
	}
	if w := get("/log/tile/entries/000"); w.Code != 403 {
		t.Errorf("entries without an auditor: %d", w.Code)
	}
	flip(t, d.dir, "tile/0/000")
	if w := get("/log/receipt/17"); w.Code != 503 || strings.Contains(w.Body.String(), d.dir) {
		t.Errorf("a receipt from a damaged tile: %d %s", w.Code, w.Body)
	}
}
