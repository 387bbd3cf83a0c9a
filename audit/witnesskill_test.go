package audit_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/tenon-auth/tenon/audit"
)

// witnessEnv names the directory in which this test binary, started again, is a witness and nothing else.
const witnessEnv = "TENON_TEST_WITNESS"

// TestBeAWitness is not a test of its own: TestWitnessIsKilled runs it in a process that it can kill.
func TestBeAWitness(t *testing.T) {
	dir := os.Getenv(witnessEnv)
	if dir == "" {
		return
	}
	cosigner, err := audit.NewCosigner(string(readFile(t, dir, "witness.key")), nil)
	if err != nil {
		t.Fatal(err)
	}
	log, err := note.NewVerifier(string(readFile(t, dir, "log.vkey")))
	if err != nil {
		t.Fatal(err)
	}
	w, err := audit.OpenWitnessServer(audit.WitnessServerConfig{Cosigner: cosigner, Dir: filepath.Join(dir, "witness"), Logs: []note.Verifier{log}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("listening http://%s\n", l.Addr())
	t.Fatal(http.Serve(l, w.Handler()))
}

// startWitness runs a witness in another process and tells its URL.
func startWitness(t *testing.T, dir string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestBeAWitness$")
	cmd.Env = append(os.Environ(), witnessEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "listening "); ok {
			return cmd, url
		}
	}
	t.Fatal("the witness does not start")
	return nil, ""
}

// A witness is killed again and again while it is asked to cosign. Whatever it signed, it never signs another tree of that
// size afterwards, nor a smaller one, and it is never behind what it signed.
func TestWitnessIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("killing witnesses takes a few seconds; run without -short")
	}
	dir, log := t.TempDir(), newHistory(t)
	skey, vkey, err := audit.GenerateCosigner("witness.example/killed")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"witness.key": skey, "log.vkey": log.key.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots := map[int64]audit.Checkpoint{} // everything that was ever cosigned
	largest := int64(0)
	for life := range 8 {
		process, url := startWitness(t, dir)
		policy := mustPolicy(t, fmt.Sprintf("log %s\nwitness w %s %s\nquorum w\n", log.key, vkey, url))
		client, err := audit.NewWitnesses(audit.WitnessesConfig{Policy: policy})
		if err != nil {
			t.Fatal(err)
		}
		if life > 0 { // the other history of the last cosigned size is refused, whatever the old size
			fork := log.fork(largest-1).grow(1, fmt.Sprint("another ", life))
			if c, err := client.Cosign(t.Context(), fork.signed(), fork.prove); err != nil || c.Quorum.Met || findingOf(c.Faults[0].Err) == "" {
				t.Fatalf("life %d: another log of %d entries: %v %+v", life, largest, err, c)
			}
		}
		killed := make(chan struct{})
		for i := 0; ; i++ {
			if i == 5+3*life {
				go func() { _ = process.Process.Kill(); close(killed) }() // while requests are on their way
			}
			log.grow(1, "entry")
			c, err := client.Cosign(t.Context(), log.signed(), log.prove)
			if err != nil {
				t.Fatal(err)
			}
			if !c.Quorum.Met {
				if f := findingOf(c.Faults[0].Err); f != "" || i < 5+3*life {
					t.Fatalf("life %d: %v", life, c.Faults)
				}
				break
			}
			if before, there := roots[log.size]; there && before != c.Checkpoint {
				t.Fatalf("two roots for size %d", log.size)
			}
			roots[log.size], largest = c.Checkpoint, log.size
		}
		<-killed
		_ = process.Wait()
	}
	if len(roots) < 40 {
		t.Errorf("only %d checkpoints were cosigned", len(roots))
	}
}
