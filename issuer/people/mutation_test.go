package people_test

import (
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/issuer/people/peopletest"
)

// One thing is wrong at a time, and signed all the same.
func TestLoginMutations(t *testing.T) {
	p := newParty(t)
	ada, eve := p.join("ada"), p.join("eve")
	device, _ := p.passkey(ada)
	synced, _ := p.passkey(ada, func(a *peopletest.Authenticator) { a.Synced = true })
	tests := map[string]struct {
		authenticator *peopletest.Authenticator
		edit          func(*peopletest.Answer)
		reason        string
	}{
		"§7.2 (10) a registration's type":          {device, func(a *peopletest.Answer) { a.Type = "webauthn.create" }, "assertion"},
		"§7.2 (11) another challenge":              {device, func(a *peopletest.Answer) { a.Challenge = strings.Repeat("A", 43) }, "assertion"},
		"§7.2 (12) another origin":                 {device, func(a *peopletest.Answer) { a.Origin = "https://evil.example" }, "assertion"},
		"§7.2 (12) a subdomain":                    {device, func(a *peopletest.Answer) { a.Origin = "https://x.id.example:8443" }, "assertion"},
		"§7.2 (12) another port":                   {device, func(a *peopletest.Answer) { a.Origin = "https://id.example" }, "assertion"},
		"§7.2 (12) http":                           {device, func(a *peopletest.Answer) { a.Origin = "http://id.example:8443" }, "assertion"},
		"§7.2 (12) an app":                         {device, func(a *peopletest.Answer) { a.Origin = "android:apk-key-hash:AAAA" }, "assertion"},
		"§7.2 (13) in a frame of another origin":   {device, func(a *peopletest.Answer) { a.CrossOrigin = true }, "assertion"},
		"§7.2 (14) a top origin":                   {device, func(a *peopletest.Answer) { a.TopOrigin = origin }, "assertion"},
		"§7.2 (15) another relying party":          {device, func(a *peopletest.Answer) { a.RPID = "evil.example" }, "assertion"},
		"§7.2 (15) the parent domain":              {device, func(a *peopletest.Answer) { a.RPID = "example" }, "assertion"},
		"§7.2 (16) nobody was there":               {device, func(a *peopletest.Answer) { a.Flags &^= peopletest.UserPresent }, "assertion"},
		"§7.2 (17) nobody was verified":            {device, func(a *peopletest.Answer) { a.Flags &^= peopletest.UserVerified }, "assertion"},
		"§7.2 (18) backed up but not eligible":     {device, func(a *peopletest.Answer) { a.Flags |= peopletest.BackedUp }, "assertion"},
		"§7.2 (19) becomes eligible for backup":    {device, func(a *peopletest.Answer) { a.Flags |= peopletest.BackupEligible }, "assertion"},
		"§7.2 (19) is no longer eligible":          {synced, func(a *peopletest.Answer) { a.Flags &^= peopletest.BackupEligible | peopletest.BackedUp }, "assertion"},
		"§7.2 (21) signed with another key":        {device, func(a *peopletest.Answer) { a.Forged = true }, "assertion"},
		"§7.2 (22) the count does not grow":        {device, func(a *peopletest.Answer) { a.Count-- }, "count"},
		"§7.2 (22) the count falls back to nought": {device, func(a *peopletest.Answer) { a.Count = 0 }, "count"},
		"§7.2 (6) no user handle":                  {device, func(a *peopletest.Answer) { a.Handle = nil }, "assertion"},
		"§7.2 (6) another person's handle":         {device, func(a *peopletest.Answer) { a.Handle = []byte(eve.Subject) }, "unknown"},
		"§7.2 (6) nobody's handle":                 {device, func(a *peopletest.Answer) { a.Handle = []byte("person:x") }, "unknown"},
		"§7.2 (6) a handle that is a path":         {device, func(a *peopletest.Answer) { a.Handle = []byte(ada.Subject + "/") }, "unknown"},
		"§7.2 (6) a credential nobody has":         {device, func(a *peopletest.Answer) { a.Credential = []byte("a credential nobody has") }, "unknown"},
	}
	good := func() {
		t.Helper()
		for _, a := range []*peopletest.Authenticator{device, synced} {
			person, _, err := p.present(a)
			must(t, err)
			if person.Subject != ada.Subject {
				t.Fatalf("logged in as %s", person.Subject)
			}
		}
	}
	good()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			good() // and so the count that is stored is the authenticator's
			tt.authenticator.Edit = tt.edit
			_, _, err := p.present(tt.authenticator)
			tt.authenticator.Edit = nil
			refused(t, err, tt.reason)
		})
	}
	good()
}

func TestRegistrationMutations(t *testing.T) {
	p := newParty(t)
	ada, eve := p.join("ada"), p.join("eve")
	first := map[string][]byte{}
	p.passkey(eve, func(a *peopletest.Authenticator) {
		a.Edit = func(a *peopletest.Answer) { first["eve's"] = a.Credential }
	})
	tests := map[string]struct {
		edit   func(*peopletest.Answer)
		reason string
	}{
		"§7.1 (7) a login's type":                 {func(a *peopletest.Answer) { a.Type = "webauthn.get" }, "registration"},
		"§7.1 (8) another challenge":              {func(a *peopletest.Answer) { a.Challenge = strings.Repeat("A", 43) }, "registration"},
		"§7.1 (9) another origin":                 {func(a *peopletest.Answer) { a.Origin = "https://evil.example" }, "registration"},
		"§7.1 (9) another port":                   {func(a *peopletest.Answer) { a.Origin = "https://id.example" }, "registration"},
		"§7.1 (10) in a frame of another origin":  {func(a *peopletest.Answer) { a.CrossOrigin = true }, "registration"},
		"§7.1 (11) a top origin":                  {func(a *peopletest.Answer) { a.TopOrigin = origin }, "registration"},
		"§7.1 (14) another relying party":         {func(a *peopletest.Answer) { a.RPID = "evil.example" }, "registration"},
		"§7.1 (15) nobody was there":              {func(a *peopletest.Answer) { a.Flags &^= peopletest.UserPresent }, "registration"},
		"§7.1 (16) nobody was verified":           {func(a *peopletest.Answer) { a.Flags &^= peopletest.UserVerified }, "registration"},
		"§7.1 (17) backed up but not eligible":    {func(a *peopletest.Answer) { a.Flags |= peopletest.BackedUp }, "registration"},
		"§7.1 (20) an algorithm not asked for":    {func(a *peopletest.Answer) { a.Algorithm = -35 }, "registration"},
		"§7.1 (25) a credential id of 1024 bytes": {func(a *peopletest.Answer) { a.Credential = make([]byte, 1024) }, "form"},
		"§7.1 (26) another person's credential":   {func(a *peopletest.Answer) { a.Credential = first["eve's"] }, "registered"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ceremony, err := p.BeginPasskey(t.Context(), ada.Subject)
			must(t, err)
			a := peopletest.New(origin)
			a.Edit = tt.edit
			response, err := a.Register(ceremony.Options)
			must(t, err)
			_, err = p.FinishPasskey(t.Context(), ada.Subject, ceremony.State, response, "")
			refused(t, err, tt.reason)
		})
	}
	f, err := p.Factors(t.Context(), ada.Subject)
	must(t, err)
	if len(f.Passkeys) != 0 {
		t.Errorf("%d passkeys were stored", len(f.Passkeys))
	}
	p.passkey(ada)
}
