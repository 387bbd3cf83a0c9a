package audit_test

import (
	"testing"

	"github.com/tenon-auth/tenon/audit"
)

func TestKeyRotation(t *testing.T) {
	dir := t.TempDir()
	d := openDesk(t, dir, nil)
	old := keyOf(t, dir)
	d.write(t, 3)
	skey, vkey, err := audit.GenerateKey(testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	next, err := audit.ParseKey(skey)
	if err != nil {
		t.Fatal(err)
	}
	useNext := func(_ *audit.BookConfig, p *audit.PublisherConfig) { p.Signer = next }
	d.close()
	for _, published := range []bool{false, true} {
		if d, err := tryDesk(t.Context(), dir, useNext); err == nil {
			d.close()
			t.Fatalf("a key that nobody announced signs; published %t", published)
		}
		d = openDesk(t, dir, nil)
		d.publish(t)
		d.close()
	}
	d = openDesk(t, dir, nil)
	if err := d.publisher.Announce(t.Context(), vkey); err != nil {
		t.Fatal(err)
	}
	last := verify(t, d.log(), old)
	if leaf, err := audit.ParseLeaf(last[len(last)-1]); err != nil || leaf.Type != audit.LogKey || leaf.Token.KeyID != vkey {
		t.Errorf("the announcement is %+v, %v", leaf, err)
	}
	if err := d.publisher.Announce(t.Context(), vkey); err == nil {
		t.Error("announced twice")
	}
	if err := d.publisher.Announce(t.Context(), "other.example+00000000+AAAA"); err == nil {
		t.Error("something that is no key was announced")
	}
	d.close()
	d = openDesk(t, dir, nil) // the old one may go on for a while
	d.publish(t)
	d.close()
	d = openDesk(t, dir, useNext)
	d.publish(t)
	verify(t, d.log(), next.Verifier())
	d.close()
	if d, err := tryDesk(t.Context(), dir, nil); err == nil {
		d.close()
		t.Error("the old key signs after the new one has")
	}
}
