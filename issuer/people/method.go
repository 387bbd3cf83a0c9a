package people

import "slices"

// A Method is one thing a person did to prove who they are. [AMR] turns methods into values of the amr claim.
type Method string

// The methods. All but Recovery are values of the registry (RFC 8176 §2).
const (
	Pwd          Method = "pwd"      // a password
	OTP          Method = "otp"      // a one-time code from the person's device
	Recovery     Method = "recovery" // a recovery code; told to clients as otp, because it is a password that works once
	HardwareKey  Method = "hwk"      // a passkey that cannot leave its device
	SoftwareKey  Method = "swk"      // a passkey that can be copied between devices
	UserPresence Method = "user"     // the person was there
	MultiFactor  Method = "mfa"      // more than one factor
)

// The levels of authentication, weakest first. The last two are of OpenID Connect Extended Authentication Profile ACR Values 1.0 §2.
// That a passkey cannot leave its device is what the authenticator says in its flags; no attestation is asked for.
const (
	ACRPassword = "urn:tenon:acr:password"
	ACRMulti    = "urn:tenon:acr:mfa"
	ACRPhishing = "phr"  // a passkey: it works at the right origin only
	ACRHardware = "phrh" // a passkey that is bound to its device
)

// ACRs lists the levels of authentication, weakest first.
func ACRs() []string { return []string{ACRPassword, ACRMulti, ACRPhishing, ACRHardware} }

// ACR gives the level that the methods of one login amount to, or "" for none.
func ACR(methods []Method) string {
	has := func(m Method) bool { return slices.Contains(methods, m) }
	switch {
	case has(HardwareKey):
		return ACRHardware
	case has(SoftwareKey):
		return ACRPhishing
	case has(Pwd) && (has(OTP) || has(Recovery)):
		return ACRMulti
	case has(Pwd):
		return ACRPassword
	}
	return ""
}

// Satisfies reports whether a login at the level have is good enough for one who asks for want. Nothing satisfies a level that
// is not known; everything satisfies no level at all.
func Satisfies(have, want string) bool {
	if want == "" {
		return true
	}
	asked := slices.Index(ACRs(), want)
	return asked >= 0 && slices.Index(ACRs(), have) >= asked
}

// AMR gives the values of the amr claim for the methods of one login, each once (RFC 8176 §2).
func AMR(methods []Method) []string {
	var values []string
	add := func(m Method) {
		if !slices.Contains(values, string(m)) {
			values = append(values, string(m))
		}
	}
	for _, m := range methods {
		if m == Recovery {
			m = OTP
		}
		add(m)
	}
	if Satisfies(ACR(methods), ACRMulti) {
		add(MultiFactor)
	}
	return values
}
