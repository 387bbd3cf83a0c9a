package audit

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/tenon-auth/tenon/internal/durable"
)

// A LogSigner signs the checkpoints of one log. It is the log's own: never a key that signs tokens.
type LogSigner struct {
	note.Signer
	verifier note.Verifier
	public   string
}

var _ note.Signer = (*LogSigner)(nil)

const (
	algEd25519 = 1
	maxKeyFile = 4096
)

// GenerateKey makes a key pair for a log, in the text forms of signed notes. The origin is the name in both.
func GenerateKey(origin string) (skey, vkey string, err error) {
	if !IsOrigin(origin) {
		return "", "", fmt.Errorf("audit: %q cannot name a log", origin)
	}
	return note.GenerateKey(rand.Reader, origin)
}

// ParseKey reads the private half of a key, as GenerateKey gives it.
func ParseKey(skey string) (*LogSigner, error) {
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, errors.New("audit: not the private key of a log") // the cause might quote it
	}
	if !IsOrigin(signer.Name()) {
		return nil, fmt.Errorf("audit: the key's name %q cannot name a log", signer.Name())
	}
	parts := strings.SplitN(skey, "+", 5) // PRIVATE+KEY+name+hash+key; the last may have a plus of its own
	seed, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(seed) != 1+ed25519.SeedSize || seed[0] != algEd25519 {
		return nil, errors.New("audit: not an Ed25519 key")
	}
	public, _ := ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey)
	vkey, err := note.NewEd25519VerifierKey(signer.Name(), public)
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	return &LogSigner{signer, verifier, vkey}, nil
}

// LoadKey reads a key from a file that nobody else may read.
func LoadKey(path string) (*LogSigner, error) {
	data, err := durable.ReadPrivateFile(path, maxKeyFile)
	if err != nil {
		return nil, fmt.Errorf("audit: log key: %w", err)
	}
	k, err := ParseKey(strings.TrimSpace(string(data)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

// LoadOrCreateKey reads the key of a log, and makes one when there is no file.
func LoadOrCreateKey(path, origin string) (*LogSigner, error) {
	k, err := LoadKey(path)
	if err == nil && k.Name() != origin {
		return nil, fmt.Errorf("audit: %s is the key of %q, not of %q", path, k.Name(), origin)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	skey, _, err := GenerateKey(origin)
	if err != nil {
		return nil, err
	}
	if err := durable.WriteFile(path, []byte(skey+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("audit: log key: %w", err)
	}
	return ParseKey(skey)
}

// Verifier is the public half.
func (k *LogSigner) Verifier() note.Verifier { return k.verifier }

// String gives the public half as a policy has it (vkey). The private half is never printed.
func (k *LogSigner) String() string { return k.public }

// GoString keeps the private half out of %#v.
func (k *LogSigner) GoString() string { return k.public }
