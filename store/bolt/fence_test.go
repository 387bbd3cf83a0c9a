package bolt_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/store/bolt"
)

// A past is a replay file with a history. Its clock starts an hour after whatever fence its creation called for.
type past struct {
	bolt.ReplaysConfig
	t   *testing.T
	now time.Time
}

// newPast has a file that was made, used for longer than a window and closed.
func newPast(t *testing.T) *past {
	p := &past{t: t, now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	p.ReplaysConfig = bolt.ReplaysConfig{Path: filepath.Join(t.TempDir(), "replays"), Capacity: 1000, Window: window, Now: func() time.Time { return p.now }}
	p.must(p.open(bolt.Sync).Close())
	p.now = p.now.Add(time.Hour)
	return p
}

func (p *past) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *past) open(mode bolt.Mode) *bolt.Replays {
	p.t.Helper()
	p.Mode = mode
	return replays(p.t, p.ReplaysConfig)
}

func (p *past) read(suffix string) []byte {
	data, err := os.ReadFile(p.Path + suffix)
	p.must(err)
	return data
}

func TestFence(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(p *past)
		needed  bool
	}{
		"a clean stop":                {func(p *past) {}, false},
		"killed in sync mode":         {func(p *past) { p.must(p.open(bolt.Sync).Abandon()) }, false},
		"killed in fenced mode":       {func(p *past) { p.must(p.open(bolt.Fenced).Abandon()) }, true},
		"a clean stop in fenced mode": {func(p *past) { p.must(p.open(bolt.Fenced).Close()) }, false},
		"the file is gone":            {func(p *past) { p.must(os.Remove(p.Path)) }, true},
		"the file and its note are gone": {func(p *past) {
			p.must(errors.Join(os.Remove(p.Path), os.Remove(p.Path+".epoch")))
		}, true},
		"the note is gone":       {func(p *past) { p.must(os.Remove(p.Path + ".epoch")) }, true},
		"the note is not a note": {func(p *past) { p.must(os.WriteFile(p.Path+".epoch", []byte("?"), 0o600)) }, true},
		"an older copy was put into the file": {func(p *past) {
			copied := p.read("")
			p.must(p.open(bolt.Sync).Close())
			p.must(os.WriteFile(p.Path, copied, 0o600))
		}, true},
		"a copy made while it was open was put into it": {func(p *past) {
			r := p.open(bolt.Sync)
			copied := p.read("")
			p.must(r.Close())
			p.must(os.WriteFile(p.Path, copied, 0o600))
		}, true},
		"file and note were copied to another file": {func(p *past) {
			copied, note := p.read(""), p.read(".epoch")
			p.Path += " moved" // the original stays, so that its inode is not used again
			p.must(os.WriteFile(p.Path, copied, 0o600))
			p.must(os.WriteFile(p.Path+".epoch", note, 0o600))
		}, true},
		"a fence that was needed less than a window ago": {func(p *past) {
			p.must(p.open(bolt.Fenced).Abandon())
			p.must(p.open(bolt.Sync).Close())
			p.now = p.now.Add(window)
		}, true},
		"that fence does not put off its own end": {func(p *past) {
			p.must(p.open(bolt.Fenced).Abandon())
			p.must(p.open(bolt.Sync).Close())
			p.now = p.now.Add(window)
			p.must(p.open(bolt.Sync).Close())
			p.now = p.now.Add(time.Second)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPast(t)
			c.happens(p)
			r := p.open(bolt.Sync)
			got, needed := r.Fence()
			if needed != c.needed || got != window || needed != (r.FenceReason() != "") {
				t.Errorf("fence of %s needed: %t %q, want %t", got, needed, r.FenceReason(), c.needed)
			}
		})
	}
}

func TestANewFileNeedsAFence(t *testing.T) {
	modes(t, func(t *testing.T, mode bolt.Mode) {
		r := replays(t, bolt.ReplaysConfig{Path: filepath.Join(t.TempDir(), "replays"), Mode: mode})
		if _, needed := r.Fence(); !needed {
			t.Error("it may be new because somebody deleted the old one")
		}
	})
}
