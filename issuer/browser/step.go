package browser

import (
	"slices"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer/people"
)

// A step is what comes next for a request.
type step string

const (
	stepLogin   step = "login"
	stepSecond  step = "second"  // one thing more, after a password or to step up
	stepChoose  step = "choose"  // is this the account?
	stepConsent step = "consent" // may this client?
	stepApprove step = "approve" // all is there, and the person has said yes to it before
)

// A situation is all that the next step depends on.
type situation struct {
	Asked
	created time.Time // of the request
	now     time.Time
	session *people.Session // nil: not signed in
	factors people.Factors  // of whoever is signed in
	covered bool            // the person has said yes to all of this before
	chosen  bool            // the person has just said that this is the account
}

// next is the table of OpenID Connect Core §3.1.2.1 to §3.1.2.6 and RFC 9470 §5. An error is for the client: the request ends
// with it. The order is: who is it, how well is it known, is it the right account, and may the client.
func (s situation) next() (step, *tenon.Error) {
	if len(s.ACR) > 0 && !slices.ContainsFunc(s.ACR, known) {
		return "", unmet("none of the acr_values asked for is known here") // RFC 9470 §5
	}
	if !s.identified() {
		return s.unlessSilent(stepLogin, tenon.LoginRequired, "the person is not signed in as this request needs") // OpenID Connect Core §3.1.2.1, §3.1.2.2
	}
	if s.session.Pending {
		return s.unlessSilent(stepSecond, tenon.LoginRequired, "the login is not complete")
	}
	if !s.reached(people.ACR(s.session.Methods)) {
		if !slices.ContainsFunc(s.reachable(), s.reached) {
			return "", unmet("the person has nothing to sign in with that reaches the acr_values asked for") // RFC 9470 §5
		}
		return s.unlessSilent(stepSecond, tenon.InteractionRequired, "the person must step up to the acr_values asked for")
	}
	if s.wants("select_account") && !s.chosen && s.session.AuthTime.Before(s.created) { // a login after the request was a choice
		return stepChoose, nil
	}
	if s.wants("consent") || !s.covered {
		return s.unlessSilent(stepConsent, tenon.ConsentRequired, "the person has not agreed to this yet")
	}
	return stepApprove, nil
}

// identified reports whether the session is of the right person and from a login that is recent enough.
func (s situation) identified() bool {
	switch {
	case s.session == nil:
		return false
	case s.Subject != "" && s.session.Subject != s.Subject:
		return false // OpenID Connect Core §3.1.2.2
	case !s.session.AuthTime.Before(s.created):
		return true // a login for this request is as recent as any can be: or max_age=1 would ask for ever
	case s.wants("login"):
		return false // OpenID Connect Core §3.1.2.1
	}
	return s.MaxAge == nil || s.now.Sub(s.session.AuthTime) <= *s.MaxAge // OpenID Connect Core §3.1.2.1
}

// reached reports whether a level is enough: one of the values is.
func (s situation) reached(acr string) bool {
	return len(s.ACR) == 0 || slices.ContainsFunc(s.ACR, func(want string) bool { return people.Satisfies(acr, want) })
}

// reachable lists the levels that the person can step up to with what they have.
func (s situation) reachable() []string {
	var levels []string
	if s.codes() {
		levels = append(levels, people.ACRMulti)
	}
	for _, key := range s.factors.Passkeys {
		if key.Synced {
			levels = append(levels, people.ACRPhishing)
		} else {
			levels = append(levels, people.ACRHardware)
		}
	}
	return levels
}

// codes reports whether the person could enter a code after a password.
func (s situation) codes() bool {
	return s.factors.TOTP && s.session != nil && slices.Contains(s.session.Methods, people.Pwd)
}

func (s situation) wants(prompt string) bool { return slices.Contains(s.Prompt, prompt) }

// unlessSilent gives the step, or the error when no page may be shown (OpenID Connect Core §3.1.2.6).
func (s situation) unlessSilent(next step, code tenon.Code, why string) (step, *tenon.Error) {
	if s.wants("none") {
		return "", tenon.Refuse(code, "prompt", "%s, and prompt is none", why)
	}
	return next, nil
}

func known(acr string) bool { return slices.Contains(people.ACRs(), acr) }

func unmet(why string) *tenon.Error {
	return tenon.Refuse(tenon.UnmetAuthenticationRequirements, "acr", "%s", why)
}
