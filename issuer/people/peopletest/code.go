package peopletest

import (
	"time"

	"github.com/pquerna/otp/totp"
)

// Code is what an authenticator app shows for a secret at a time.
func Code(secret string, at time.Time) (string, error) { return totp.GenerateCode(secret, at) }
