package dpop

import "net/url"

// maxForeignNonce bounds a nonce that a server gives us.
const maxForeignNonce = 512 // bytes

// A NonceJar keeps the newest nonce of each server a client talks to (RFC 9449 §8, §8.2), of 256 servers at most. A nonce goes
// back only to the origin it came from. It is safe for use by several goroutines.
type NonceJar struct {
	nonces origins[string]
}

// NewNonceJar returns an empty jar.
func NewNonceJar() *NonceJar { return &NonceJar{} }

// Get returns the nonce for the origin of u, or "".
func (j *NonceJar) Get(u *url.URL) string {
	nonce, _ := j.nonces.get(originOf(u))
	return nonce
}

// Put keeps the nonce for the origin of u. One with characters that RFC 9449 §8.1 does not allow, or longer than 512 bytes, is
// dropped.
func (j *NonceJar) Put(u *url.URL, nonce string) {
	if validNonce(nonce) {
		j.nonces.put(originOf(u), nonce)
	}
}

// validNonce is 1*NQCHAR (RFC 9449 §8.1) with a bound.
func validNonce(s string) bool {
	if s == "" || len(s) > maxForeignNonce {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
