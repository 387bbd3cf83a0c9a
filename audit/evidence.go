package audit

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tenon-auth/tenon/internal/durable"
)

// An evidenceDir is where the bytes are kept that a finding stands on, so that it can be shown to others after the log has
// changed again. The empty one keeps nothing.
type evidenceDir string

// An exhibit is one piece of evidence.
type exhibit struct {
	name string // what it is, as the last part of the file name
	data []byte
}

// save writes exhibits and names them in the finding. Equal bytes have equal names, so a second run adds nothing. The files are
// for their owner only: a token may be among them.
func (d evidenceDir) save(f *Finding, exhibits ...exhibit) error {
	if d == "" {
		return nil
	}
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return fmt.Errorf("evidence of %s: %w", f.Name, err)
	}
	for _, e := range exhibits {
		sum := sha256.Sum256(e.data)
		path := filepath.Join(string(d), fmt.Sprintf("%s-%x-%s", f.Name, sum[:6], e.name))
		if err := durable.WriteFile(path, e.data, 0o600); err != nil {
			return fmt.Errorf("evidence of %s: %w", f.Name, err)
		}
		f.Evidence = append(f.Evidence, path)
	}
	return nil
}
