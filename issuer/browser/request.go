package browser

import (
	"context"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer/rar"
)

// Requests are the authorization requests that clients have pushed (RFC 9126). A *tenon.Error is a refusal; any other error
// is a fault of the server. A refusal by any of the three is shown as an error page: it never redirects.
type Requests interface {
	// Open finds a request, and spends nothing. It refuses an unknown one, one that was completed, one of another client and
	// one of a client that may not be used. A request past Expires by at most Patience is still given: whether this browser
	// began in time is judged here.
	Open(ctx context.Context, clientID, requestURI string) (*Request, error)
	// Approve completes a request: it makes the grant and the code and tells where the browser goes. Of several that try,
	// one succeeds and the others are refused.
	Approve(ctx context.Context, r *Request, a Approval) (redirect string, err error)
	// Refuse completes a request without a grant: error, state and iss are in the redirect (RFC 6749 §4.1.2.1, RFC 9207 §2).
	Refuse(ctx context.Context, r *Request, why *tenon.Error) (redirect string, err error)
}

// Patience is for how long after its expiry a request may be completed by a browser that opened it in time. The time that a
// request_uri lives is what a client needs to send a browser here; a person needs longer to find a password.
const Patience = 15 * time.Minute

// Grants are what people have allowed clients.
type Grants interface {
	// Of lists the live grants of a person, newest first.
	Of(ctx context.Context, subject string) ([]Grant, error)
	// End ends a grant and all that came from it. store.ErrNotFound: this person has no such grant.
	End(ctx context.Context, subject, id string) error
}

// A Request is what a client asks a person for.
type Request struct {
	ID        string // unlike URI, it may stand in a log
	URI       string // the request_uri
	Client    ClientInfo
	Scope     tenon.Scope
	Details   rar.Details
	Resources []string
	Asked     Asked
	Created   time.Time
	Expires   time.Time
	Lasts     time.Duration // what would be granted, from its last use; zero: for one token
	Stored    any           // the issuer's own
}

// A ClientInfo is what a person is told about a client.
type ClientInfo struct {
	ID             string
	Name           string // as registered: a stranger's text; may be empty
	RedirectOrigin string // of the request's redirect_uri, such as https://shop.example
	Public         bool   // it proves nothing, so anybody may be it: it is never approved without asking (RFC 6749 §10.2)
}

// Asked is how the client wants the person to be asked (OpenID Connect Core §3.1.2.1). The protocol side has checked its
// form: "none" stands alone in Prompt.
type Asked struct {
	Prompt       []string
	MaxAge       *time.Duration
	ACR          []string // one of them must be reached (RFC 9470 §5)
	ACREssential bool     // asked for as an essential claim (OpenID Connect Core §5.5.1.1)
	LoginHint    string
	Subject      string // the directory's subject that must log in; "": whoever does
	Locales      []string
	Claims       []string // single identity claims asked for, such as "email", for the consent page
}

// An Approval is a person's yes.
type Approval struct {
	Subject   string // the directory's
	SessionID string
	AuthTime  time.Time
	ACR       string
	AMR       []string
	Scope     tenon.Scope
	Details   rar.Details
}

// A Grant is what a person allowed a client earlier.
type Grant struct {
	ID        string
	Client    ClientInfo
	Scope     tenon.Scope
	Details   rar.Details
	Resources []string // what it is good for: a request for another resource is asked for again
	Created   time.Time
	Used      time.Time // zero: never
	Expires   time.Time // zero: until it is ended
}
