package audit

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/tenon-auth/tenon/store"
)

// A recorded is an entry with its receipt, as /log/entry/{index} gives it.
type recorded struct {
	Entry   string `json:"entry"`   // the leaf in base64url
	Receipt string `json:"receipt"` // a tlog-proof
}

// serveEntry gives the entry of a token to whoever knows the token: the query names the digest of its claims, which nobody can
// guess. It is what a resource server asks before it accepts a token for the first time, so an entry that was only just
// committed is published at once.
func (p *Publisher) serveEntry(w http.ResponseWriter, r *http.Request) {
	index, err := strconv.ParseUint(r.PathValue("index"), 10, 63)
	if err != nil || !isDigest(r.URL.Query().Get("claims")) {
		http.NotFound(w, r)
		return
	}
	entry, err := p.entry(r.Context(), index)
	if err != nil && !errors.Is(err, ErrNoEntry) {
		http.Error(w, "the log cannot be read", http.StatusServiceUnavailable)
		return
	}
	if err != nil || !tells(entry, r.URL.Query().Get("claims")) {
		http.NotFound(w, r) // the same answer: whether there is an entry is not told
		return
	}
	receipt, err := p.Receipt(r.Context(), index)
	if err != nil {
		http.Error(w, "the log cannot be read", http.StatusServiceUnavailable)
		return
	}
	body, err := json.Marshal(recorded{base64.RawURLEncoding.EncodeToString(entry), string(receipt)})
	if err != nil {
		http.Error(w, "the log cannot be read", http.StatusServiceUnavailable)
		return
	}
	answer(w, "application/json", "no-store", body)
}

// tells reports whether an entry is about a token whose claims have the digest.
func tells(entry []byte, digest string) bool {
	leaf, err := ParseLeaf(entry)
	return err == nil && leaf.Token.Claims != "" && subtle.ConstantTimeCompare([]byte(leaf.Token.Claims), []byte(digest)) == 1
}

// entry reads an entry from the store, or from its tile when it has left the store.
func (p *Publisher) entry(ctx context.Context, index uint64) ([]byte, error) {
	record, err := p.store.Get(ctx, store.Key{Kind: store.Leaves, ID: store.LeafID(index)})
	if err == nil || !errors.Is(err, store.ErrNotFound) {
		return record.Body, err
	}
	if index >= uint64(p.Newest().Size) {
		return nil, ErrNoEntry
	}
	bundle, err := p.files.readTile(EntryTile(int64(index/TileWidth), p.Newest().Size))
	if err != nil {
		return nil, err
	}
	for range index % TileWidth {
		if _, bundle, err = NextEntry(bundle); err != nil {
			return nil, err
		}
	}
	entry, _, err := NextEntry(bundle)
	return entry, err
}
