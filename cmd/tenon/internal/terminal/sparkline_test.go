package terminal_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/terminal"
)

func TestSparklineTellsLittleFromNone(t *testing.T) {
	unicode, ascii := terminal.Terminal{Unicode: true}, terminal.Terminal{}
	for _, c := range []struct {
		values      []int64
		want, plain string
	}{
		{[]int64{0, 1, 4, 7}, "▁▂▅█", "_.=#"},
		{[]int64{1, 1000}, "▂█", ".#"},
		{[]int64{0, 0}, "▁▁", "__"},
		{[]int64{-5, 5}, "▁█", "_#"},
		{[]int64{9}, "█", "#"},
		{nil, "", ""},
	} {
		if got := unicode.Sparkline(c.values); got != c.want {
			t.Errorf("%v is %q, want %q", c.values, got, c.want)
		}
		if got := ascii.Sparkline(c.values); got != c.plain {
			t.Errorf("%v in ASCII is %q, want %q", c.values, got, c.plain)
		}
	}
}

// A bar is drawn now and then, whatever the number of steps, and leaves nothing behind.
func TestProgressIsDrawnNowAndThen(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(1, 0)
	bar := &terminal.Progress{W: &out, What: "leaves", Now: func() time.Time { return now }}
	for done := range int64(1000) {
		bar.Show(done, 1000)
		now = now.Add(time.Millisecond)
	}
	if n := strings.Count(out.String(), "\r"); n != 10 {
		t.Errorf("drawn %d times in a second", n)
	}
	if !strings.HasSuffix(out.String(), "\rleaves      900 of 1000  ##################    90 %") {
		t.Errorf("%q", out.String())
	}
	bar.Wipe()
	bar.Wipe()
	if !strings.HasSuffix(out.String(), "90 %\r\x1b[K") {
		t.Errorf("%q", out.String())
	}
}

func TestProgressIsForTerminals(t *testing.T) {
	var out bytes.Buffer
	bar := terminal.ProgressOn(&out, terminal.Terminal{}, "leaves")
	bar.Show(1, 2)
	bar.Wipe()
	(&terminal.Progress{W: &out}).Show(0, 0)
	if out.Len() != 0 {
		t.Errorf("%q", out.String())
	}
}
