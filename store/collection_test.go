package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/store"
)

type client struct {
	Name     string `json:"name"`
	Disabled bool   `json:"disabled,omitempty"`
}

// A shelf answers with the bodies it has, in order; what is below is not the subject here.
type shelf []string

func (s shelf) record(i int) store.Record {
	return store.Record{Key: store.Key{Kind: "clients", ID: strconv.Itoa(i)}, Version: 7, Expires: time.Unix(9, 0), Body: []byte(s[i])}
}

func (s shelf) Get(_ context.Context, k store.Key) (store.Record, error) {
	i, err := strconv.Atoi(k.ID)
	if err != nil || i >= len(s) {
		return store.Record{}, store.ErrNotFound
	}
	return s.record(i), nil
}

func (s shelf) Scan(_ context.Context, _ store.Key, after string, n int) ([]store.Record, error) {
	var records []store.Record
	i, err := strconv.Atoi(after)
	if err != nil {
		i = -1
	}
	for i++; i < len(s) && len(records) < n; i++ {
		records = append(records, s.record(i))
	}
	return records, nil
}

func (s shelf) Commit(context.Context, *store.Change) (store.Receipt, error) {
	return store.Receipt{}, errors.New("nobody commits here")
}

var clients = store.Collection[client]{Kind: "clients"}

func TestCollectionReadsStrictly(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		ok   bool
	}{
		"the usual":                              {`{"name":"a","disabled":true}`, true},
		"a member that a newer version may obey": {`{"name":"a","frozen":true}`, false},
		"more after the value":                   {`{"name":"a"}{"disabled":true}`, false},
		"half of it":                             {`{"name":"a"`, false},
		"another shape":                          {`["a"]`, false},
		"nothing":                                {``, false},
	} {
		t.Run(name, func(t *testing.T) {
			item, err := clients.Get(t.Context(), shelf{c.body}, "0")
			if (err == nil) != c.ok {
				t.Errorf("get: %+v, %v", item, err)
			}
			if _, err := clients.Scan(t.Context(), shelf{c.body}, "", "", 1); (err == nil) != c.ok {
				t.Errorf("scan: %v", err)
			}
		})
	}
}

func TestCollectionItemsCarryTheRecord(t *testing.T) {
	want := store.Item[client]{ID: "0", Version: 7, Expires: time.Unix(9, 0), Value: client{Name: "a"}}
	got, err := clients.Get(t.Context(), shelf{`{"name":"a"}`}, "0")
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := clients.Get(t.Context(), shelf{}, "0"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%v, want ErrNotFound", err)
	}
}

func TestAllEndsAtTheFirstError(t *testing.T) {
	n := 0
	var last error
	for _, err := range clients.All(t.Context(), shelf{`{"name":"a"}`, `broken`, `{"name":"c"}`}, "") {
		n++
		last = err
	}
	if n != 1 || last == nil { // a page is read as a whole
		t.Errorf("%d steps, the last one %v", n, last)
	}
	for range clients.All(t.Context(), shelf{`{}`, `{}`}, "") {
		break // must not go on behind the loop's back
	}
}

func TestCollectionWrites(t *testing.T) {
	var c store.Change
	item := store.Item[client]{ID: "2", Version: 3, Expires: time.Unix(5, 0), Value: client{Name: "b"}}
	if err := errors.Join(clients.Insert(&c, "1", client{Name: "a"}, time.Unix(4, 0)), clients.Replace(&c, item)); err != nil {
		t.Fatal(err)
	}
	item.ID = "3"
	clients.Delete(&c, item)
	key := func(id string) store.Key { return store.Key{Kind: "clients", ID: id} }
	want := store.Change{
		Inserts:  []store.Record{{Key: key("1"), Expires: time.Unix(4, 0), Body: []byte(`{"name":"a"}`)}},
		Replaces: []store.Record{{Key: key("2"), Version: 3, Expires: time.Unix(5, 0), Body: []byte(`{"name":"b"}`)}},
		Deletes:  []store.Record{{Key: key("3"), Version: 3}},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	unwritable := store.Collection[chan int]{Kind: "channels"}
	var fault *json.UnsupportedTypeError
	if err := unwritable.Insert(&c, "1", nil, time.Time{}); !errors.As(err, &fault) {
		t.Errorf("insert: %v", err)
	}
	if err := unwritable.Replace(&c, store.Item[chan int]{ID: "1"}); !errors.As(err, &fault) {
		t.Errorf("replace: %v", err)
	}
}
