package audit

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// maxPolicy bounds the text of a policy in bytes. It must stay readable by a person.
const maxPolicy = 64 << 10

// ParsePolicy reads a policy, the text that Sigsum and C2SP tools read too. One statement a line, "#" begins a comment:
//
//	log VKEY [URL]
//	witness NAME VKEY [URL]
//	group NAME any|all|N MEMBER...
//	quorum NAME|none
//
// A policy names one log. Stricter than others in what could make a quorum smaller than it looks: the same key under two names, a
// member of two groups or twice of one, and the log's key as a witness are refused. Every fault is reported with its line.
func ParsePolicy(text []byte) (*Policy, error) {
	if len(text) > maxPolicy {
		return nil, fmt.Errorf("policy: %d bytes, at most %d are read", len(text), maxPolicy)
	}
	p := policyParser{rules: map[string]*rule{}, grouped: map[string]bool{}, keys: map[string]string{}}
	var faults []error
	line := 0
	for raw := range strings.SplitSeq(string(text), "\n") {
		line++
		statement, _, _ := strings.Cut(raw, "#")
		fields := strings.Fields(statement)
		if len(fields) == 0 {
			continue
		}
		if err := p.statement(fields); err != nil {
			faults = append(faults, fmt.Errorf("policy line %d: %w", line, err))
		}
	}
	if len(faults) == 0 { // what follows would only repeat them
		faults = p.complete()
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return &p.policy, nil
}

// A policyParser is what has been read so far.
type policyParser struct {
	policy  Policy
	rules   map[string]*rule  // witnesses and groups by name
	grouped map[string]bool   // names that are a member of a group
	keys    map[string]string // public key -> who has it
	quorum  string
}

func (p *policyParser) statement(fields []string) error {
	switch args := fields[1:]; fields[0] {
	case "log":
		return p.log(args)
	case "witness":
		return p.witness(args)
	case "group":
		return p.group(args)
	case "quorum":
		return p.setQuorum(args)
	}
	return fmt.Errorf("%q is not a statement: log, witness, group, quorum", fields[0])
}

func (p *policyParser) log(args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return errors.New("write: log VKEY [URL]")
	}
	if p.policy.log != nil {
		return errors.New("a second log: a policy is for one log")
	}
	v, err := note.NewVerifier(args[0])
	if err != nil {
		return fmt.Errorf("key of the log: %w", err)
	}
	if err := p.newKey(args[0], "the log"); err != nil {
		return err
	}
	p.policy.log, p.policy.logKey = v, args[0]
	return checkURL(args[1:])
}

func (p *policyParser) witness(args []string) error {
	if len(args) < 2 || len(args) > 3 {
		return errors.New("write: witness NAME VKEY [URL]")
	}
	name := args[0]
	if err := p.newName(name); err != nil {
		return err
	}
	v, err := NewCosignatureVerifier(args[1])
	if err != nil {
		return err
	}
	if err := p.newKey(args[1], "witness "+name); err != nil {
		return err
	}
	w := Witness{Name: name, Verifier: v}
	if len(args) == 3 {
		w.URL = args[2]
	}
	p.policy.witnesses = append(p.policy.witnesses, w)
	p.rules[name] = &rule{witness: name}
	return checkURL(args[2:])
}

func (p *policyParser) group(args []string) error {
	if len(args) < 3 {
		return errors.New("write: group NAME any|all|N MEMBER, and further members")
	}
	name, threshold, members := args[0], args[1], args[2:]
	if err := p.newName(name); err != nil {
		return err
	}
	need, err := groupThreshold(threshold, len(members))
	if err != nil {
		return err
	}
	g := &rule{need: need}
	for _, m := range members {
		r, ok := p.rules[m]
		if !ok {
			return fmt.Errorf("group %s: member %q is not defined above", name, m)
		}
		if p.grouped[m] {
			return fmt.Errorf("group %s: %q is a member of a group already: it would count twice", name, m)
		}
		p.grouped[m] = true
		g.members = append(g.members, r)
	}
	p.rules[name] = g
	return nil
}

func groupThreshold(s string, members int) (int, error) {
	switch s {
	case "any":
		return 1, nil
	case "all":
		return members, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > members || strconv.Itoa(n) != s {
		return 0, fmt.Errorf("threshold %q is neither any, all nor a number from 1 to %d", s, members)
	}
	return n, nil
}

func (p *policyParser) setQuorum(args []string) error {
	if len(args) != 1 {
		return errors.New("write: quorum NAME, or quorum none")
	}
	if p.quorum != "" {
		return errors.New("a second quorum")
	}
	p.quorum = args[0]
	if p.quorum == "none" {
		return nil
	}
	r, ok := p.rules[p.quorum]
	if !ok {
		return fmt.Errorf("quorum %q is not defined above", p.quorum)
	}
	p.policy.quorum = r
	return nil
}

// complete names what a policy must have and this one has not.
func (p *policyParser) complete() []error {
	var faults []error
	if p.policy.log == nil {
		faults = append(faults, errors.New("policy: no log"))
	}
	if p.quorum == "" {
		faults = append(faults, errors.New(`policy: no quorum; write "quorum none" when there are no witnesses`))
	}
	return faults
}

func (p *policyParser) newName(name string) error {
	if _, ok := p.rules[name]; ok || name == "none" {
		return fmt.Errorf("the name %q is taken", name)
	}
	return nil
}

// newKey refuses a public key that somebody else in the policy has, whatever name and type it comes with: one machine with two
// names would count as two witnesses.
func (p *policyParser) newKey(vkey, who string) error {
	parts := strings.SplitN(vkey, "+", 3) // name, hash, key; base64 has plus signs of its own
	raw, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(raw) < 2 {
		return fmt.Errorf("the key of %s is not one", who)
	}
	key := string(raw[1:]) // without its type
	if other, ok := p.keys[key]; ok {
		return fmt.Errorf("the key of %s is the key of %s", who, other)
	}
	p.keys[key] = who
	return nil
}

func checkURL(args []string) error {
	if len(args) == 0 {
		return nil
	}
	u, err := url.Parse(args[0])
	if err != nil || u.Host == "" || !slices.Contains([]string{"https", "http"}, u.Scheme) {
		return fmt.Errorf("%q is not an https or http URL", args[0])
	}
	return nil
}
