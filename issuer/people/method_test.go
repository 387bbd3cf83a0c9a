package people_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon/issuer/people"
)

func TestACR(t *testing.T) {
	for name, tt := range map[string]struct {
		methods []people.Method
		acr     string
		amr     []string
	}{
		"nothing":                        {nil, "", nil},
		"a code alone":                   {[]people.Method{people.OTP}, "", []string{"otp"}},
		"presence alone":                 {[]people.Method{people.UserPresence, people.MultiFactor}, "", []string{"user", "mfa"}},
		"a password":                     {[]people.Method{people.Pwd}, people.ACRPassword, []string{"pwd"}},
		"a password and a code":          {[]people.Method{people.Pwd, people.OTP}, people.ACRMulti, []string{"pwd", "otp", "mfa"}},
		"a password and a recovery code": {[]people.Method{people.Pwd, people.Recovery}, people.ACRMulti, []string{"pwd", "otp", "mfa"}},
		"a code and a recovery code":     {[]people.Method{people.OTP, people.Recovery}, "", []string{"otp"}},
		"a synced passkey":               {[]people.Method{people.SoftwareKey, people.UserPresence, people.MultiFactor}, people.ACRPhishing, []string{"swk", "user", "mfa"}},
		"a passkey of one device":        {[]people.Method{people.HardwareKey, people.UserPresence, people.MultiFactor}, people.ACRHardware, []string{"hwk", "user", "mfa"}},
		"a password and a passkey":       {[]people.Method{people.Pwd, people.SoftwareKey}, people.ACRPhishing, []string{"pwd", "swk", "mfa"}},
	} {
		t.Run(name, func(t *testing.T) {
			if acr := people.ACR(tt.methods); acr != tt.acr {
				t.Errorf("acr %q, want %q", acr, tt.acr)
			}
			if diff := cmp.Diff(tt.amr, people.AMR(tt.methods)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSatisfies(t *testing.T) {
	levels := people.ACRs()
	for i, have := range levels {
		for j, want := range levels {
			if got := people.Satisfies(have, want); got != (i >= j) {
				t.Errorf("%s for %s: %v", have, want, got)
			}
		}
	}
	for _, tt := range []struct {
		have, want string
		good       bool
	}{
		{"", "", true},
		{people.ACRHardware, "", true},
		{"", people.ACRPassword, false},
		{"x", people.ACRPassword, false},
		{people.ACRHardware, "x", false},
		{"", "x", false},
		{"x", "x", false},
	} {
		if got := people.Satisfies(tt.have, tt.want); got != tt.good {
			t.Errorf("%q for %q: %v", tt.have, tt.want, got)
		}
	}
}
