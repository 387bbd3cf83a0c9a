package interop

import "testing"

// Clients of other people, unmodified, do everything that the metadata offers. Each script is a file of named cases.
func TestOtherPeoplesClients(t *testing.T) {
	long(t, "other people's clients against a running server")
	peers(t)
	for _, script := range []string{"openid-client.test.mjs", "oauth4webapi.test.mjs"} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			newHouse(t, "").script(script)
		})
	}
}
