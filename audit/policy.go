package audit

import (
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// A Policy says whose word is needed before a checkpoint counts: the log's, and that of enough witnesses. It is what an auditor
// must get from somewhere else than the log. [ParsePolicy] makes one.
type Policy struct {
	log       note.Verifier
	logKey    string // as written
	witnesses []Witness
	quorum    *rule // nil when the policy says "none"
}

// A Witness is somebody who cosigns the log's checkpoints.
type Witness struct {
	Name     string // the name that the policy gives
	Verifier note.Verifier
	URL      string // where it takes checkpoints, or ""
}

// A Quorum is how far a set of cosignatures satisfies a policy. Satisfied names the witnesses that count, as the policy calls
// them.
type Quorum struct {
	Met       bool     `json:"met"`
	Satisfied []string `json:"satisfied"`
	Needed    int      `json:"needed"` // the fewest witnesses that can satisfy the policy
	Known     int      `json:"known"`  // how many the policy names
}

// A rule is a witness, or a group of rules of which so many must hold.
type rule struct {
	witness string
	need    int
	members []*rule
}

var _ note.Verifiers = (*Policy)(nil)

// Origin is the name of the log, which is the first line of each of its checkpoints and the name in its key.
func (p *Policy) Origin() string { return p.log.Name() }

// LogVerifier checks the log's own signature.
func (p *Policy) LogVerifier() note.Verifier { return p.log }

// LogKey is the log's key as the policy writes it.
func (p *Policy) LogKey() string { return p.logKey }

// Witnesses lists the witnesses in the order of the policy.
func (p *Policy) Witnesses() []Witness { return slices.Clone(p.witnesses) }

// Verifier finds the log's or a witness's key by what a signature line says of it. With it a Policy can be given to note.Open.
func (p *Policy) Verifier(name string, hash uint32) (note.Verifier, error) {
	if named(p.log, name, hash) {
		return p.log, nil
	}
	if w, ok := p.witness(name, hash); ok {
		return w.Verifier, nil
	}
	return nil, &note.UnknownVerifierError{Name: name, KeyHash: hash}
}

// Check counts the witnesses among signatures that have been verified already.
func (p *Policy) Check(verified []note.Signature) Quorum {
	var by []string
	for _, sig := range verified {
		if w, ok := p.witness(sig.Name, sig.Hash); ok {
			by = append(by, w.Name)
		}
	}
	return p.judge(by)
}

// judge counts witnesses by their names in the policy; a name counts once.
func (p *Policy) judge(names []string) Quorum {
	q := Quorum{Met: p.met(names), Satisfied: []string{}, Known: len(p.witnesses)}
	if p.quorum != nil {
		q.Needed = p.quorum.fewest()
	}
	for _, w := range p.witnesses {
		if slices.Contains(names, w.Name) {
			q.Satisfied = append(q.Satisfied, w.Name)
		}
	}
	return q
}

func (p *Policy) met(names []string) bool { return p.quorum == nil || p.quorum.met(names) }

func (p *Policy) witness(name string, hash uint32) (Witness, bool) {
	for _, w := range p.witnesses {
		if named(w.Verifier, name, hash) {
			return w, true
		}
	}
	return Witness{}, false
}

func named(v note.Verifier, name string, hash uint32) bool {
	return v.Name() == name && v.KeyHash() == hash
}

func (r *rule) met(names []string) bool {
	if r.witness != "" {
		return slices.Contains(names, r.witness)
	}
	held := 0
	for _, m := range r.members {
		if m.met(names) {
			held++
		}
	}
	return held >= r.need
}

// fewest is the smallest number of witnesses that can satisfy the rule.
func (r *rule) fewest() int {
	if r.witness != "" {
		return 1
	}
	var each []int
	for _, m := range r.members {
		each = append(each, m.fewest())
	}
	slices.Sort(each)
	total := 0
	for _, n := range each[:r.need] {
		total += n
	}
	return total
}

// A sighting is a witness's word that it saw a checkpoint at a time.
type sighting struct {
	witness string // the name in the policy
	at      time.Time
}

// notBefore is the latest time for which a quorum says "we saw it then or later". What is not in the checkpoint was logged after.
func (p *Policy) notBefore(seen []sighting) (time.Time, bool) {
	return p.quorumTime(seen, func(a, b sighting) int { return b.at.Compare(a.at) })
}

// notAfter is the earliest time for which a quorum says "we saw it then or earlier". What is in the checkpoint was logged before.
func (p *Policy) notAfter(seen []sighting) (time.Time, bool) {
	return p.quorumTime(seen, func(a, b sighting) int { return a.at.Compare(b.at) })
}

// quorumTime adds sightings in the given order until they satisfy the policy. So a single witness with a wrong clock moves a time
// no further than a quorum of the others allows. Without a quorum in the policy there is no such time.
func (p *Policy) quorumTime(seen []sighting, order func(a, b sighting) int) (time.Time, bool) {
	if p.quorum == nil {
		return time.Time{}, false
	}
	var names []string
	for _, s := range slices.SortedFunc(slices.Values(seen), order) {
		if names = append(names, s.witness); p.quorum.met(names) {
			return s.at, true
		}
	}
	return time.Time{}, false
}
