package people

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// What a hash may cost at most, so that a record that somebody else wrote cannot take the machine down.
const (
	maxMemory = 1 << 20 // KiB
	maxPasses = 64
	saltSize  = 16 // RFC 9106 §3.1
	hashSize  = 32
)

var errPHC = errors.New("people: not an argon2id hash in PHC string format")

// A phc is a password's hash with what it was made with. Its text is $argon2id$v=19$m=…,t=…,p=…$salt$hash.
type phc struct {
	memory, passes uint32
	lanes          uint8
	salt, hash     []byte
}

func (p phc) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, p.memory, p.passes, p.lanes, b64.EncodeToString(p.salt), b64.EncodeToString(p.hash))
}

// parsePHC reads what String wrote, and nothing else.
func parsePHC(text string) (phc, error) {
	parts := strings.Split(text, "$")
	if len(text) > 256 || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return phc{}, errPHC
	}
	var p phc
	settings := strings.Split(parts[3], ",")
	if len(settings) != 3 {
		return phc{}, errPHC
	}
	memory, err1 := setting(settings[0], "m=", maxMemory)
	passes, err2 := setting(settings[1], "t=", maxPasses)
	lanes, err3 := setting(settings[2], "p=", 255)
	b64 := base64.RawStdEncoding.Strict()
	salt, err4 := b64.DecodeString(parts[4])
	hash, err5 := b64.DecodeString(parts[5])
	if errors.Join(err1, err2, err3, err4, err5) != nil {
		return phc{}, errPHC
	}
	p = phc{uint32(memory), uint32(passes), uint8(lanes), salt, hash}
	if len(salt) < 8 || len(salt) > 64 || len(hash) < 16 || len(hash) > 64 || memory < 8*lanes || p.String() != text { // RFC 9106 §3.1
		return phc{}, errPHC
	}
	return p, nil
}

// setting reads a number from 1 to most after a prefix.
func setting(text, prefix string, most uint64) (uint64, error) {
	digits, ok := strings.CutPrefix(text, prefix)
	n, err := strconv.ParseUint(digits, 10, 32)
	if !ok || err != nil || n < 1 || n > most {
		return 0, errPHC
	}
	return n, nil
}

// matches hashes the password again. It takes the whole time and memory of a hash.
func (p phc) matches(password string) bool {
	again := argon2.IDKey([]byte(password), p.salt, p.passes, p.memory, p.lanes, uint32(len(p.hash)))
	return subtle.ConstantTimeCompare(again, p.hash) == 1
}
