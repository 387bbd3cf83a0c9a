package audit

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
)

// algCosignature marks a key that makes timestamped cosignatures with Ed25519 (C2SP tlog-cosignature, signature type 0x04).
const algCosignature = 4

// cosignatureSize is a cosignature without its key hash: the time in seconds, then the Ed25519 signature.
const cosignatureSize = 8 + ed25519.SignatureSize

var (
	_ note.Signer   = (*Cosigner)(nil)
	_ note.Verifier = (*CosignatureVerifier)(nil)
)

// A Cosigner is the key of a witness. It signs checkpoints together with the time at which it saw them. A witness must only
// sign what extends everything that it signed before; this type does not know what that was.
type Cosigner struct {
	verifier *CosignatureVerifier
	key      ed25519.PrivateKey
	now      func() time.Time
}

// A CosignatureVerifier checks the cosignatures of one witness.
type CosignatureVerifier struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

// GenerateCosigner makes the key pair of a witness with the given name, in the encoding of C2SP signed-note. The first string
// is the secret one.
func GenerateCosigner(name string) (skey, vkey string, err error) {
	if !validKeyName(name) {
		return "", "", fmt.Errorf("audit: %q is not fit for the name of a key: no spaces, no plus sign", name)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", "", err
	}
	v := newCosignatureVerifier(name, public)
	seed := base64.StdEncoding.EncodeToString(append([]byte{algCosignature}, private.Seed()...))
	return fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, v.hash, seed), v.String(), nil
}

// NewCosigner reads what GenerateCosigner made. The key of a log is refused: whoever witnesses itself proves nothing. A nil
// now means time.Now.
func NewCosigner(skey string, now func() time.Time) (*Cosigner, error) {
	encoded, ok := strings.CutPrefix(skey, "PRIVATE+KEY+")
	if !ok {
		return nil, errors.New("audit: not the private key of a witness")
	}
	name, hash, seed, err := splitKey(encoded)
	if err != nil {
		return nil, fmt.Errorf("audit: private key of a witness: %w", err)
	}
	private := ed25519.NewKeyFromSeed(seed)
	v := newCosignatureVerifier(name, private.Public().(ed25519.PublicKey))
	if v.hash != hash {
		return nil, errors.New("audit: private key of a witness: its hash does not fit the key")
	}
	if now == nil {
		now = time.Now
	}
	return &Cosigner{verifier: v, key: private, now: now}, nil
}

// NewCosignatureVerifier reads the public key of a witness (C2SP signed-note, verifier keys).
func NewCosignatureVerifier(vkey string) (*CosignatureVerifier, error) {
	name, hash, key, err := splitKey(vkey)
	if err != nil {
		return nil, fmt.Errorf("audit: key of a witness: %w", err)
	}
	v := newCosignatureVerifier(name, key)
	if v.hash != hash {
		return nil, errors.New("audit: key of a witness: its hash does not fit the key")
	}
	return v, nil
}

func newCosignatureVerifier(name string, key ed25519.PublicKey) *CosignatureVerifier {
	return &CosignatureVerifier{name: name, hash: keyHash(name, algCosignature, key), key: key}
}

// Name is the name in the key: the witness's own, not the one that a policy gives it.
func (s *Cosigner) Name() string { return s.verifier.name }

// KeyHash is the number that names the key in a signature line.
func (s *Cosigner) KeyHash() uint32 { return s.verifier.hash }

// Verifier is the public half.
func (s *Cosigner) Verifier() *CosignatureVerifier { return s.verifier }

// Sign cosigns the text of a checkpoint as seen now.
func (s *Cosigner) Sign(msg []byte) ([]byte, error) {
	if _, err := ParseCheckpoint(string(msg)); err != nil {
		return nil, fmt.Errorf("audit: will not cosign: %w", err)
	}
	seconds := s.now().Unix()
	if seconds <= 0 {
		return nil, errors.New("audit: will not cosign: the clock stands before 1970")
	}
	sig := binary.BigEndian.AppendUint64(nil, uint64(seconds))
	return append(sig, ed25519.Sign(s.key, cosignedMessage(uint64(seconds), msg))...), nil
}

// Name is the name in the key.
func (v *CosignatureVerifier) Name() string { return v.name }

// KeyHash is the number that names the key in a signature line.
func (v *CosignatureVerifier) KeyHash() uint32 { return v.hash }

// String gives the key as a policy file writes it.
func (v *CosignatureVerifier) String() string {
	return fmt.Sprintf("%s+%08x+%s", v.name, v.hash, base64.StdEncoding.EncodeToString(append([]byte{algCosignature}, v.key...)))
}

// Verify reports whether sig is this witness's cosignature of msg, which must be the text of a checkpoint.
func (v *CosignatureVerifier) Verify(msg, sig []byte) bool {
	if len(sig) != cosignatureSize {
		return false
	}
	if _, err := ParseCheckpoint(string(msg)); err != nil { // C2SP tlog-cosignature, format: only a checkpoint is cosigned
		return false
	}
	return ed25519.Verify(v.key, cosignedMessage(binary.BigEndian.Uint64(sig), msg), sig[8:])
}

// cosignedMessage is what a witness puts its signature under (C2SP tlog-cosignature, v1).
func cosignedMessage(seconds uint64, checkpoint []byte) []byte {
	return append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", seconds), checkpoint...)
}

// CosignatureTime is when the witness says that it saw the checkpoint. The signature must have been verified before.
func CosignatureTime(sig note.Signature) (time.Time, error) {
	raw, err := base64.StdEncoding.DecodeString(sig.Base64)
	if err != nil || len(raw) != 4+cosignatureSize {
		return time.Time{}, fmt.Errorf("audit: the signature of %s is no cosignature", sig.Name)
	}
	seconds := binary.BigEndian.Uint64(raw[4:])
	if seconds > math.MaxInt64/1000 { // milliseconds must still fit
		return time.Time{}, fmt.Errorf("audit: the cosignature of %s has no usable time", sig.Name)
	}
	return time.Unix(int64(seconds), 0).UTC(), nil
}

// splitKey takes name+hash+base64(type, key) apart.
func splitKey(encoded string) (name string, hash uint32, key []byte, err error) {
	name, rest, _ := strings.Cut(encoded, "+")
	hash16, key64, _ := strings.Cut(rest, "+")
	if !validKeyName(name) {
		return "", 0, nil, errors.New("it has no usable name")
	}
	number, err := strconv.ParseUint(hash16, 16, 32)
	if err != nil || len(hash16) != 8 {
		return "", 0, nil, errors.New("its hash is not eight hexadecimal digits")
	}
	key, err = base64.StdEncoding.DecodeString(key64)
	if err != nil || len(key) == 0 {
		return "", 0, nil, errors.New("the key is not base64")
	}
	if key[0] != algCosignature {
		return "", 0, nil, fmt.Errorf("it is of type %d, a witness has type %d", key[0], algCosignature)
	}
	if len(key) != 1+ed25519.PublicKeySize { // a seed has the same size
		return "", 0, nil, fmt.Errorf("it has %d bytes, Ed25519 has %d", len(key)-1, ed25519.PublicKeySize)
	}
	return name, uint32(number), key[1:], nil
}

// keyHash is the number that names a key (C2SP signed-note, verifier keys).
func keyHash(name string, alg byte, key []byte) uint32 {
	sum := sha256.Sum256(append(append([]byte(name), '\n', alg), key...))
	return binary.BigEndian.Uint32(sum[:])
}

func validKeyName(name string) bool {
	return name != "" && utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsSpace) && !strings.Contains(name, "+")
}
