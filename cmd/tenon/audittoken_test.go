package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/audit"
)

// A token that was made with a stolen signing key has no entry that says what it says.
func TestAuditFindsStolenSigningKey(t *testing.T) {
	s := newAuditStage(t)
	honest := tenon.Claims{}
	if err := honest.UnmarshalJSON([]byte(decoded(t, s.read("token")))); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*tenon.Claims)
		exit   int
		want   string
	}{
		"nothing changed":        {func(*tenon.Claims) {}, exitDone, ""},
		"no entry named":         {func(c *tenon.Claims) { c.Log = nil }, exitRefused, audit.UnloggedToken},
		"an entry of no token":   {func(c *tenon.Claims) { c.Log.Index = 0 }, exitRefused, audit.UnloggedToken},
		"an entry yet to come":   {func(c *tenon.Claims) { c.Log.Index = 99 }, exitRefused, audit.MissingIndex},
		"a wider scope":          {func(c *tenon.Claims) { c.Scope = tenon.Scope{"payments"} }, exitRefused, audit.ClaimsMismatch},
		"the thief's key":        {func(c *tenon.Claims) { c.Confirmation.JKT = strings.Repeat("A", 43) }, exitRefused, audit.BindingMismatch},
		"an entry of another":    {func(c *tenon.Claims) { c.Log.Index = 12 }, exitRefused, audit.BindingMismatch},
		"a log that is not ours": {func(c *tenon.Claims) { c.Log.Origin = "elsewhere" }, exitRefused, audit.OriginMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			claims := honest
			log := *honest.Log
			claims.Log = &log
			c.change(&claims)
			s.save("stolen", s.sign(claims))
			out := s.audit("verify-token", "stolen", "-p", "policy", "--log", "log", "--jwks", "jwks", "--evidence", "kept-"+c.want)
			out.wants(t, c.exit)
			if !strings.Contains(out.stdout, c.want) {
				t.Errorf("want %s:\n%s", c.want, out.stdout)
			}
			_, err := os.Stat("kept-" + c.want)
			if (err == nil) != (c.exit == exitRefused) {
				t.Errorf("evidence: %v", err)
			}
		})
	}
}

// What was kept for a token is judged: signature, addresses, and the level of its receipt.
func TestAuditJudgesAToken(t *testing.T) {
	s := newAuditStage(t)
	s.audit("prove", "log", "-p", "policy", "-i", fmt.Sprint(s.token), "-o", "receipt", "--entry", "entry", "--opening", "opening").wants(t, exitDone)
	s.audit("prove", "log", "-p", "policy", "-i", "3", "-o", "receipt3", "--entry", "entry3", "--opening", "opening3").wants(t, exitDone)
	s.save("none", s.policy("none"))
	s.save("other", strings.Replace(s.read("token"), ".", ".e", 1))
	s.save("resigned", strings.TrimSpace(s.read("token"))[:len(s.read("token"))-5]+"AAAA\n")
	for name, c := range map[string]struct {
		args string
		exit int
		want string
	}{
		"offline":                {"token -p policy --receipt receipt --entry entry --opening opening --jwks jwks", exitDone, "level 2"},
		"without its opening":    {"token -p policy --receipt receipt --entry entry", exitDone, "REDACTED"},
		"another's receipt":      {"token -p policy --receipt receipt3 --entry entry3", exitRefused, "UNLOGGED_TOKEN"},
		"another's opening":      {"token -p policy --receipt receipt --entry entry --opening opening3", exitRefused, "MALFORMED"},
		"entry of another":       {"token -p policy --receipt receipt --entry entry3", exitRefused, "LEAF_MISMATCH"},
		"claims cannot be read":  {"other -p policy --receipt receipt --entry entry", exitRefused, "MALFORMED"},
		"a wrong signature":      {"resigned -p policy --receipt receipt --entry entry --jwks jwks", exitRefused, "MALFORMED"},
		"no witnesses asked for": {"token -p none --receipt receipt --entry entry --opening opening", exitDone, "level 1"},
		"witnesses demanded":     {"token -p none --receipt receipt --entry entry --opening opening --level 2", exitStale, "QUORUM_NOT_MET"},
		"issued elsewhere": {
			"token -p policy --receipt receipt --entry entry --opening opening --token-endpoint https://other.example/token",
			exitRefused, "PROOF_INVALID",
		},
	} {
		t.Run(name, func(t *testing.T) {
			out := s.audit(append([]string{"verify-token"}, strings.Fields(c.args)...)...)
			out.wants(t, c.exit)
			if !strings.Contains(out.stdout, c.want) {
				t.Errorf("want %s:\n%s", c.want, out.stdout)
			}
		})
	}
	token := s.read("token")
	s.auditWith(token, "verify-token", "-", "-p", "policy", "--log", "log").wants(t, exitDone)
	s.audit("verify-token", strings.TrimSpace(token), "-p", "policy", "--log", "log").wants(t, exitUsage, "standard input")
}
