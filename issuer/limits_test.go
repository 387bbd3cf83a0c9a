package issuer_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/store"
)

func TestClientIsHeldToItsRate(t *testing.T) {
	v := newServer(t, setup{edit: func(c *issuer.Config) { c.Limits = issuer.Limits{ClientPerSecond: 1} }})
	p, other := v.register("c", nil), v.register("other", nil)
	var got reply
	for range 20 { // a burst of two, and one a second
		if got = p.send(message{}); got.status != 200 {
			break
		}
	}
	if got.status != http.StatusTooManyRequests || got.event.Reason != "rate" || got.body.Code != tenon.Unavailable {
		t.Fatalf("answered %d %s", got.status, got.raw)
	}
	checkRefusal(t, got)
	wait, err := strconv.Atoi(got.header.Get("Retry-After"))
	if err != nil || wait < 1 || wait > 2 {
		t.Errorf("Retry-After %q", got.header.Get("Retry-After"))
	}
	other.accepted(message{})
	v.clock.advance(time.Duration(wait) * time.Second)
	p.accepted(message{})
}

// Somebody who knows a client's name must not be able to use up its allowance.
func TestStrangerCannotUseUpAClientsRate(t *testing.T) {
	v := newServer(t, setup{edit: func(c *issuer.Config) { c.Limits = issuer.Limits{ClientPerSecond: 1, RefusalsPerMinute: -1} }})
	p := v.register("c", nil)
	for range 20 {
		p.refused(message{assertion: part{Key: "other"}}, 401, tenon.InvalidClient, "signature")
	}
	p.accepted(message{})
}

// Strangers are shut out after a burst of refusals, before anything is read or verified; nothing of theirs is written.
func TestRefusalsAreLimitedByAddress(t *testing.T) {
	v := newServer(t, setup{edit: func(c *issuer.Config) { c.Limits = issuer.Limits{RefusalsPerMinute: 20} }})
	p := v.register("c", nil)
	for range 30 {
		p.accepted(message{}) // successes cost nothing
	}
	statuses := map[int]int{}
	var got reply
	for range 15 {
		got = p.send(message{assertion: part{Key: "other"}})
		statuses[got.status]++
	}
	if statuses[401] != 10 || statuses[429] != 5 {
		t.Errorf("statuses %v, want ten refusals and then 429", statuses)
	}
	checkRefusal(t, got)
	if got.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	records, err := v.store.Scan(t.Context(), store.Key{Kind: "assertions"}, "", 100)
	must(t, err)
	if len(records) != 30 {
		t.Errorf("%d assertions are remembered, want those of the 30 tokens", len(records))
	}
	v.clock.advance(time.Minute)
	p.accepted(message{})
}

func TestLimitsThatMakeNoSense(t *testing.T) {
	for _, l := range []issuer.Limits{{Form: -1}, {Form: 2 << 20}, {Table: -1}} {
		if err := configWith(t, func(c *issuer.Config) { c.Limits = l }); err == nil {
			t.Errorf("%+v was accepted", l)
		}
	}
}
