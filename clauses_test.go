package tenon_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The table of clauses names files that cite the clause: a row whose file moved, or stopped enforcing it, is found here.
func TestClausesAreEnforcedWhereTheTableSays(t *testing.T) {
	table, err := os.ReadFile("docs/clauses.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^\| ((?:RFC|FAPI|Token|OpenID)[^|]*§[^|]*) \| [^|]+ \| ([^|]+) \|$`)
	path := regexp.MustCompile("`([^`]+)`")
	rows := row.FindAllStringSubmatch(string(table), -1)
	if len(rows) < 60 {
		t.Fatalf("found %d rows only", len(rows))
	}
	for _, r := range rows {
		files := path.FindAllStringSubmatch(r[2], -1)
		if len(files) == 0 {
			t.Errorf("%s names no file", r[1])
		}
		for _, f := range files {
			source, err := os.ReadFile(f[1])
			if err != nil {
				t.Errorf("%s: %v", r[1], err)
				continue
			}
			if !cites(string(source), r[1]) {
				t.Errorf("%s does not cite %s", f[1], r[1])
			}
		}
	}
}

// cites looks for a clause, also behind another one of the same specification ("RFC 9449 §8, §9").
func cites(source, clause string) bool {
	specification, section, _ := strings.Cut(clause, " §")
	pattern := regexp.QuoteMeta(specification) + ` (?:§[^\n]*, )?(?:§)?` + regexp.QuoteMeta(section) + `(?:[^0-9.]|\.\D|$)`
	return regexp.MustCompile(pattern).MatchString(source)
}
