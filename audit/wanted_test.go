package audit_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/audit"
)

// wanted is a finding that a test asks for. Path "" means any.
type wanted struct {
	name  string
	index int64
	path  string
	exit  int
}

// demand asks that exactly the one finding was made, with evidence that can be read again.
func demand(t testing.TB, r *audit.Report, want wanted) *audit.Finding {
	t.Helper()
	if len(r.Findings) != 1 {
		t.Fatalf("want one finding %s, got %s", want.name, list(r.Findings))
	}
	return demandOne(t, r.Findings, r.Exit(), want)
}

func demandOne(t testing.TB, findings []audit.Finding, exit int, want wanted) *audit.Finding {
	t.Helper()
	at := slices.IndexFunc(findings, func(f audit.Finding) bool { return f.Name == want.name })
	if at < 0 {
		t.Fatalf("want %s, got %s", want.name, list(findings))
	}
	f := &findings[at]
	if f.Index != want.index || want.path != "" && f.Path != want.path {
		t.Errorf("want index %d, path %q; got %v", want.index, want.path, f.Error())
	}
	if exit != want.exit {
		t.Errorf("exit code %d, want %d", exit, want.exit)
	}
	if want.name != audit.Redacted && len(f.Evidence) == 0 {
		t.Errorf("no evidence of %v", f.Error())
	}
	for _, path := range f.Evidence {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("evidence %s: %v, %v", path, info, err)
		}
	}
	return f
}

func list(findings []audit.Finding) string {
	var lines []string
	for i := range findings {
		lines = append(lines, findings[i].Error())
	}
	return fmt.Sprintf("%d findings:\n%s", len(findings), strings.Join(lines, "\n"))
}

// evidence reads the exhibit whose name ends so.
func evidence(t testing.TB, f *audit.Finding, suffix string) []byte {
	t.Helper()
	for _, path := range f.Evidence {
		if strings.HasSuffix(path, suffix) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
	t.Fatalf("no evidence named %s among %v", suffix, f.Evidence)
	return nil
}

func clean(t testing.TB, r *audit.Report) {
	t.Helper()
	if len(r.Findings) != 0 || r.Exit() != 0 || !r.Clean() {
		t.Fatalf("want nothing found, got %s", list(r.Findings))
	}
}
