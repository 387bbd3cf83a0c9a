package ui

import "time"

// EnrollTOTP shows the key for an authenticator application and asks for a first code: "code" with "do" = "confirm". What
// the server needs to know the key again goes through Frame.Hidden. The way back is the link Back.
type EnrollTOTP struct {
	Frame
	PNG    []byte // the QR code of URL
	Secret string // for typing; shown in groups of four
	URL    string // otpauth://totp/..., a link for a phone that shows this page itself
	Back   string // path of the person's own page
	Fault  Fault  // FaultWrong, FaultThrottled, FaultExpired
	Wait   time.Duration
}

func (EnrollTOTP) name() string { return "enroll" }

// RecoveryCodes shows the codes, once. It posts nothing: the link Back goes on.
type RecoveryCodes struct {
	Frame
	Codes   []string
	Renewed bool   // earlier codes do not work any more
	Back    string // path of the person's own page
}

func (RecoveryCodes) name() string { return "recovery" }

// ChangePassword asks for the present password ("current", when there is one) and a new one ("password", "repeat"), with
// "do" = "change".
type ChangePassword struct {
	Frame
	HasPassword bool
	Minimum     int // characters; zero: not told
	Back        string
	Fault       Fault // FaultWrong (the present one), FaultShort, FaultCommon, FaultLong, FaultDiffers, FaultThrottled, FaultExpired
	Wait        time.Duration
}

func (ChangePassword) name() string { return "password" }

// NamePasskey asks for a passkey's name ("name"), after it was made or later, with "do" = "name". Which one it is goes
// through Frame.Hidden.
type NamePasskey struct {
	Frame
	Current string // name it has now
	New     bool   // it was made a moment ago
	Back    string
	Fault   Fault
}

func (NamePasskey) name() string { return "name" }
