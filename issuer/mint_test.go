package issuer

import (
	"errors"
	"testing"

	"github.com/tenon-auth/tenon"
)

// The last line: whatever comes before it has gone wrong, an unbound token is not signed.
func TestMintRefusesUnboundTokens(t *testing.T) {
	for name, test := range map[string]struct {
		profile Profile
		bearer  bool
	}{
		"fapi2":                        {FAPI2, false},
		"fapi2, registered for bearer": {FAPI2, true},
		"oauth2":                       {OAuth2, false},
	} {
		i := &Issuer{cfg: Config{Profile: test.profile}}
		p := &plan{identified: identified{caller: &caller{registered: &registered{Client: Client{Bearer: test.bearer}}}}, cnf: tenon.Confirmation{}}
		if token, err := i.mint(p, 0); !errors.Is(err, errUnbound) || token != "" {
			t.Errorf("%s: %q %v", name, token, err)
		}
	}
}
