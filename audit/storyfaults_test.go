package audit_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/audit"
)

func TestTimeStep(t *testing.T) {
	step := func(f *forge, by time.Duration, announced bool) {
		before := f.now
		f.now = f.now.Add(by)
		if announced {
			f.leaf(audit.Leaf{Type: audit.ClockStep, Span: audit.LeafSpan{From: before.UnixMilli(), To: f.now.UnixMilli()}})
		}
		f.fill(5)
		f.publish()
	}
	for _, by := range []time.Duration{-time.Hour, 24 * time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			f := newForge(t)
			f.fill(5)
			auditor := func(c *audit.VerifyConfig) {
				f.unwitnessed(c)
				c.Now = func() time.Time { return forgeStart.Add(time.Minute) }
			}
			step(f, by, false)
			demand(t, f.verify(auditor), wanted{audit.TimeStep, 6, "tile/entries/000.p/11", 1})
		})
		t.Run(by.String()+" announced", func(t *testing.T) {
			f := newForge(t)
			f.fill(5)
			step(f, by, true)
			r := f.verify(func(c *audit.VerifyConfig) {
				f.unwitnessed(c)
				c.Now = func() time.Time { return forgeStart.Add(48 * time.Hour) }
			})
			clean(t, r)
			if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "the clock was set") {
				t.Errorf("notes %q", r.Notes)
			}
		})
	}
	t.Run("announced, but from a time that never was", func(t *testing.T) {
		f := newForge(t)
		f.fill(5)
		f.leaf(audit.Leaf{Type: audit.ClockStep, Span: audit.LeafSpan{From: f.now.UnixMilli() - 60_000, To: f.now.UnixMilli()}})
		f.publish()
		demand(t, f.verify(f.unwitnessed), wanted{audit.TimeStep, 6, "", 1})
	})
	t.Run("announced, but the entry is of another time", func(t *testing.T) {
		f := newForge(t)
		f.fill(5)
		f.leaf(audit.Leaf{Type: audit.ClockStep, Span: audit.LeafSpan{From: f.now.UnixMilli(), To: f.now.UnixMilli() + 60_000}})
		f.publish()
		demand(t, f.verify(f.unwitnessed), wanted{audit.TimeStep, 6, "", 1})
	})
	t.Run("a single entry out of line is named once", func(t *testing.T) {
		f := newForge(t)
		f.fill(5)
		f.leaf(audit.Leaf{Type: audit.TokenRevoked, Time: forgeStart.Add(-time.Hour).UnixMilli()})
		f.fill(5)
		f.publish()
		demand(t, f.verify(f.unwitnessed), wanted{audit.TimeStep, 6, "", 1})
	})
	t.Run("the first entry is of tomorrow", func(t *testing.T) {
		f := newForge(t)
		f.publish()
		r := f.verify(func(c *audit.VerifyConfig) {
			f.unwitnessed(c)
			c.Now = func() time.Time { return forgeStart.Add(-time.Hour) }
		})
		demand(t, r, wanted{audit.TimeStep, 0, "", 1})
	})
}

func TestLoggingGap(t *testing.T) {
	silent := func(by time.Duration, next audit.Leaf, before ...audit.Leaf) *audit.Report {
		f := newForge(t)
		f.fill(5)
		for _, l := range before {
			f.leaf(l)
		}
		f.now = f.now.Add(by)
		f.leaf(next)
		f.publish()
		return f.verify(f.unwitnessed)
	}
	beat, opened := audit.Leaf{Type: audit.LogHeartbeat}, audit.Leaf{Type: audit.LogOpened, Token: audit.LeafToken{Audience: forgeOrigin}}
	clean(t, silent(70*time.Second, beat))
	got := demand(t, silent(10*time.Minute, beat), wanted{audit.LoggingGap, 6, "tile/entries/000.p/7", 1})
	if !strings.Contains(got.Detail, "from 2026-11-22T10:00:05.000Z to 2026-11-22T10:10:06.000Z") {
		t.Errorf("from and to: %s", got.Detail)
	}
	t.Run("closed and opened again", func(t *testing.T) {
		r := silent(10*time.Minute, opened, audit.Leaf{Type: audit.LogClosed})
		clean(t, r)
		if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "was down") || !strings.Contains(r.Notes[0], "it was closed") {
			t.Errorf("notes %q", r.Notes)
		}
	})
	t.Run("opened again after an end that nobody chose", func(t *testing.T) {
		r := silent(10*time.Minute, opened)
		clean(t, r)
		if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "not closed in good order") {
			t.Errorf("notes %q", r.Notes)
		}
	})
	t.Run("before a clock.step", func(t *testing.T) {
		now := forgeStart.Add(6*time.Second + 10*time.Minute).UnixMilli()
		r := silent(10*time.Minute, audit.Leaf{Type: audit.ClockStep, Span: audit.LeafSpan{From: now, To: now}})
		demand(t, r, wanted{audit.LoggingGap, 6, "", 1})
	})
}

func TestMalformedEntries(t *testing.T) {
	good := `{"v":1,"t":"log.heartbeat","ts":%d,"out":"ok","rc":""}`
	for name, entry := range map[string]string{
		"not JSON":       "hello",
		"nothing":        "",
		"unknown member": `{"v":1,"t":"log.heartbeat","ts":%d,"out":"ok","rc":"","x":"y"}`,
		"twice":          `{"v":1,"t":"log.heartbeat","ts":%d,"ts":%[1]d,"out":"ok","rc":""}`,
		"wrong order":    `{"v":1,"ts":%d,"t":"log.heartbeat","out":"ok","rc":""}`,
		"white space":    good + " ",
		"too large":      `{"v":1,"t":"log.heartbeat","ts":%d,"out":"ok","rc":"` + strings.Repeat("x", 2048) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			f := newForge(t)
			f.fill(2)
			f.raw(fmt.Appendf(nil, good, f.now.UnixMilli()))
			if strings.Contains(entry, "%") {
				entry = fmt.Sprintf(entry, f.now.UnixMilli())
			}
			index := f.raw([]byte(entry))
			f.fill(2)
			f.publish(0, 1)
			got := demand(t, f.verify(nil), wanted{audit.Malformed, index, "tile/entries/000.p/7", 1})
			if string(evidence(t, got, fmt.Sprintf("entry-%d", index))) != entry {
				t.Error("the entry was not saved")
			}
		})
	}
	t.Run("about a later entry", func(t *testing.T) {
		f := newForge(t)
		later := uint64(1)
		f.leaf(audit.Leaf{Type: audit.TokenRevoked, Evidence: audit.LeafEvidence{About: &later}})
		f.publish(0, 1)
		demand(t, f.verify(nil), wanted{audit.Malformed, 1, "", 1})
	})
}

func TestMalformedFiles(t *testing.T) {
	f := newForge(t)
	f.fill(3)
	signed := f.publish(0, 1)
	for name, data := range map[string]string{"nothing": "", "noise": "\x00\xff", "no signatures": "a\n1\n", "cut": string(signed[:20])} {
		t.Run("checkpoint: "+name, func(t *testing.T) {
			f.write("checkpoint", []byte(data))
			demand(t, f.verify(nil), wanted{audit.Malformed, -1, "checkpoint", 1})
		})
	}
	f.write("checkpoint", signed)
	for path, data := range map[string]string{
		audit.ArchivePath(2):   "noise",
		audit.ArchivePath(3):   string(signed),
		"archive/latest":       string(signed),
		"archive/4":            string(signed),
		"openings/000":         "noise\n",
		audit.ArchivePath(100): "noise",
	} {
		t.Run(path, func(t *testing.T) {
			f.write(path, []byte(data))
			defer f.remove(path)
			r := f.verify(func(c *audit.VerifyConfig) { c.Openings = true })
			index := int64(-1)
			if strings.HasPrefix(path, "openings") {
				index = 0
			}
			demand(t, r, wanted{audit.Malformed, index, "", 1})
		})
	}
}

func TestManyFindingsAreCounted(t *testing.T) {
	f := newForge(t)
	for range 250 {
		f.raw([]byte("x"))
	}
	f.publish(0, 1)
	r := f.verify(nil)
	if len(r.Findings) != 100 || r.Counts.More[audit.Malformed] != 150 || r.Exit() != 1 {
		t.Errorf("%d listed, %v more, exit %d", len(r.Findings), r.Counts.More, r.Exit())
	}
}
