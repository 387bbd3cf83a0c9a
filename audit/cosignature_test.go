package audit_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/tenon-auth/tenon/audit"
)

const someCheckpoint = "log.example\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"

// cosignerKey writes the key inside another one as that of a witness with the given name (C2SP signed-note, type 4).
func cosignerKey(t testing.TB, vkey, name string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(strings.SplitN(vkey, "+", 3)[2])
	if err != nil {
		t.Fatal(err)
	}
	raw[0] = 4
	sum := sha256.Sum256(append([]byte(name+"\n"), raw...))
	return fmt.Sprintf("%s+%08x+%s", name, binary.BigEndian.Uint32(sum[:]), base64.StdEncoding.EncodeToString(raw))
}

func cosignerAt(t testing.TB, at time.Time) *audit.Cosigner {
	t.Helper()
	skey, vkey, err := audit.GenerateCosigner("w.example")
	if err != nil {
		t.Fatal(err)
	}
	s, err := audit.NewCosigner(skey, func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	if s.Verifier().String() != vkey || s.Name() != "w.example" {
		t.Fatalf("%s of %s", s.Verifier(), vkey)
	}
	return s
}

func TestCosignatureIsVerifiedWithItsTime(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 0, 0, 5e8, time.UTC)
	s := cosignerAt(t, at)
	v, err := audit.NewCosignatureVerifier(s.Verifier().String())
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: someCheckpoint}, s)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		t.Fatal(err)
	}
	got, err := audit.CosignatureTime(n.Sigs[0])
	if err != nil || !got.Equal(at.Truncate(time.Second)) {
		t.Errorf("%v, %v", got, err)
	}
	sig, err := s.Sign([]byte(someCheckpoint))
	if err != nil {
		t.Fatal(err)
	}
	for i := range sig { // also each byte of the time
		sig[i] ^= 1
		if v.Verify([]byte(someCheckpoint), sig) {
			t.Errorf("accepted with byte %d altered", i)
		}
		sig[i] ^= 1
	}
	if !v.Verify([]byte(someCheckpoint), sig) || v.Verify([]byte(someCheckpoint), sig[:71]) || v.Verify([]byte(strings.Replace(someCheckpoint, "7", "8", 1)), sig) {
		t.Error("untouched accepted, cut and moved refused")
	}
}

// C2SP tlog-cosignature: a witness signs checkpoints only.
func TestNothingButCheckpointsIsCosigned(t *testing.T) {
	s := cosignerAt(t, time.Unix(1, 0))
	for _, text := range []string{"", "hello\n", "log.example\n7\n", someCheckpoint[:len(someCheckpoint)-1], "log.example\n-1\n" + someCheckpoint[14:]} {
		if _, err := s.Sign([]byte(text)); err == nil {
			t.Errorf("cosigned %q", text)
		}
	}
	if _, err := cosignerAt(t, time.Unix(-5, 0)).Sign([]byte(someCheckpoint)); err == nil {
		t.Error("cosigned before 1970")
	}
}

func TestCosignerKeysAreRefused(t *testing.T) {
	skey, vkey, err := audit.GenerateCosigner("w.example")
	if err != nil {
		t.Fatal(err)
	}
	logSkey, logVkey, err := audit.GenerateKey("log.example")
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]string{
		"of a log": logSkey, "public": vkey, "renamed": strings.Replace(skey, "w.example", "x.example", 1), "cut": skey[:len(skey)-8], "empty": "",
	} {
		if _, err := audit.NewCosigner(key, nil); err == nil {
			t.Errorf("private key %s: accepted", name)
		} else if len(key) > 60 && strings.Contains(err.Error(), key[len(key)-20:]) {
			t.Errorf("private key %s: the error quotes it: %v", name, err)
		}
	}
	for name, key := range map[string]string{
		"of a log": logVkey, "renamed": strings.Replace(vkey, "w.example", "x.example", 1), "cut": vkey[:len(vkey)-8], "empty": "",
		"of another type": retyped(t, vkey), "no hash": "w.example++" + vkey[19:], "short hash": strings.Replace(vkey, "+", "+0", 1), "no name": vkey[9:], "spaces": " " + vkey,
	} {
		if _, err := audit.NewCosignatureVerifier(key); err == nil {
			t.Errorf("public key %s: accepted", name)
		}
	}
	for _, name := range []string{"", "a b", "a+b", "a\nb"} {
		if _, _, err := audit.GenerateCosigner(name); err == nil {
			t.Errorf("a key for %q", name)
		}
	}
}

// retyped gives a key another type and leaves its hash.
func retyped(t *testing.T, vkey string) string {
	t.Helper()
	parts := strings.SplitN(vkey, "+", 3)
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	raw[0] = 9
	return parts[0] + "+" + parts[1] + "+" + base64.StdEncoding.EncodeToString(raw)
}

func TestCosignatureTimeIsRefused(t *testing.T) {
	for name, raw := range map[string][]byte{"a log's signature": make([]byte, 68), "a time beyond all times": append([]byte{1, 2, 3, 4, 255}, make([]byte, 71)...)} {
		if at, err := audit.CosignatureTime(note.Signature{Base64: base64.StdEncoding.EncodeToString(raw)}); err == nil {
			t.Errorf("%s: %v", name, at)
		}
	}
}
