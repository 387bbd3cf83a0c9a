package people_test

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenon-auth/tenon/issuer/people"
)

// flood fails a login from so many addresses, and tells how many passwords were looked at.
func (p *party) flood(username string, addresses int) (looked uint64) {
	p.t.Helper()
	before := p.Hashes()
	for i := range addresses {
		err := p.try(username, "wrong", fmt.Sprintf("198.51.%d.%d", i/256, i%256))
		var pause *people.Throttled
		if !errors.Is(err, people.ErrWrong) && !errors.As(err, &pause) {
			p.t.Fatal(err)
		}
	}
	return p.Hashes() - before
}

func (p *party) from(device, password string) error {
	_, err := p.CheckPassword(p.t.Context(), people.Attempt{Username: "ada", Password: password, Address: "203.0.113.7", Device: device})
	return err
}

// Whatever strangers do, a person gets in from a device from which they logged in before.
func TestStrangersDoNotLockTheOwnerOut(t *testing.T) {
	p := newParty(t)
	p.join("ada")
	p.join("eve")
	device, err := p.Device("ada")
	must(t, err)
	if looked := p.flood("ada", 1000); looked != 20 {
		t.Errorf("%d guesses, want 20", looked)
	}
	must(t, p.from(device, secret))
	held(t, p.from("", secret))
	must(t, p.try("eve", secret, "203.0.113.7")) // others are not concerned
	p.clock.advance(5 * time.Minute)             // the longest pause for strangers together
	must(t, p.from("", secret))
	p.clock.advance(time.Second)
	if looked := p.flood("ada", 100); looked != 1 { // that for which the pause was over
		t.Errorf("the owner's login gave strangers %d guesses, want 1", looked)
	}
	// The owner's own mistakes are counted apart, and success forgets them.
	for range 3 {
		for range 9 {
			refused(t, p.from(device, "wrong"), "password")
		}
		must(t, p.from(device, secret))
	}
}

func TestKnownDeviceIsNotUnlimited(t *testing.T) {
	p := newParty(t)
	p.join("ada")
	device, err := p.Device("ada")
	must(t, err)
	for range 10 {
		refused(t, p.from(device, "wrong"), "password")
	}
	held(t, p.from(device, secret))
	other, err := p.Device("ada")
	must(t, err)
	must(t, p.from(other, secret))
	must(t, p.from("", secret)) // and strangers are not concerned
}

func TestDevicesThatAreNotKnown(t *testing.T) {
	p := newParty(t)
	p.join("ada")
	of := func(username string) string {
		device, err := p.Device(username)
		must(t, err)
		return device
	}
	device := of("ADA")
	foreign, altered := of("eve"), []byte(device)
	altered[0] ^= 1
	p.flood("ada", 20)
	p.secrets = [][]byte{key(2), key(1)}
	must(t, p.from(device, secret)) // rotated
	for name, value := range map[string]string{
		"none": "", "somebody else's": foreign, "altered": string(altered), "cut": device[:len(device)-1], "longer": device + "A", "noise": "x",
	} {
		t.Run(name, func(t *testing.T) { held(t, p.from(value, secret)) })
	}
	p.secrets = [][]byte{key(2)}
	held(t, p.from(device, secret))
	p.secrets = [][]byte{key(1)}
	p.clock.advance(365*24*time.Hour + time.Second)
	p.flood("ada", 20)
	held(t, p.from(device, secret))
}

// The pause doubles, up to a limit, and a quiet time ends it.
func TestPauses(t *testing.T) {
	p := newParty(t)
	p.join("ada")
	for range 5 {
		refused(t, p.try("ada", "wrong", "192.0.2.1:1234"), "password")
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900} {
		if wait := held(t, p.try("ada", secret, "192.0.2.1:99")); wait != want*time.Second {
			t.Errorf("a pause of %s, want %s", wait, want*time.Second)
		}
		must(t, p.try("ada", secret, "192.0.2.2")) // somebody at another address does not wait
		p.clock.advance(want * time.Second)
		refused(t, p.try("ada", "wrong", "192.0.2.1"), "password")
	}
	p.clock.advance(15 * time.Minute)
	must(t, p.try("ada", secret, "192.0.2.1"))
	for range 3 { // success has forgotten all
		refused(t, p.try("ada", "wrong", "192.0.2.1"), "password")
	}
	for range 5 {
		refused(t, p.try("eve", "wrong", "192.0.2.1"), "unknown")
	}
	p.clock.advance(-time.Hour) // a clock that is set back makes nobody wait for longer
	if wait := held(t, p.try("eve", secret, "192.0.2.1")); wait != time.Second {
		t.Errorf("a pause of %s", wait)
	}
}

// One password tried on many names is slowed down by the address it comes from.
func TestSpraying(t *testing.T) {
	p := newParty(t)
	p.join("ada")
	device, err := p.Device("ada")
	must(t, err)
	before := p.Hashes()
	for i := range 300 {
		_ = p.try(fmt.Sprintf("name%d", i), secret, "203.0.113.7") // counted below
	}
	if looked := p.Hashes() - before; looked != 100 {
		t.Errorf("%d guesses, want 100", looked)
	}
	held(t, p.from("", secret))
	must(t, p.from(device, secret))
	must(t, p.try("ada", secret, "203.0.113.8"))
}

// A thousand guesses at the same instant are no more than a few one after the other.
func TestGuessesAtTheSameInstant(t *testing.T) {
	p := newParty(t)
	p.join("ada")
	before := p.Hashes()
	var group sync.WaitGroup
	var paused atomic.Int64
	for range 1000 {
		group.Go(func() {
			var pause *people.Throttled
			if errors.As(p.try("ada", "wrong", "192.0.2.1"), &pause) {
				paused.Add(1)
			}
		})
	}
	group.Wait()
	if looked := p.Hashes() - before; looked != 5 || paused.Load() != 995 {
		t.Errorf("%d guesses, %d pauses", looked, paused.Load())
	}
}

func TestAThousandLoginsAtOnce(t *testing.T) {
	p := newParty(t)
	const n = 1000
	var group sync.WaitGroup
	var failed atomic.Int64
	for i := range n {
		group.Go(func() {
			name := fmt.Sprintf("person%d", i)
			person, err := p.Add(t.Context(), people.Person{Username: name})
			if err == nil {
				err = p.SetPassword(t.Context(), person.Subject, secret)
			}
			if err == nil {
				person, err = p.CheckPassword(t.Context(), people.Attempt{Username: name, Password: secret, Address: "192.0.2.1"})
			}
			if err == nil {
				_, _, err = p.sessions.Start(t.Context(), people.Session{Subject: person.Subject, Methods: []people.Method{people.Pwd}})
			}
			if err != nil {
				failed.Add(1)
				t.Error(err)
			}
		})
	}
	group.Wait()
	if p.Hashes() != 2*n || failed.Load() > 0 {
		t.Errorf("%d hashes, %d failures", p.Hashes(), failed.Load())
	}
	if p.Counted() != 0 {
		t.Errorf("%d failures are counted", p.Counted())
	}
}

// A flood of names takes neither memory nor the place of somebody who failed a moment ago.
func TestCountingIsBounded(t *testing.T) {
	p := newParty(t, func(c *people.Config) { c.Table = 64 })
	for i := range 1000 {
		_ = p.try(fmt.Sprintf("name%d", i), "wrong", fmt.Sprintf("192.0.2.%d", i%256)) // counted below
		if n := p.Counted(); n > 64 {
			t.Fatalf("%d are told apart", n)
		}
	}
	th := people.NewThrottle(2, time.Minute, time.Hour, 3)
	now := p.clock.Now()
	for _, name := range []string{"a", "b", "a", "c", "d"} {
		th.Fail(name, now)
	}
	if th.Wait("a", now) == 0 {
		t.Error("the one with two failures was forgotten before the quiet one")
	}
	for _, name := range []string{"e", "f", "g"} {
		th.Fail(name, now)
	}
	if th.Wait("a", now) != 0 || th.Len() != 3 {
		t.Errorf("%d are told apart", th.Len())
	}
}

// What a refund takes back was never there.
func TestRefund(t *testing.T) {
	th := people.NewThrottle(1, time.Minute, time.Hour, 8)
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	th.Fail("a", now)
	th.Fail("a", now)
	if wait := th.Wait("a", now); wait != 2*time.Second {
		t.Fatalf("waits %s", wait)
	}
	later := now.Add(2 * time.Second)
	refund, ok := th.Take("a", later)
	if _, again := th.Take("a", later); !ok || again {
		t.Fatalf("taken %v, again %v", ok, again)
	}
	refund()
	if wait := th.Wait("a", later); wait != 0 {
		t.Errorf("waits %s after the refund", wait)
	}
	if wait := th.Wait("a", now.Add(time.Hour)); wait != 0 || th.Len() != 0 {
		t.Errorf("not forgotten: waits %s", wait)
	}
	refund() // of what is forgotten
	if refund, ok = th.Take("b", now); !ok {
		t.Fatal("not taken")
	}
	if refund(); th.Len() != 0 {
		t.Errorf("%d are left", th.Len())
	}
}

func TestAddresses(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:80": "192.0.2.1", "192.0.2.1": "192.0.2.1", "[::ffff:192.0.2.1]:80": "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64", "2001:db8:1:2::9": "2001:db8:1:2::/64", "[fe80::1%eth0]:80": "fe80::/64",
		"": "", "@": "@",
	} {
		if got := people.AddressOf(remote); got != want {
			t.Errorf("%s: %s, want %s", remote, got, want)
		}
	}
	if got := people.AddressOf(string(make([]byte, 1<<20))); len(got) > 64 {
		t.Errorf("%d bytes", len(got))
	}
}

// Memory for hashing is bounded, and strangers in the queue do not hold up known devices.
func TestPlacesToHash(t *testing.T) {
	p := newParty(t, func(c *people.Config) { c.Cost.Waiting = 1 })
	p.join("ada")
	device, err := p.Device("ada")
	must(t, err)
	before := p.Hashes()
	free, err := p.Occupy(t.Context())
	must(t, err)
	must(t, p.from(device, secret))
	if p.Hashes()-before != 1 {
		t.Errorf("%d hashes", p.Hashes()-before)
	}
	free()
	must(t, p.from("", secret))
}

// A password that is changed while a login with the old one waits for its turn is changed for that login too.
func TestPasswordChangesInTheQueue(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	free, err := p.Occupy(t.Context())
	must(t, err)
	answer := make(chan error)
	go func() { answer <- p.from("", secret) }()
	for p.Waiting() < 5 {
		runtime.Gosched()
	}
	must(t, p.SetPassword(t.Context(), ada.Subject, secret+" and tenons"))
	free()
	refused(t, <-answer, "password")
}

func TestLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lane := people.NewLane(1, 1)
		leave, err := lane.Enter(t.Context())
		must(t, err)
		entered := make(chan func())
		go func() {
			next, err := lane.Enter(t.Context())
			if err != nil {
				t.Error(err)
			}
			entered <- next
		}()
		synctest.Wait()
		if _, err := lane.Enter(t.Context()); !errors.Is(err, people.ErrBusy) {
			t.Errorf("a second one waits: %v", err)
		}
		leave()
		(<-entered)()
		leave, err = lane.Enter(t.Context())
		must(t, err)
		leave()
	})
}
