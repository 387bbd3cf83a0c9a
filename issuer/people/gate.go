package people

import (
	"net"
	"net/netip"
	"time"
)

// gates are the throttles that an attempt passes. One from a device that is known for the name passes the device's own gate and no
// other: whatever strangers do, the person gets in from there. A stranger's passes three: that of the name at this address,
// that of the name for all strangers together, and that of the address for all names together. Passkeys pass none: a key
// cannot be guessed. All of it is in the memory of one process: a restart forgets, and each replica counts for itself.
type gates struct {
	pairs     *throttle // name and address
	names     *throttle // name, strangers only
	addresses *throttle // strangers only
	devices   *throttle // name and known device
}

func newGates(table int) gates {
	return gates{
		pairs:     newThrottle(pace{free: 5, longest: 15 * time.Minute, forget: time.Hour}, table),
		names:     newThrottle(pace{free: 20, longest: 5 * time.Minute, forget: 24 * time.Hour}, table),
		addresses: newThrottle(pace{free: 100, longest: 30 * time.Second, forget: time.Hour}, table),
		devices:   newThrottle(pace{free: 10, longest: 15 * time.Minute, forget: time.Hour}, table),
	}
}

// A toll is what one attempt pays at its gates. A failure is counted in advance and given back when it was none.
type toll []gate

type gate struct {
	throttle *throttle
	name     string
	after    bool // counted after a failure only: many honest people share an address
	wiped    bool // success forgets all failures, and not just this one's count
	paid     stamp
}

// password is the toll for a password; device is the id of a known device or "".
func (g gates) password(a Attempt, device string) toll {
	return g.toll("password\x00"+lookupKey(a.Username), a.Address, device)
}

// code is the toll for a one-time code.
func (g gates) code(subject, address, device string) toll {
	return g.toll("code\x00"+subject, address, device)
}

func (g gates) toll(name, address, device string) toll {
	if device != "" {
		return toll{{throttle: g.devices, name: name + "\x00" + device, wiped: true}}
	}
	place := addressOf(address)
	return toll{
		{throttle: g.addresses, name: place, after: true},
		{throttle: g.pairs, name: name + "\x00" + place, wiped: true},
		{throttle: g.names, name: name}, // or an owner's login would give a stranger another round
	}
}

// look tells whether the attempt must wait, and counts nothing.
func (t toll) look(now time.Time) error {
	var longest time.Duration
	for _, g := range t {
		longest = max(longest, g.throttle.wait(g.name, now))
	}
	return throttled(longest)
}

// pay counts the attempt as a failure, unless it must wait.
func (t toll) pay(now time.Time) error {
	for i, g := range t {
		wait := time.Duration(0)
		if g.after {
			wait = g.throttle.wait(g.name, now)
		} else {
			t[i].paid, wait = g.throttle.take(g.name, now)
		}
		if wait > 0 {
			t[:i].refund()
			return throttled(wait)
		}
	}
	return nil
}

// keep says that the attempt has failed.
func (t toll) keep(now time.Time) {
	for _, g := range t {
		if g.after {
			g.throttle.fail(g.name, now)
		}
	}
}

// giveBack says that the attempt was right.
func (t toll) giveBack() {
	for _, g := range t {
		if g.wiped {
			g.throttle.forgive(g.name)
		}
	}
	t.refund()
}

// refund says that nothing was tried.
func (t toll) refund() {
	for _, g := range t {
		if !g.after {
			g.throttle.refund(g.name, g.paid)
		}
	}
}

func throttled(wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	return &Throttled{Wait: max(time.Second, wait)}
}

// lookupKey is a username for the gates: also one that nobody can have is counted.
func lookupKey(username string) string {
	if name, err := NormalizeUsername(username); err == nil {
		return name
	}
	return "\x00" + username[:min(len(username), maxUsername)]
}

// addressOf is an IPv4 address, or the /64 of an IPv6 one, which one caller may own whole.
func addressOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return host[:min(len(host), 64)]
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a.String()
	}
	return p.String()
}
