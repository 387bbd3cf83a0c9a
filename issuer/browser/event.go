package browser

import (
	"time"

	"github.com/tenon-auth/tenon"
)

// An Event tells what became of one request, for metrics and the log line. It holds no password, code, cookie or redirect.
type Event struct {
	Endpoint  string // the path below Base without its slash, such as "login/code"
	Status    int
	Done      string     // what was done, in a short stable word: see the constants; "" when a page was shown only
	Code      tenon.Code // "" when nothing was refused
	Reason    string     // the check that refused, in a short stable word
	ClientID  string     // when the request was found, so that no stranger fills a metric with names
	RequestID string
	Subject   string // who is signed in, or was meant by what failed when that is known
	Reference string // the word on the error page that finds this event
	Err       error  // whole, with the causes that nobody is told
	Duration  time.Duration
}

// What can be Done.
const (
	DidPassword       = "password"        // a password was right; a second factor may be missing
	DidSecondFactor   = "second-factor"   // a code, or a passkey after a password
	DidPasskey        = "passkey"         // signed in with a passkey alone
	DidApprove        = "approved"        // a request, by the person
	DidApproveEarlier = "approved-before" // a request, because the person had said yes to it before
	DidRefuse         = "refused"         // a request, by the person, or for a reason that the client is told
	DidLogout         = "logout"
	DidAddPasskey     = "passkey-added"
	DidRenamePasskey  = "passkey-renamed"
	DidRemovePasskey  = "passkey-removed"
	DidChangePassword = "password-changed"
	DidCodesOn        = "codes-on"
	DidCodesOff       = "codes-off"
	DidNewRecovery    = "recovery-codes"
	DidEndSession     = "session-ended"
	DidEndSessions    = "sessions-ended"
	DidEndGrant       = "grant-ended"
)
