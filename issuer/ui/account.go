package ui

import "time"

// Account is the page of a person's own: how they sign in, where they are signed in, and what they allowed to whom. Its
// forms post "do", and "id" where one of several is meant:
//
//	remove-passkey, rename-passkey (id)   remove-codes, new-recovery-codes   end-session (id), end-other-sessions
//	end-grant (id)                        logout
//
// It links to Action + "/password" (ChangePassword), Action + "/codes" (EnrollTOTP).
type Account struct {
	Frame
	Notice   Notice    // what was just done; read out at once
	Fault    Fault     // what did not work
	Email    string    // of the person; may be empty
	Factors  Factors   // how they sign in
	Sessions []Session // where; newest first
	Grants   []Grant   // what they allowed; newest first
}

func (Account) name() string { return "account" }

// Factors are the ways in which the person can show who they are.
type Factors struct {
	Password      bool
	TOTP          bool
	RecoveryCodes int // left
	Passkeys      []Passkey
	Add           *Ceremony // to make a new passkey; nil: not here
}

// A Passkey is one of the person's passkeys.
type Passkey struct {
	ID       string
	Name     string
	Created  time.Time
	LastUsed time.Time // zero: never
	Synced   bool      // kept by a service on several devices, not bound to one
}

// A Session is one browser where the person is signed in.
type Session struct {
	ID      string
	Agent   string // the browser's own words about itself; the page makes "Firefox, Windows" of it
	Address string
	Started time.Time
	Seen    time.Time
	Current bool // the one that looks at the page
}

// A Grant is what the person allowed a client.
type Grant struct {
	ID      string
	Client  Client
	Scopes  []Scope
	Details []Detail
	Created time.Time
	Used    time.Time // zero: never
	Expires time.Time // zero: until it is ended
}

// A Notice is what was just done on the person's own page.
type Notice string

// The notices that the page has words for.
const (
	NoNotice             Notice = ""
	NoticePasskeyAdded   Notice = "passkey-added"
	NoticePasskeyRenamed Notice = "passkey-renamed"
	NoticePasskeyRemoved Notice = "passkey-removed"
	NoticePassword       Notice = "password-changed"
	NoticeCodesOn        Notice = "codes-on"
	NoticeCodesOff       Notice = "codes-off"
	NoticeSessionEnded   Notice = "session-ended"
	NoticeSessionsEnded  Notice = "sessions-ended"
	NoticeGrantEnded     Notice = "grant-ended"
)
