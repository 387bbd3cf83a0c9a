// Package ui has the pages that people see: signing in, consent, errors, and the page of a person's own. It has no logic
// beyond showing: what is asked, and what an answer means, is decided by whoever renders a page.
//
// A page is a plain struct. Pages.Render writes it as HTML with headers that let the browser load nothing from elsewhere, run
// no inline script, show the page in no frame and keep no copy. Everything works without script but passkeys, whose button
// the script brings along.
//
// Text that comes from outside (names, creditors, addresses) is escaped by html/template, bounded in length, and kept in
// <bdi>, so that letters that turn the direction of writing cannot rearrange what stands around them (RFC 9396 §12).
//
// Read pages.go, signin.go, consent.go, account.go, enroll.go and outcome.go for what can be shown; render.go and headers.go
// for how; language.go and words.go for the words, functions.go, foreign.go, format.go and agent.go for what is put into them; static.go for
// style sheet, script and icons. To look at the pages: go run ./issuer/ui/testdata/preview
package ui
