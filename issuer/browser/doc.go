// Package browser has the endpoints that a person's browser talks to: the authorization endpoint (RFC 6749 §3.1, RFC 9126
// §4, OpenID Connect Core §3.1.2), login, second factor, consent, and the page of a person's own.
//
// It knows the person and the browser, and nothing of protocols: what a client asked for comes from Requests, what a person
// answered goes back there, and where the browser is sent in the end is told by it. No address is ever taken from a
// parameter, so there is nothing to redirect to but the client's registered address and our own pages.
//
// There is no record of how far somebody has come. Each visit works out the next step from what is known anyway: the pushed
// request and the session. So the back button, a second tab and a reload do what one expects, and a visitor who is not
// signed in leaves nothing in the store. What a form must prove (that we showed it to this browser, for this purpose, not
// long ago) is sealed into the form itself.
//
// Reading order: request.go (what comes from the protocol side and goes back), config.go, event.go, routes.go (the paths),
// respond.go (how errors become pages), step.go (what comes next: the table of prompt, max_age and acr_values), authorize.go,
// begun.go, login.go, second.go, choose.go, consent.go; account.go, password.go, codes.go, passkeys.go, sessions.go (the page of a
// person's own); at the bottom visitor.go, frame.go, cookie.go, seal.go, form.go (who it is, and what of a request is believed).
package browser
