// Package people knows who can log in.
package people

import (
	_ "github.com/go-webauthn/webauthn/webauthn"
	_ "github.com/pquerna/otp/totp"
	_ "golang.org/x/crypto/argon2"
	_ "golang.org/x/text/secure/precis"
)
