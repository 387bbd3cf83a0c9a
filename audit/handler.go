package audit

import (
	"errors"
	"io/fs"
	"net/http"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

// Handler serves the log below /log/: checkpoint, tiles and receipts to everybody, bundles of entries only to those whom auditor
// says yes to. A nil auditor lets nobody have entries. Who shows that it has a token may have that token's entry. Openings are
// not served.
func (p *Publisher) Handler(auditor func(*http.Request) bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /log/checkpoint", p.serveCheckpoint)
	mux.HandleFunc("GET /log/receipt/{index}", p.serveReceipt)
	mux.HandleFunc("GET /log/entry/{index}", p.serveEntry)
	mux.HandleFunc("GET /log/{path...}", func(w http.ResponseWriter, r *http.Request) { p.serveTile(w, r, auditor) })
	return mux
}

func (p *Publisher) serveCheckpoint(w http.ResponseWriter, _ *http.Request) {
	signed := p.Signed()
	if signed == nil {
		http.Error(w, "nothing has been published yet", http.StatusNotFound)
		return
	}
	answer(w, "text/plain; charset=utf-8", "no-store", signed)
}

// serveReceipt gives receipts of what is published. It publishes nothing: a stranger must not set the pace.
func (p *Publisher) serveReceipt(w http.ResponseWriter, r *http.Request) {
	i, err := strconv.ParseUint(r.PathValue("index"), 10, 63)
	if err != nil || strconv.FormatUint(i, 10) != r.PathValue("index") {
		http.Error(w, "not an index", http.StatusNotFound)
		return
	}
	if _, ok := p.covering(i); !ok {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "no checkpoint has that entry yet", http.StatusNotFound)
		return
	}
	receipt, err := p.Receipt(r.Context(), i)
	if err != nil {
		http.Error(w, "the log cannot be read", http.StatusServiceUnavailable)
		return
	}
	answer(w, "text/plain; charset=utf-8", "no-store", receipt)
}

// serveTile gives tiles that the newest checkpoint covers.
func (p *Publisher) serveTile(w http.ResponseWriter, r *http.Request, auditor func(*http.Request) bool) {
	tile, err := ParseTilePath(r.PathValue("path"))
	if err != nil || !p.covered(tile) {
		http.NotFound(w, r)
		return
	}
	cache := "public"
	if tile.L == entriesLevel {
		if auditor == nil || !auditor(r) {
			http.Error(w, "entries are for auditors", http.StatusForbidden)
			return
		}
		cache = "private"
	}
	cache += ", max-age=31536000, immutable"
	if tile.W < TileWidth {
		cache = "no-store" // it is gone when it is full
	}
	data, err := p.files.readTile(tile)
	if errors.Is(err, fs.ErrNotExist) {
		http.NotFound(w, r)
		return
	}
	if err != nil {
		http.Error(w, "the log cannot be read", http.StatusServiceUnavailable)
		return
	}
	answer(w, "application/octet-stream", cache, data)
}

// covered reports whether the newest checkpoint vouches for all of a tile.
func (p *Publisher) covered(t tlog.Tile) bool {
	return t.N*TileWidth+int64(t.W) <= p.Newest().Size>>(TileHeight*max(t.L, 0))
}

func answer(w http.ResponseWriter, kind, cache string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", cache)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // whoever has gone does not need it
}
