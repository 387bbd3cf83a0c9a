package people

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Person can log in. Subject is given by Add: "person:" and a random UUID, never used again.
type Person struct {
	Subject  string `json:"sub"`
	Username string `json:"preferred_username"` // as [Directory.Add] normalised it
	Profile
	Disabled bool      `json:"disabled,omitzero"` // cannot log in, and has no sessions
	Created  time.Time `json:"created"`
}

// A Profile is what is known about a person, under the names of OpenID Connect Core 1.0 §5.1. Empty means not known.
type Profile struct {
	Name          string    `json:"name,omitempty"`
	GivenName     string    `json:"given_name,omitempty"`
	FamilyName    string    `json:"family_name,omitempty"`
	Email         string    `json:"email,omitempty"`
	EmailVerified bool      `json:"email_verified,omitempty"`
	Phone         string    `json:"phone_number,omitempty"` // E.164 is recommended
	PhoneVerified bool      `json:"phone_number_verified,omitempty"`
	Locale        string    `json:"locale,omitempty"` // BCP 47
	Address       Address   `json:"address,omitzero"`
	Updated       time.Time `json:"updated_at,omitzero"` // set by Add and Update
}

// An Address is a postal address (OpenID Connect Core 1.0 §5.1.1).
type Address struct {
	Formatted  string `json:"formatted,omitempty"`
	Street     string `json:"street_address,omitempty"`
	Locality   string `json:"locality,omitempty"`
	Region     string `json:"region,omitempty"`
	PostalCode string `json:"postal_code,omitempty"`
	Country    string `json:"country,omitempty"`
}

// Claims gives what is known as claims of an ID token or a userinfo answer: nothing that is empty, and updated_at in seconds
// (OpenID Connect Core 1.0 §5.1). sub is not among them: what a client sees as sub is the issuer's business.
func (p Person) Claims() map[string]any {
	claims := map[string]any{"preferred_username": p.Username}
	for name, text := range map[string]string{
		"name": p.Name, "given_name": p.GivenName, "family_name": p.FamilyName, "locale": p.Locale,
	} {
		if text != "" {
			claims[name] = text
		}
	}
	if p.Email != "" {
		claims["email"], claims["email_verified"] = p.Email, p.EmailVerified
	}
	if p.Phone != "" {
		claims["phone_number"], claims["phone_number_verified"] = p.Phone, p.PhoneVerified
	}
	if p.Address != (Address{}) {
		claims["address"] = p.Address
	}
	if !p.Updated.IsZero() {
		claims["updated_at"] = p.Updated.Unix()
	}
	return claims
}

// maxText bounds each text of a profile in bytes: it is shown on pages and travels in tokens.
const maxText = 512

// validate reports every text of a profile that is not fit to be shown.
func (p Profile) validate() error {
	var faults []error
	for name, text := range map[string]string{
		"name": p.Name, "given_name": p.GivenName, "family_name": p.FamilyName, "email": p.Email, "phone_number": p.Phone,
		"locale": p.Locale, "street_address": p.Address.Street, "locality": p.Address.Locality, "region": p.Address.Region,
		"postal_code": p.Address.PostalCode, "country": p.Address.Country,
	} {
		faults = append(faults, validateText(name, text, ""))
	}
	return errors.Join(append(faults, validateText("formatted", p.Address.Formatted, "\r\n"))...)
}

// validateText refuses what is too long, what is not UTF-8 and control characters other than those allowed.
func validateText(name, text, allowed string) error {
	if len(text) > maxText {
		return fmt.Errorf("%w: %s has %d bytes, at most %d are allowed", ErrInvalid, name, len(text), maxText)
	}
	if !utf8.ValidString(text) {
		return fmt.Errorf("%w: %s is not UTF-8", ErrInvalid, name)
	}
	for _, r := range text {
		if unicode.IsControl(r) && !strings.ContainsRune(allowed, r) {
			return fmt.Errorf("%w: %s has a control character", ErrInvalid, name)
		}
	}
	return nil
}
