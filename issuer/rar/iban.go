package rar

import "errors"

// validIBAN checks the form and the check digits of an account number (ISO 13616-1, ISO 7064 MOD 97-10): capital letters
// and digits, no spaces, because two spellings of one account would be two accounts to whoever compares.
func validIBAN(v any) error {
	s, ok := v.(string)
	if !ok {
		return nil // the schema says what it must be
	}
	if len(s) < 15 || len(s) > 34 {
		return errors.New("it has 15 to 34 characters")
	}
	remainder := 0
	for i, c := range []byte(s[4:] + s[:4]) {
		letter, digit := c >= 'A' && c <= 'Z', c >= '0' && c <= '9'
		switch at := (i + 4) % len(s); {
		case at < 2 && !letter, at >= 2 && at < 4 && !digit, !letter && !digit:
			return errors.New("it is two capital letters, two digits, and capital letters or digits")
		case digit:
			remainder = (remainder*10 + int(c-'0')) % 97
		default:
			remainder = (remainder*100 + int(c-'A') + 10) % 97
		}
	}
	if remainder != 1 {
		return errors.New("its check digits are wrong")
	}
	return nil
}
