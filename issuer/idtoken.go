package issuer

// An identityRequest is what an ID token is to say beside who logged in and when.
type identityRequest struct {
	Nonce    string // sent back as it came (OpenID Connect Core §2)
	AuthTime bool   // auth_time must be told
}
