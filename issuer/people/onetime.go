package people

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"image/png"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/tenon-auth/tenon/store"
)

// One-time codes are what every authenticator app can do (RFC 6238 §5.2, RFC 4226 §4).
const (
	stepLength = 30 * time.Second
	codeDigits = 6
	secretSize = 20 // bytes: 160 bits are recommended (RFC 4226 §4 R6)
)

// A oneTime is a person's one-time codes. A step that was used and all before it are spent.
type oneTime struct {
	Secret   string    `json:"secret"` // base32 without padding
	Spent    int64     `json:"spent"`  // the last step that was used
	Recovery [][]byte  `json:"recovery"`
	Created  time.Time `json:"created"`
}

// An Enrollment is what a person needs to set up an authenticator app.
type Enrollment struct {
	Secret string // base32, to be typed and to be handed to ConfirmTOTP
	URL    string // otpauth://
	PNG    []byte // the URL as a QR code
}

var base32Code = base32.StdEncoding.WithPadding(base32.NoPadding)

// BeginTOTP makes a secret for a person. Nothing is stored before [Directory.ConfirmTOTP].
func (d *Directory) BeginTOTP(ctx context.Context, subject string) (Enrollment, error) {
	p, err := d.Get(ctx, subject)
	if err != nil {
		return Enrollment{}, err
	}
	secret := base32Code.EncodeToString(random(secretSize))
	address := url.URL{
		Scheme: "otpauth", Host: "totp", Path: "/" + d.name + ":" + p.Username,
		RawQuery: fmt.Sprintf("secret=%s&issuer=%s&algorithm=SHA1&digits=%d&period=%d",
			secret, strings.ReplaceAll(url.QueryEscape(d.name), "+", "%20"), codeDigits, int(stepLength.Seconds())),
	}
	key, err := otp.NewKeyFromURL(address.String())
	if err != nil {
		return Enrollment{}, fmt.Errorf("people: one-time codes: %w", err)
	}
	picture, err := key.Image(240, 240)
	if err != nil {
		return Enrollment{}, fmt.Errorf("people: QR code: %w", err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return Enrollment{}, fmt.Errorf("people: QR code: %w", err)
	}
	return Enrollment{Secret: secret, URL: address.String(), PNG: b.Bytes()}, nil
}

// ConfirmTOTP turns one-time codes on, in place of earlier ones, once the person has shown that the app works. It gives the
// recovery codes, which are not shown again. [ErrWrong] means that the code is not right now.
func (d *Directory) ConfirmTOTP(ctx context.Context, subject, secret, code string) (recovery []string, err error) {
	if raw, err := base32Code.DecodeString(secret); err != nil || len(raw) != secretSize {
		return nil, wrong("secret", err)
	}
	now := d.now()
	step := matchingStep(secret, spaceless(code), now, 0)
	if step == 0 {
		return nil, wrong("code", nil)
	}
	recovery, hashes := newRecoveryCodes(subject)
	record := oneTime{Secret: secret, Spent: step, Recovery: hashes, Created: now.UTC().Truncate(time.Second)}
	err = d.change(ctx, func(ch *store.Change) error {
		if _, err := d.guard(ctx, ch, subject); err != nil {
			return err
		}
		return put(ctx, d.store, ch, oneTimes, subject, record)
	})
	if err != nil {
		return nil, err
	}
	return recovery, nil
}

// RemoveTOTP turns one-time codes off. The recovery codes, which stand in for them, go too.
func (d *Directory) RemoveTOTP(ctx context.Context, subject string) error {
	return d.change(ctx, func(ch *store.Change) error { return drop(ctx, d.store, ch, oneTimes, subject) })
}

// CheckCode takes a one-time code or a recovery code as the second factor of a person who has given the first, from a device
// that is not known. See [Directory.CheckCodeFrom].
func (d *Directory) CheckCode(ctx context.Context, subject, code, address string) (Method, error) {
	return d.CheckCodeFrom(ctx, subject, code, Attempt{Address: address})
}

// CheckCodeFrom is CheckCode for a device that may be known: of the Attempt it reads Address and Device. A code works once: each
// step of time, and each recovery code. [ErrWrong] and *[Throttled] are as in [Directory.CheckPassword].
func (d *Directory) CheckCodeFrom(ctx context.Context, subject, code string, from Attempt) (Method, error) {
	p, err := d.Get(ctx, subject)
	if errors.Is(err, store.ErrNotFound) {
		return "", wrong("unknown", nil)
	}
	if err != nil {
		return "", err
	}
	toll := d.gates.code(subject, from.Address, d.knows(from.Device, p.Username))
	if err := toll.pay(d.now()); err != nil {
		return "", err
	}
	method, err := d.spendCode(ctx, p, code)
	switch {
	case err == nil:
		toll.giveBack()
	case errors.Is(err, ErrWrong):
		toll.keep(d.now())
	default:
		toll.refund()
	}
	return method, err
}

// spendCode spends a code. Of two who send the same code at once, one is right.
func (d *Directory) spendCode(ctx context.Context, p Person, code string) (method Method, err error) {
	if p.Disabled {
		return "", wrong("disabled", nil)
	}
	err = d.change(ctx, func(ch *store.Change) error {
		item, err := oneTimes.Get(ctx, d.store, p.Subject)
		if errors.Is(err, store.ErrNotFound) {
			return wrong("no_codes", nil)
		}
		if err != nil {
			return err
		}
		if method = item.Value.use(p.Subject, spaceless(code), d.now()); method == "" {
			return wrong("code", nil)
		}
		return oneTimes.Replace(ch, item)
	})
	if err != nil {
		return "", err
	}
	return method, nil
}

// use spends a code, and gives "" when it is not right.
func (o *oneTime) use(subject, code string, now time.Time) Method {
	if step := matchingStep(o.Secret, code, now, o.Spent); step > 0 {
		o.Spent = step
		return OTP
	}
	if o.useRecovery(subject, code) {
		return Recovery
	}
	return ""
}

// matchingStep gives the step of time whose code it is: this one, the one before or the one after (RFC 6238 §5.2), but only if
// it comes after the last one spent: the second use of a code is refused (RFC 6238 §5.2). 0 means none.
func matchingStep(secret, code string, now time.Time, spent int64) int64 {
	found := int64(0)
	current := now.Unix() / int64(stepLength.Seconds())
	for step := current - 1; step <= current+1; step++ {
		want, err := hotp.GenerateCodeCustom(secret, uint64(step), hotp.ValidateOpts{Digits: codeDigits, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && step > spent {
			found = step
		}
	}
	return found
}
