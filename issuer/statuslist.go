package issuer

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/tenon-auth/tenon/store"
)

// statusListType is the typ of a status list, and its media type (Token Status List §5.1, §8.1).
const statusListType = "statuslist+jwt"

// statusLists makes and keeps the signed lists. Half of the promised delay is spent on a list kept here, the other half is the
// ttl that verifiers keep it for.
type statusLists struct {
	cfg    Config
	urls   urls
	flight singleflight.Group
	mu     sync.Mutex
	kept   map[uint64]keptList
	newest uint64 // index of a token that is known to be there: the highest seen here
}

type keptList struct {
	token string
	until time.Time
}

// maxKeptLists bounds the memory; a list that is not kept is made again.
const maxKeptLists = 64

func newStatusLists(cfg Config, u urls) *statusLists {
	return &statusLists{cfg: cfg, urls: u, kept: make(map[uint64]keptList)}
}

// saw notes the index of a token that was issued.
func (l *statusLists) saw(index uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.newest = max(l.newest, index)
}

// seen gives an index that every token issued from now on comes after.
func (l *statusLists) seen() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.newest
}

// half is how long a list is kept here, and how long elsewhere.
func (l *statusLists) half() time.Duration { return l.cfg.Tokens.StatusTTL / 2 }

// list gives the signed list number n, or store.ErrNotFound when no token has an index in it.
func (l *statusLists) list(ctx context.Context, n uint64) (keptList, error) {
	l.mu.Lock()
	k, ok := l.kept[n]
	l.mu.Unlock()
	if ok && l.cfg.Now().Before(k.until) {
		return k, nil
	}
	// Who waits must not fail because the one who happened to be first went away.
	made, err, _ := l.flight.Do(strconv.FormatUint(n, 10), func() (any, error) { return l.build(context.WithoutCancel(ctx), n) })
	if err != nil {
		return keptList{}, err
	}
	return made.(keptList), nil
}

// build reads the marks, signs the list and keeps it. Time is read before the marks: the list is at least as fresh as it says.
func (l *statusLists) build(ctx context.Context, n uint64) (keptList, error) {
	now := l.cfg.Now()
	exists, err := l.exists(ctx, n)
	if err != nil {
		return keptList{}, err
	}
	if !exists {
		return keptList{}, store.ErrNotFound
	}
	bits, err := l.revoked(ctx, n)
	if err != nil {
		return keptList{}, err
	}
	payload, err := l.payload(n, bits, now)
	if err != nil {
		return keptList{}, err
	}
	key, err := l.cfg.Signing.active(now)
	if err != nil {
		return keptList{}, err
	}
	token, err := key.sign(statusListType, payload)
	if err != nil {
		return keptList{}, err
	}
	k := keptList{token, now.Add(l.half())}
	l.keep(n, k)
	return k, nil
}

func (l *statusLists) keep(n uint64, k keptList) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.kept) >= maxKeptLists {
		clear(l.kept)
	}
	l.kept[n] = k
}

// exists keeps strangers from having lists signed that nobody needs. The first list always exists; a later one does when
// a leaf or a live token has an index in it or after it.
func (l *statusLists) exists(ctx context.Context, n uint64) (bool, error) {
	l.mu.Lock()
	known := n <= l.newest/statusListSize
	l.mu.Unlock()
	if known {
		return true, nil
	}
	if n > 1<<63/statusListSize {
		return false, nil
	}
	before := store.LeafID(n*statusListSize - 1)
	for _, kind := range []store.Kind{liveTokens.Kind, store.Leaves} {
		found, err := l.cfg.Store.Scan(ctx, store.Key{Kind: kind}, before, 1)
		if err != nil || len(found) > 0 {
			return err == nil, err
		}
	}
	return false, nil
}

// revoked gives the bits of a list: index 0 is the lowest bit of the first byte (Token Status List §4.1).
func (l *statusLists) revoked(ctx context.Context, n uint64) ([]byte, error) {
	const page = 1024
	bits := make([]byte, statusListSize/8)
	first := n * statusListSize
	after := ""
	if first > 0 {
		after = store.LeafID(first - 1)
	}
	for {
		marks, err := l.cfg.Store.Scan(ctx, store.Key{Kind: revokedTokens.Kind}, after, page)
		if err != nil {
			return nil, err
		}
		for _, m := range marks {
			index, err := store.ParseLeafID(m.Key.ID)
			if err != nil {
				return nil, err
			}
			if index-first >= statusListSize {
				return bits, nil
			}
			bits[(index-first)/8] |= 1 << ((index - first) % 8)
			after = m.Key.ID
		}
		if len(marks) < page {
			return bits, nil
		}
	}
}

// payload gives the claims (Token Status List §5.1).
func (l *statusLists) payload(n uint64, bits []byte, now time.Time) ([]byte, error) {
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	if _, err := z.Write(bits); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	type statusList struct {
		Bits int    `json:"bits"`
		List string `json:"lst"`
	}
	return json.Marshal(struct {
		Issuer  string     `json:"iss"`
		Subject string     `json:"sub"`
		Issued  int64      `json:"iat"`
		Expires int64      `json:"exp"`
		TTL     int64      `json:"ttl"`
		List    statusList `json:"status_list"`
	}{
		l.cfg.Issuer, l.urls.statusList(n), now.Unix(), now.Add(l.lifetime()).Unix(), int64(l.half() / time.Second),
		statusList{1, base64.RawURLEncoding.EncodeToString(packed.Bytes())},
	})
}

// lifetime is how long a list may be believed when no newer one can be fetched.
func (l *statusLists) lifetime() time.Duration { return max(time.Minute, 3*l.cfg.Tokens.StatusTTL) }

// serveStatus is the status list endpoint (Token Status List §8).
func (i *Issuer) serveStatus(w http.ResponseWriter, r *http.Request, e *Event) error {
	n, err := strconv.ParseUint(listNumber(r), 10, 64)
	if err != nil {
		return notFound()
	}
	list, err := i.lists.list(r.Context(), n)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return notFound()
	case err != nil:
		return unavailable(fmt.Errorf("status list %d: %w", n, err))
	}
	// A cache on the way may keep it no longer than this server does: the ttl begins when the verifier has it.
	return servePublic(w, r, e, public{"application/" + statusListType, []byte(list.token), list.until.Sub(i.cfg.Now())})
}
