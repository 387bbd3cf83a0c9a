package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ago is how old something is today.
var ago = regexp.MustCompile(`(cosigned|newest entry) \S+ \S+ ago`)

// consoles are the blocks of the manual that show a command and its output.
var consoles = regexp.MustCompile("(?s)```console\n(\\$ tenon audit [^\n]*\n)(.*?)```")

// The manual for auditors shows what the commands really say.
func TestAuditorsManual(t *testing.T) {
	manual := filepath.Join(must(os.Getwd())(t), "..", "..", "docs", "auditors.md")
	text := string(must(os.ReadFile(manual))(t))
	s := newAuditStage(t)
	s.save("tlog-policy", s.policy("2"))
	s.save("earlier", s.read("log/archive/00000000000000000004"))
	s.save("accepted.jsonl", s.resourceServerList())
	if err := os.CopyFS("altered", os.DirFS("log")); err != nil {
		t.Fatal(err)
	}
	s.flip("altered/tile/entries/000.p/14", `"cl":"tpp-4711"`)
	blocks := 0
	real := consoles.ReplaceAllStringFunc(text, func(block string) string {
		blocks++
		line := strings.ReplaceAll(consoles.FindStringSubmatch(block)[1], "{jkt}", s.jkt)
		out := s.audit(strings.Fields(line)[3:]...)
		shown := took.ReplaceAllString(out.stdout+out.stderr, "0.0 s\n")
		shown = ago.ReplaceAllString(shown, "$1 2 min ago")
		if out.code != exitDone {
			shown += fmt.Sprintf("(exit code %d)\n", out.code)
		}
		return "```console\n" + line + shown + "```"
	})
	if blocks < 8 {
		t.Errorf("%d commands are shown", blocks)
	}
	if *updateAudit {
		if err := os.WriteFile(manual, []byte(real), 0o644); err != nil {
			t.Fatal(err)
		}
		text = real
	}
	if diff := cmp.Diff(text, real); diff != "" {
		t.Errorf("docs/auditors.md (-want +got), go test -run %s -update writes it:\n%s", t.Name(), diff)
	}
}
