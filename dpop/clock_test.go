package dpop_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/dpop"
)

func TestClock(t *testing.T) {
	u, plain, other := mustURL(t, "https://api.example.com/x"), mustURL(t, "http://api.example.com/x"), mustURL(t, "https://other.example/x")
	date := func(d time.Duration) http.Header {
		return http.Header{"Date": {someTime.Add(d).Format(http.TimeFormat)}}
	}
	for _, tt := range []struct {
		name string
		from *url.URL
		h    http.Header
		want time.Duration
	}{
		{"behind", u, date(-time.Minute), -time.Minute},
		{"ahead", u, date(time.Minute), time.Minute},
		{"at the cap", u, date(time.Hour), time.Hour},
		{"beyond the cap", u, date(time.Hour + time.Second), 0},
		{"far beyond the cap", u, date(-1e6 * time.Hour), 0},
		{"close enough", u, date(-2 * time.Second), 0},
		{"in the clear", plain, date(time.Minute), 0},
		{"another origin", other, date(time.Minute), 0},
		{"no Date", u, http.Header{}, 0},
		{"two Dates", u, http.Header{"Date": {date(time.Minute).Get("Date"), date(time.Minute).Get("Date")}}, 0},
		{"no time", u, http.Header{"Date": {"soon"}}, 0},
		{"no URL", nil, date(time.Minute), 0},
	} {
		c := dpop.NewClock(time.Hour, fixed(someTime))
		c.Learn(tt.from, tt.h)
		if got := c.Now(u).Sub(someTime); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if got := c.Now(plain); !got.Equal(someTime) {
			t.Errorf("%s: %s followed in the clear", tt.name, got.Sub(someTime))
		}
	}
	c := dpop.NewClock(time.Hour, fixed(someTime))
	c.Learn(u, date(time.Minute))
	c.Learn(u, date(0)) // the client's clock was set right
	if got := c.Now(u); !got.Equal(someTime) {
		t.Errorf("an old offset stays: %s", got.Sub(someTime))
	}
}
