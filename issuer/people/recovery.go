package people

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"strings"

	"github.com/tenon-auth/tenon/store"
)

// Recovery codes have 80 random bits each: too many to guess, so that a plain hash keeps them.
const (
	recoveryCodes  = 10
	recoveryDigits = 16 // of 5 bits, in groups of 4
)

// recoveryAlphabet has no letter that is read as another character: no I, L, O, U.
const recoveryAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// NewRecoveryCodes gives a person new recovery codes; the old ones no longer work. [store.ErrNotFound] means that there are no one-time
// codes that they could stand in for.
func (d *Directory) NewRecoveryCodes(ctx context.Context, subject string) ([]string, error) {
	codes, hashes := newRecoveryCodes(subject)
	err := d.change(ctx, func(ch *store.Change) error {
		item, err := oneTimes.Get(ctx, d.store, subject)
		if err != nil {
			return err
		}
		item.Value.Recovery = hashes
		return oneTimes.Replace(ch, item)
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

func newRecoveryCodes(subject string) (codes []string, hashes [][]byte) {
	for range recoveryCodes {
		var b strings.Builder
		for i, r := range random(recoveryDigits) {
			if i > 0 && i%4 == 0 {
				b.WriteByte('-')
			}
			b.WriteByte(recoveryAlphabet[r%32])
		}
		codes = append(codes, b.String())
		hashes = append(hashes, recoveryHash(subject, readRecovery(b.String())))
	}
	return codes, hashes
}

// useRecovery spends a recovery code, and tells whether it was one.
func (o *oneTime) useRecovery(subject, code string) bool {
	code = readRecovery(code)
	if code == "" {
		return false
	}
	hash := recoveryHash(subject, code)
	before := len(o.Recovery)
	o.Recovery = slices.DeleteFunc(o.Recovery, func(h []byte) bool { return subtle.ConstantTimeCompare(h, hash) == 1 })
	return len(o.Recovery) < before
}

func recoveryHash(subject, code string) []byte {
	sum := sha256.Sum256([]byte("tenon recovery code\x00" + subject + "\x00" + code))
	return sum[:]
}

// readRecovery forgives what people do when they type a code, and gives "" for what is none.
func readRecovery(code string) string {
	code = strings.NewReplacer("O", "0", "I", "1", "L", "1", "-", "").Replace(strings.ToUpper(spaceless(code)))
	if len(code) != recoveryDigits || strings.Trim(code, recoveryAlphabet) != "" {
		return ""
	}
	return code
}

// spaceless drops the spaces with which codes are shown. What is too long for a code is none.
func spaceless(code string) string {
	if len(code) > 64 {
		return ""
	}
	return strings.Join(strings.Fields(code), "")
}
