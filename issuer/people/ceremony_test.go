package people_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/issuer/people/peopletest"
)

// A ceremony can be finished once, in time, for what and for whom it was begun.
func TestCeremonyState(t *testing.T) {
	p := newParty(t)
	ada, eve := p.join("ada"), p.join("eve")
	a, _ := p.passkey(ada)
	login := func(t *testing.T) (state, response []byte) {
		t.Helper()
		ceremony, err := p.BeginPasskeyLogin(t.Context())
		must(t, err)
		response, err = a.Login(ceremony.Options)
		must(t, err)
		return ceremony.State, response
	}
	t.Run("a login is not replayed", func(t *testing.T) {
		a.Stateless = true // or the count would refuse it
		defer func() { a.Stateless = false }()
		synced, _ := p.passkey(eve, func(a *peopletest.Authenticator) { a.Stateless = true })
		ceremony, err := p.BeginPasskeyLogin(t.Context())
		must(t, err)
		response, err := synced.Login(ceremony.Options)
		must(t, err)
		_, _, err = p.FinishPasskeyLogin(t.Context(), ceremony.State, response)
		must(t, err)
		_, _, err = p.FinishPasskeyLogin(t.Context(), ceremony.State, response)
		refused(t, err, "replay")
		p.clock.advance(4*time.Minute + 59*time.Second)
		_, _, err = p.FinishPasskeyLogin(t.Context(), ceremony.State, response)
		refused(t, err, "replay")
	})
	t.Run("five minutes", func(t *testing.T) {
		state, response := login(t)
		p.clock.advance(5 * time.Minute)
		_, _, err := p.FinishPasskeyLogin(t.Context(), state, response)
		refused(t, err, "expired")
	})
	t.Run("a state that was altered", func(t *testing.T) {
		state, response := login(t)
		state[len(state)/2] ^= 1
		_, _, err := p.FinishPasskeyLogin(t.Context(), state, response)
		refused(t, err, "state")
	})
	t.Run("the state of another login", func(t *testing.T) {
		_, response := login(t)
		state, _ := login(t)
		_, _, err := p.FinishPasskeyLogin(t.Context(), state, response)
		refused(t, err, "assertion")
	})
	t.Run("a registration's state", func(t *testing.T) {
		_, response := login(t)
		ceremony, err := p.BeginPasskey(t.Context(), ada.Subject)
		must(t, err)
		_, _, err = p.FinishPasskeyLogin(t.Context(), ceremony.State, response)
		refused(t, err, "state")
	})
	t.Run("somebody else's registration", func(t *testing.T) {
		ceremony, err := p.BeginPasskey(t.Context(), ada.Subject)
		must(t, err)
		response, err := peopletest.New(origin).Register(ceremony.Options)
		must(t, err)
		_, err = p.FinishPasskey(t.Context(), eve.Subject, ceremony.State, response, "")
		refused(t, err, "subject")
	})
	t.Run("a registration is not replayed", func(t *testing.T) {
		ceremony, err := p.BeginPasskey(t.Context(), eve.Subject)
		must(t, err)
		response, err := peopletest.New(origin).Register(ceremony.Options)
		must(t, err)
		made, err := p.FinishPasskey(t.Context(), eve.Subject, ceremony.State, response, "")
		must(t, err)
		must(t, p.RemovePasskey(t.Context(), eve.Subject, made.ID))
		_, err = p.FinishPasskey(t.Context(), eve.Subject, ceremony.State, response, "")
		refused(t, err, "replay")
	})
	t.Run("the secrets have rotated", func(t *testing.T) {
		state, response := login(t)
		p.secrets = [][]byte{key(2), key(1)}
		_, _, err := p.FinishPasskeyLogin(t.Context(), state, response)
		must(t, err)
		state, response = login(t)
		p.secrets = [][]byte{key(3)}
		_, _, err = p.FinishPasskeyLogin(t.Context(), state, response)
		refused(t, err, "state")
	})
}

// What is sealed rightly and says nothing is refused all the same.
func TestSealedNonsense(t *testing.T) {
	p := newParty(t)
	for plain, reason := range map[string]string{"": "state", "x": "state", "{}": "expired", `{"exp":9999999999}`: "form"} {
		state, err := p.Seal("passkey login", []byte(plain))
		must(t, err)
		_, _, err = p.FinishPasskeyLogin(t.Context(), state, nil)
		refused(t, err, reason)
	}
}

func TestPasskeyAnswersThatAreNone(t *testing.T) {
	p := newParty(t)
	ada := p.join("ada")
	for name, response := range map[string]string{
		"nothing": "", "not JSON": "{", "an empty object": "{}", "null": "null", "more than 64 KiB": strings.Repeat(" ", 64<<10+1),
	} {
		t.Run(name, func(t *testing.T) {
			reason := "form"
			if len(response) > 64<<10 {
				reason = "size"
			}
			login, err := p.BeginPasskeyLogin(t.Context())
			must(t, err)
			_, _, err = p.FinishPasskeyLogin(t.Context(), login.State, []byte(response))
			refused(t, err, reason)
			creation, err := p.BeginPasskey(t.Context(), ada.Subject)
			must(t, err)
			_, err = p.FinishPasskey(t.Context(), ada.Subject, creation.State, []byte(response), "")
			refused(t, err, reason)
		})
	}
}
