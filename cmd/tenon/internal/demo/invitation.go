package demo

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// invite says where everything is and how to try it by hand. The commands work as they stand, pasted into a shell.
func (s *stage) invite(cfg Config) error {
	if cfg.JSON {
		return json.NewEncoder(cfg.Out).Encode(map[string]string{
			"issuer": s.cast.Issuer, "mtls": s.cast.MTLS, "api": s.cast.API, "shop": s.cast.Shop, "user": shopper, "password": s.front.password, "dir": s.cast.Dir,
		})
	}
	_, err := fmt.Fprintf(cfg.Out, "\n%s\n\n  %s   log in as %s with %s\n\n%s\n\n%s\n",
		cfg.Term.Strong("Everything keeps running until Ctrl-C. Pay as a person, in a browser:"), s.cast.Shop, shopper, s.front.password,
		cfg.Term.Strong("Or try it from another terminal:"), s.commands())
	return err
}

// commands gives lines for a shell.
func (s *stage) commands() string {
	return strings.NewReplacer(
		"{tenon}", quote(called(s.program.Path)), "{dir}", quote(s.cast.Dir), "{api}", s.cast.API, "{jkt}", s.shopKey.Thumbprint(),
	).Replace(`T={tenon} D={dir}

# as shop and as bank, with all that belongs to it
"$T" curl --client-file "$D/shop/client.yaml" {api}/payments -d '{"amount":"5.00","currency":"EUR","to":"DE0212"}'
"$T" curl --client-file "$D/bank/client.yaml" {api}/accounts

# a token alone, in the wrong hands
TOKEN=$("$T" token --client-file "$D/shop/client.yaml")
curl -si --cacert "$D/certs/ca.pem" {api}/accounts -H "Authorization: Bearer $TOKEN"

# plain curl in the right hands: the first answer gives the nonce that a proof must carry
proof() { echo $TOKEN | "$T" proof GET {api}/accounts --client-file "$D/shop/client.yaml" --token-file - --header "$@"; }
call() { curl -s --cacert "$D/certs/ca.pem" {api}/accounts -H "Authorization: DPoP $TOKEN" "$@"; }
NONCE=$(call -H "$(proof)" -o /dev/null -w '%header{dpop-nonce}')
call -i -H "$(proof --nonce $NONCE)"

# as an auditor: the log of all that, and the copy of it with one byte changed
"$T" audit verify "$D/data/log" --policy "$D/tlog-policy"
"$T" audit verify "$D/tampered-log" --policy "$D/tlog-policy" --evidence ""

# all of shop's tokens, from now on
"$T" revoke --config "$D/tenon.yaml" --thumbprint {jkt}`)
}

// called gives the word that runs this program from a shell: its plain name where the shell would find this very file by it.
func called(path string) string {
	name := filepath.Base(path)
	if found, err := exec.LookPath(name); err == nil && sameFile(found, path) {
		return name
	}
	return path
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// quote makes one word of s for a POSIX shell.
func quote(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("/._-+:@%", r) && !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9')
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
