package ui

import "time"

// Login asks who it is. Its form posts "username" and "password"; the submit button is "do" = "login", and with MayCancel
// another one is "do" = "cancel".
type Login struct {
	Frame
	Client    Client        // zero when the person came for their own page
	Username  string        // filled in: a hint, or what was typed before
	Again     bool          // the person is signed in and must show again that it is them
	Fault     Fault         // FaultWrong, FaultThrottled, FaultExpired, FaultPasskey
	Wait      time.Duration // with FaultThrottled
	Passkey   *Ceremony     // nil: no passkeys here
	MayCancel bool          // offer the way back to the client
}

func (Login) name() string { return "login" }

// SecondFactor asks for one thing more after the password, or for a step up. Its forms post "code" (from the authenticator
// application, or a recovery code; the server tells them apart) with "do" = "login", or "do" = "cancel".
type SecondFactor struct {
	Frame
	Client    Client
	Codes     bool // the person has an authenticator application
	Recovery  bool // the person has recovery codes left
	Fault     Fault
	Wait      time.Duration
	Passkey   *Ceremony
	MayCancel bool
}

func (SecondFactor) name() string { return "second" }

// ChooseAccount shows who is signed in (Frame.Signed) and asks whether that is who should go on: "do" = "continue", or
// "do" = "other" for somebody else, or "do" = "cancel".
type ChooseAccount struct {
	Frame
	Client    Client
	Since     time.Time // when this person signed in; zero: not told
	MayCancel bool
}

func (ChooseAccount) name() string { return "choose" }
