package store_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/store"
)

func TestKeyValidate(t *testing.T) {
	for name, c := range map[string]struct {
		key store.Key
		ok  bool
	}{
		"the usual":             {store.Key{Kind: "codes", ID: "a"}, true},
		"every character":       {store.Key{Kind: "a-z_09", ID: "\x00 /\xff"}, true},
		"the longest":           {store.Key{Kind: store.Kind(strings.Repeat("k", 32)), ID: strings.Repeat("i", store.MaxID)}, true},
		"no id":                 {store.Key{Kind: "codes"}, false},
		"an id too long":        {store.Key{Kind: "codes", ID: strings.Repeat("i", store.MaxID+1)}, false},
		"no kind":               {store.Key{ID: "a"}, false},
		"a kind too long":       {store.Key{Kind: store.Kind(strings.Repeat("k", 33)), ID: "a"}, false},
		"a capital in the kind": {store.Key{Kind: "Codes", ID: "a"}, false},
		"a zero in the kind":    {store.Key{Kind: "co\x00des", ID: "a"}, false}, // engines may end a kind with it
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.key.Validate(); (err == nil) != c.ok {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestExpiredAt(t *testing.T) {
	end := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	r := store.Record{Expires: end}
	if r.ExpiredAt(end.Add(-1)) || !r.ExpiredAt(end) || !r.ExpiredAt(end.Add(1)) {
		t.Error("a record is gone from the instant of its expiry on, and not before")
	}
	if (store.Record{}).ExpiredAt(end) {
		t.Error("a record without expiry has expired")
	}
}

func TestLeafIDsSortAsIndices(t *testing.T) {
	before := ""
	for _, i := range []uint64{0, 1, 9, 10, 15, 16, 255, 256, 1 << 32, math.MaxUint64} {
		id := store.LeafID(i)
		if got, err := store.ParseLeafID(id); err != nil || got != i {
			t.Errorf("leaf %d is %s is %d, %v", i, id, got, err)
		}
		if id <= before {
			t.Errorf("%s does not come after %s", id, before)
		}
		before = id
	}
}

func FuzzParseLeafID(f *testing.F) {
	for _, seed := range []string{"", "0", store.LeafID(0), store.LeafID(1 << 40), "00000000000000AB", "+000000000000001", "0x00000000000001", "00000000000000001", "0000_0000_000_01"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if i, err := store.ParseLeafID(id); err == nil && store.LeafID(i) != id {
			t.Errorf("%q is read as %d", id, i)
		}
	})
}
