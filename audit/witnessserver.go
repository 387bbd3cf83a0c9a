package audit

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tenon-auth/tenon/internal/durable"
)

// WitnessServerConfig says for which logs a witness speaks.
type WitnessServerConfig struct {
	// Cosigner is the witness's key. Required.
	Cosigner *Cosigner
	// Dir is where it remembers what it cosigned; it is made when it does not exist. Never put it back from an older copy: the witness
	// would sign what contradicts it. Required.
	Dir string
	// Logs are the keys of the logs, whose names are their origins. A log may have several keys. At least one is required.
	Logs []note.Verifier
	// Log is told of every request. Nil means none.
	Log *slog.Logger
}

// A WitnessServer cosigns checkpoints (C2SP tlog-witness). For each log it knows it signs only what extends all that it signed
// before, and it makes that durable before anybody sees the signature: what it has forgotten it has never said.
type WitnessServer struct {
	cosigner *Cosigner
	log      *slog.Logger
	lock     *os.File
	logs     map[string]*witnessed // by origin; fixed when made
}

// A witnessed log is one that a witness cosigns.
type witnessed struct {
	keys []note.Verifier
	path string // of the last cosigned checkpoint

	mu     sync.Mutex // held from the comparison with head until the next head is durable
	head   Checkpoint // the last cosigned one; the empty log before the first
	failed error      // why nothing is cosigned any more
}

// OpenWitnessServer reads what the witness cosigned before. It is the only one to use the directory until Close.
func OpenWitnessServer(c WitnessServerConfig) (*WitnessServer, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("audit: witness: %w", err)
	}
	lock, err := lockFile(filepath.Join(c.Dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("audit: witness: %s: %w", c.Dir, err)
	}
	w := &WitnessServer{cosigner: c.Cosigner, log: c.Log, lock: lock, logs: map[string]*witnessed{}}
	if err := w.open(c); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return w, nil
}

// check reports every fault of the configuration and fills in what was left out.
func (c *WitnessServerConfig) check() error {
	var faults []error
	if c.Cosigner == nil {
		faults = append(faults, errors.New("audit: WitnessServerConfig.Cosigner is required"))
	}
	if c.Dir == "" {
		faults = append(faults, errors.New("audit: WitnessServerConfig.Dir is required"))
	}
	if len(c.Logs) == 0 {
		faults = append(faults, errors.New("audit: WitnessServerConfig.Logs is required"))
	}
	seen := map[string]bool{}
	for _, v := range c.Logs {
		key := fmt.Sprintf("%s+%08x", v.Name(), v.KeyHash())
		if !IsOrigin(v.Name()) || seen[key] {
			faults = append(faults, fmt.Errorf("audit: WitnessServerConfig.Logs: %q twice, or not the key of a log", key))
		}
		seen[key] = true
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return errors.Join(faults...)
}

func (w *WitnessServer) open(c WitnessServerConfig) error {
	for _, v := range c.Logs {
		l, ok := w.logs[v.Name()]
		if !ok {
			name := fmt.Sprintf("%x", sha256.Sum256([]byte(v.Name())))
			l = &witnessed{path: filepath.Join(c.Dir, name), head: emptyCheckpoint(v.Name())}
			w.logs[v.Name()] = l
		}
		l.keys = append(l.keys, v)
	}
	for origin, l := range w.logs {
		if err := l.load(origin, w.cosigner.Verifier()); err != nil {
			return fmt.Errorf("audit: witness: what was cosigned for %q last: %w", origin, err)
		}
	}
	return nil
}

// load reads the last cosigned checkpoint. It must bear the signature of the log or of the witness, so that a damaged file is not
// taken for the past. Both keys may have changed, but not both at once.
func (l *witnessed) load(origin string, own note.Verifier) error {
	signed, err := os.ReadFile(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	head, _, err := OpenSigned(signed, note.VerifierList(append([]note.Verifier{own}, l.keys...)...))
	if err != nil {
		return fmt.Errorf("%s: %w", l.path, err)
	}
	if head.Origin != origin {
		return fmt.Errorf("%s: it is of %q", l.path, head.Origin)
	}
	l.head = head
	return nil
}

// Close gives the directory back. No request must be under way.
func (w *WitnessServer) Close() error { return w.lock.Close() }

// process judges a request. It gives the line with the cosignature and the checkpoint that was cosigned. An error is a *refusal,
// or our own fault. The order of the checks is that of C2SP tlog-witness.
func (w *WitnessServer) process(body []byte) ([]byte, Checkpoint, error) {
	a, err := ParseAddCheckpoint(body)
	if err != nil {
		return nil, Checkpoint{}, refuseBad
	}
	claimed, _, err := openUnverified(a.Signed)
	if err != nil {
		return nil, Checkpoint{}, refuseBad
	}
	l, ok := w.logs[claimed.Origin]
	if !ok {
		return nil, Checkpoint{}, refuseUnknown
	}
	head, n, err := OpenSigned(a.Signed, note.VerifierList(l.keys...))
	if err != nil {
		return nil, Checkpoint{}, refuseKey
	}
	n.UnverifiedSigs = nil // C2SP tlog-witness: signatures by unknown keys are ignored
	line, err := l.cosign(a, head, func() ([]byte, error) { return note.Sign(n, w.cosigner) })
	return line, head, err
}

// cosign is where the promise of a witness is kept: comparison, memory and signature are one step.
func (l *witnessed) cosign(a AddCheckpoint, head Checkpoint, sign func() ([]byte, error)) ([]byte, error) {
	if a.Old > head.Size {
		return nil, refuseBad
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return nil, l.failed
	}
	if a.Old != l.head.Size {
		return nil, refuseSize(l.head.Size, false)
	}
	if head.Size == l.head.Size && head.Root != l.head.Root {
		return nil, refuseSize(l.head.Size, true)
	}
	if !extends(a, head, l.head) {
		return nil, refuseProof
	}
	cosigned, err := sign()
	if err != nil {
		return nil, err
	}
	if head != l.head {
		if err := durable.WriteFile(l.path, cosigned, 0o600); err != nil {
			l.failed = fmt.Errorf("audit: witness: out of service for %q until the next start: %w", head.Origin, err) // nobody knows what the disk holds
			return nil, l.failed
		}
		l.head = head
	}
	return lastLine(cosigned), nil
}

// extends reports whether the proof shows that head has all that known has. Everything extends the empty log, which leaves
// nothing to prove.
func extends(a AddCheckpoint, head, known Checkpoint) bool {
	if known.Size == 0 {
		return len(a.Proof) == 0
	}
	return tlog.CheckTree(a.Proof, head.Size, head.Root, known.Size, known.Root) == nil // RFC 6962 §2.1.2
}

// lastLine is the newest signature of a note: note.Sign puts it behind the others.
func lastLine(signed []byte) []byte {
	return signed[bytes.LastIndexByte(signed[:len(signed)-1], '\n')+1:]
}
