package auditview

import (
	"strings"

	"github.com/tenon-auth/tenon/audit"
)

// Search tells what a search covered: with it, "nothing found" means something.
func (p Page) Search(s *audit.Search) {
	p.line("searched", "all %s of %s, root %s: %s found", Count(s.Size, "entry"), audit.Inert(s.Origin), shortHash(s.Root), Count(s.Found, "entry"))
	if s.Complete() {
		p.line("complete:", "%s", p.T.Good("the entries hash to the root that the log signed, so none was left out"))
	} else {
		p.line("incomplete:", "%s", p.T.Notable(Count(s.Closed, "entry")+" cannot be told: the salts are not at hand (erased, or never given)"))
	}
	p.notChecked(s.NotChecked)
}

// maxDescription is how wide the words of an event are at most.
const maxDescription = 52

// Describe tells an event in the words of the log, in one short line.
func Describe(e *audit.Event) string {
	var words []string
	add := func(s string) {
		if s != "" {
			words = append(words, audit.Inert(s))
		}
	}
	d := readDetail(e.Detail)
	add(d.request())
	add(e.Client)
	add(e.Scope)
	if e.Count > 0 {
		add("(" + Number(e.Count) + " times)")
	}
	if e.About != nil {
		add("about #" + Number(int64(*e.About)))
	}
	if d.Address != "" {
		add("from " + d.Address)
	}
	return clip(strings.Join(words, "  "), maxDescription)
}

// outcome tells how an event ended, when that is worth a word.
func outcome(e *audit.Event) string {
	if e.Outcome == audit.OK {
		return ""
	}
	if e.Reason == "" {
		return audit.Inert(string(e.Outcome))
	}
	return audit.Inert(string(e.Outcome) + ": " + e.Reason)
}

// Bundled tells what went into an evidence bundle.
func (p Page) Bundled(path string, m *audit.Manifest) {
	p.line("bundle", "%s: %s of %s, at size %s", audit.Inert(path), Count(int64(len(m.Entries)), "entry"), audit.Inert(m.Origin), Number(m.Size))
	if len(m.Consistency) > 0 {
		p.line("extends", "%s", Count(int64(len(m.Consistency)), "earlier checkpoint"))
	}
	p.line("verify", "tenon audit verify %s --policy FILE   (without a network; the policy must be the reader's own)", audit.Inert(path))
	p.Search(&m.Search)
}

// Proven tells what a receipt shows.
func (p Page) Proven(proven *audit.Proven) {
	c := proven.Head.Checkpoint
	p.line("entry", "%s of %s: %s", Number(proven.Index), audit.Inert(c.Origin), audit.Inert(string(proven.Leaf.Type)))
	p.line("checkpoint", "size %s, root %s", Number(c.Size), c.Root)
	p.line("witnesses", "%s", quorum(proven.Head.Quorum))
}
