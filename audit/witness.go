package audit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// WitnessesConfig says who is asked to cosign.
type WitnessesConfig struct {
	// Policy names the log and its witnesses. Those with a URL are asked, over https, or http to this machine; they must be enough
	// for the quorum. Required.
	Policy *Policy
	// Client sends the requests. It follows no redirects, whatever it says. Nil means one of its own.
	Client *http.Client
	// Timeout bounds a round: who has not cosigned by then is left out. Zero means three seconds.
	Timeout time.Duration
}

// Witnesses asks the witnesses of a policy for cosignatures (C2SP tlog-witness). Its methods may be called from many goroutines;
// one round is made at a time.
type Witnesses struct {
	policy  *Policy
	client  *http.Client
	timeout time.Duration

	mu    sync.Mutex // held during a round
	asked []*correspondent
}

// A correspondent is a witness with an address. During a round one goroutine has it.
type correspondent struct {
	Witness
	endpoint string
	known    int64 // size of what it cosigned last, as far as it told us
}

// A Prover shows that the first old entries of a log are still there in the one that a checkpoint describes. [Publisher.Prove]
// is one.
type Prover func(ctx context.Context, old int64, head Checkpoint) (tlog.TreeProof, error)

// Cosigned is what a round came to.
type Cosigned struct {
	Checkpoint Checkpoint
	Note       []byte // with the log's signature and all cosignatures that verified
	Quorum     Quorum
	Faults     []WitnessFault // who did not cosign
}

// A WitnessFault is why a witness did not cosign. When Err is a *Finding, the witness has seen another log under the same name:
// LOCAL_BEHIND_WITNESS, SPLIT_VIEW or FORK. That is its word; it sends no proof.
type WitnessFault struct {
	Witness string // the name in the policy
	Err     error
}

// NewWitnesses makes a client for the witnesses of a policy.
func NewWitnesses(c WitnessesConfig) (*Witnesses, error) {
	if c.Policy == nil {
		return nil, errors.New("audit: WitnessesConfig.Policy is required")
	}
	w := &Witnesses{policy: c.Policy, timeout: c.Timeout}
	var faults []error
	var names []string
	for _, each := range c.Policy.Witnesses() {
		if each.URL == "" {
			continue
		}
		endpoint, err := witnessEndpoint(each.URL)
		if err != nil {
			faults = append(faults, fmt.Errorf("audit: witness %s: %w", each.Name, err))
		}
		w.asked = append(w.asked, &correspondent{Witness: each, endpoint: endpoint})
		names = append(names, each.Name)
	}
	if !c.Policy.met(names) {
		faults = append(faults, errors.New("audit: the policy gives too few of its witnesses a URL for their quorum"))
	}
	if c.Timeout < 0 {
		faults = append(faults, errors.New("audit: WitnessesConfig.Timeout is negative"))
	}
	if c.Timeout == 0 {
		w.timeout = 3 * time.Second
	}
	client := http.Client{}
	if c.Client != nil {
		client = *c.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	w.client = &client
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return w, nil
}

// witnessEndpoint is where checkpoints go. Plain http could let anybody on the way claim that a witness is ahead.
func witnessEndpoint(base string) (string, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return "", err
	case u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("%q is not the URL of a witness: scheme, host and path only", base)
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return "", fmt.Errorf("%q: a witness is asked over https", base)
	}
	return strings.TrimSuffix(u.String(), "/") + "/add-checkpoint", nil
}

// Cosign takes a checkpoint that the log signed to all witnesses at once and collects what they sign until the last one answered
// or time is up. Too few cosignatures are no error: Quorum tells. An error means that there was nothing to ask about.
func (w *Witnesses) Cosign(ctx context.Context, signed []byte, prove Prover) (*Cosigned, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	head, err := w.policy.Open(signed)
	if err != nil {
		return nil, err
	}
	s := submission{head: head.Checkpoint, prove: prove}
	_, n, err := OpenSigned(signed, note.VerifierList(w.policy.LogVerifier()))
	if err != nil {
		return nil, err
	}
	n.UnverifiedSigs = nil // the log's own signature is all that a witness looks at, and older cosignatures are asked for again
	if s.signed, err = note.Sign(n); err != nil {
		return nil, err
	}
	result := &Cosigned{Checkpoint: head.Checkpoint}
	for _, a := range w.round(ctx, func(ctx context.Context, c *correspondent) (note.Signature, error) { return w.submit(ctx, c, s) }) {
		if a.err != nil {
			result.Faults = append(result.Faults, WitnessFault{a.witness, a.err})
			continue
		}
		n.Sigs = append(n.Sigs, a.sig)
	}
	result.Quorum = w.policy.Check(n.Sigs)
	result.Note, err = note.Sign(n)
	return result, err
}

// contradicted reports whether so many witnesses have seen another log that the others are no quorum. One that is mistaken or
// lies can then be told from a history that has split.
func (w *Witnesses) contradicted(faults []WitnessFault) error {
	other := map[string]error{}
	for _, f := range faults {
		if finding, ok := errors.AsType[*Finding](f.Err); ok {
			other[f.Witness] = finding
		}
	}
	var rest []string
	var findings []error
	for _, c := range w.asked {
		if other[c.Name] == nil {
			rest = append(rest, c.Name)
			continue
		}
		findings = append(findings, other[c.Name])
	}
	if w.policy.met(rest) {
		return nil
	}
	return errors.Join(findings...)
}

// A reply is one witness's part in a round.
type reply struct {
	witness string
	sig     note.Signature
	err     error
}

// round asks every witness, all at the same time.
func (w *Witnesses) round(ctx context.Context, ask func(context.Context, *correspondent) (note.Signature, error)) []reply {
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	replies := make([]reply, len(w.asked))
	var wait sync.WaitGroup
	for i, c := range w.asked {
		wait.Go(func() {
			sig, err := ask(ctx, c)
			replies[i] = reply{c.Name, sig, err}
		})
	}
	wait.Wait()
	return replies
}

// A submission is a checkpoint on its way to the witnesses.
type submission struct {
	head   Checkpoint
	signed []byte
	prove  Prover
}

// maxAttempts is how often one checkpoint is sent to one witness in a round: the first time with a size that may be out of date,
// the second with the one that the witness told, and once more because another round of ours may still have been on the way.
const maxAttempts = 3

// submit sends a checkpoint to one witness until it is told whether the witness cosigns it.
func (w *Witnesses) submit(ctx context.Context, c *correspondent, s submission) (note.Signature, error) {
	for range maxAttempts {
		a := AddCheckpoint{Old: min(c.known, s.head.Size), Signed: s.signed}
		if 0 < a.Old && a.Old < s.head.Size {
			var err error
			if a.Proof, err = s.prove(ctx, a.Old, s.head); err != nil {
				return note.Signature{}, err
			}
		}
		sig, err := w.send(ctx, c, a, s.head)
		if !errors.Is(err, errOtherSize) {
			return sig, err
		}
	}
	return note.Signature{}, errOtherSize
}
