package auditview

import (
	"strings"

	"github.com/tenon-auth/tenon/audit"
)

// maxShown is how many findings of one name are shown. The JSON output has more.
const maxShown = 20

// Findings shows what was found, the grave first. more counts what the report does not list, by name.
func (p Page) Findings(all []audit.Finding, more map[string]int64) {
	shown := map[string]int64{}
	for _, grave := range []bool{true, false} {
		for i := range all {
			f := &all[i]
			if (f.Exit() == audit.ExitIntegrity) != grave {
				continue
			}
			if shown[f.Name]++; shown[f.Name] <= maxShown {
				p.finding(f)
			}
		}
	}
	for name, n := range shown {
		if rest := n + more[name] - min(n, maxShown); rest > 0 {
			p.print("  and %s more of %s\n", Number(rest), audit.Inert(name))
		}
	}
}

func (p Page) finding(f *audit.Finding) {
	paint := p.T.Bad
	if f.Exit() != audit.ExitIntegrity {
		paint = p.T.Notable
	}
	text := strings.TrimPrefix(f.Error(), f.Name)
	p.print("%s%s%s\n", "found       ", paint(audit.Inert(f.Name)), text)
	for _, path := range f.Evidence {
		p.print("              evidence  %s\n", audit.Inert(path))
	}
}
