package bolt_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/store/bolt"
	"github.com/tenon-auth/tenon/store/storetest"
)

func openEngine(t testing.TB, dir string, now func() time.Time) storetest.Engine {
	s, err := bolt.Open(bolt.Config{Path: filepath.Join(dir, "tenon.db"), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return storetest.Engine{Store: s, Close: s.Close, Check: s.Check, Sweep: s.Sweep}
}

func TestStore(t *testing.T) { storetest.Run(t, openEngine) }

func TestStoreKilled(t *testing.T) {
	rounds := 50
	if testing.Short() {
		rounds = 5
	}
	storetest.Killed(t, openEngine, rounds)
}
