package auditview

import (
	"fmt"
	"strings"
	"time"

	"github.com/tenon-auth/tenon/audit"
)

// Report shows what the verification of a log came to.
func (p Page) Report(r *audit.Report, took time.Duration) {
	p.line("checkpoint", "%s   size %s%s", audit.Inert(r.Origin), Number(r.Size), newest(r))
	p.line("root", "%s", r.Root)
	p.line("witnesses", "%s", quorum(r.Witnesses.Quorum))
	if r.Counts.Leaves > 0 || r.Size == 0 {
		percent := int64(100)
		if r.Size > 0 {
			percent = r.Counts.Leaves * 100 / r.Size
		}
		p.line("leaves", "%s hashed   %s %d %%   %s", Number(r.Counts.Leaves), p.T.Bar(float64(percent), 100, 20), percent, seconds(took))
	}
	p.Findings(r.Findings, r.Counts.More)
	if r.Clean() {
		p.clean(proved(r))
	}
	p.list("notes", r.Notes)
	p.notChecked(r.NotChecked)
}

// seconds writes how long something took.
func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// newest says how old the checkpoint is.
func newest(r *audit.Report) string {
	switch {
	case r.Times.Age == nil:
		return ""
	case r.Witnesses.At != nil:
		return "   cosigned " + Age(*r.Times.Age)
	}
	return "   newest entry " + Age(*r.Times.Age)
}

func quorum(q audit.Quorum) string {
	if q.Known == 0 {
		return "none: without independent witnesses a log is a signed diary"
	}
	by := ""
	if len(q.Satisfied) > 0 {
		by = " (" + audit.Inert(strings.Join(q.Satisfied, ", ")) + ")"
	}
	return fmt.Sprintf("%d of %d%s; needed %d", len(q.Satisfied), q.Known, by, q.Needed)
}

// proved says in words what held, and nothing that was not looked at.
func proved(r *audit.Report) []string {
	held := []string{"every leaf parses", "root matches", "no gap in heartbeats"}
	c := &r.Counts
	if c.InWindow > 0 {
		what := "all times inside their witness windows"
		if c.InWindow < c.Leaves {
			what = fmt.Sprintf("%s of %s times inside their witness windows", Number(c.InWindow), Number(c.Leaves))
		}
		held = append(held, what)
	}
	if c.Archived > 0 {
		held = append(held, "it extends "+Count(c.Archived, "earlier checkpoint"))
	}
	if c.Opened > 0 {
		held = append(held, Count(c.Opened, "detail record")+" opened")
	}
	if c.Proofs > 0 {
		held = append(held, Count(c.Proofs, "client proof")+" verified")
	}
	return held
}

// Bundle shows what the verification of an evidence bundle came to.
func (p Page) Bundle(r *audit.BundleReport) {
	p.line("bundle", "%s of %s", Count(int64(r.Entries), "entry"), audit.Inert(r.Origin))
	p.line("checkpoint", "size %s, root %s", Number(r.Size), r.Root)
	p.line("witnesses", "%s", quorum(r.Witnesses))
	p.Findings(r.Findings, nil)
	if r.Exit() == audit.ExitClean {
		held := []string{"every entry is in the log", "its receipt leads to the signed root"}
		if r.Proofs > 0 {
			held = append(held, Count(int64(r.Proofs), "client proof")+" verified")
		}
		if r.Consistency > 0 {
			held = append(held, "the log extends "+Count(int64(r.Consistency), "earlier checkpoint"))
		}
		p.clean(held)
	}
	p.notChecked(r.NotChecked)
}

// Token shows what the verification of a token came to.
func (p Page) Token(r *audit.TokenReport) {
	if r.Index >= 0 {
		p.line("token", "entry %s of %s", Number(r.Index), audit.Inert(r.Origin))
	}
	if r.Size > 0 {
		p.line("checkpoint", "size %s, root %s", Number(r.Size), r.Root)
		p.line("witnesses", "%s", quorum(r.Witnesses))
	}
	for _, what := range r.Checked {
		p.line("holds", "%s %s", p.T.Good("✓"), audit.Inert(what))
	}
	p.Findings(r.Findings, nil)
	p.notChecked(r.NotChecked)
}

// Reconciliation shows what a resource server's list came to beside the log.
func (p Page) Reconciliation(r *audit.Reconciliation) {
	p.line("log", "%s   size %s, root %s", audit.Inert(r.Origin), Number(r.Size), shortHash(r.Root))
	p.line("uses", "%s read, %s of tokens that the log has", Number(int64(r.Uses)), Number(int64(r.Matched)))
	if r.Issued > 0 {
		unused := int64(len(r.NeverUsed)) + r.MoreUnused
		p.line("issued", "%s for the audience, %s never used here%s", Number(r.Issued), Number(unused), entries(r.NeverUsed))
	}
	p.Findings(r.Findings, nil)
	if r.Exit() == audit.ExitClean {
		p.clean([]string{"every use was of a token that the log has", "with its own key", "before any revocation"})
	}
	p.notChecked(r.NotChecked)
}

// entries names the first few of a list of entries.
func entries(all []int64) string {
	const few = 10
	var names []string
	for _, i := range all[:min(few, len(all))] {
		names = append(names, "#"+Number(i))
	}
	if len(names) == 0 {
		return ""
	}
	if len(all) > few {
		names = append(names, "…")
	}
	return ": " + strings.Join(names, " ")
}

// Consistency shows how two checkpoints stand to each other. A head is nil for what is no checkpoint of the log.
func (p Page) Consistency(a, b *audit.Head, findings []audit.Finding) {
	for _, h := range []*audit.Head{a, b} {
		if h != nil {
			p.line("checkpoint", "%s   size %s, root %s", audit.Inert(h.Checkpoint.Origin), Number(h.Checkpoint.Size), h.Checkpoint.Root)
		}
	}
	p.Findings(findings, nil)
	if len(findings) > 0 || a == nil || b == nil {
		return
	}
	older, newer := a.Checkpoint, b.Checkpoint
	if older.Size > newer.Size {
		older, newer = newer, older
	}
	held := fmt.Sprintf("the first %s of size %s are those of size %s", Count(older.Size, "entry"), Number(newer.Size), Number(older.Size))
	if older == newer {
		held = "they are the same"
	}
	p.line("consistent:", "%s", p.T.Good(held))
}
