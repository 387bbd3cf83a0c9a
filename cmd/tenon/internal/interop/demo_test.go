package interop

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The demo, kept running, lets a person pay in a browser.
func TestTheDemosShopInABrowser(t *testing.T) {
	long(t, "a person in the demo's shop")
	peers(t)
	chromium, err := exec.LookPath("chromium")
	needs(t, err == nil, "chromium")
	t.Setenv("CHROMIUM", chromium)
	demo := exec.Command(binary, "demo", "--json")
	said, err := demo.StdoutPipe()
	must(t, err)
	must(t, demo.Start())
	t.Cleanup(func() {
		must(t, demo.Process.Signal(syscall.SIGTERM))
		_ = demo.Wait() // how it ended says the signal
	})
	h := &house{t: t, dir: t.TempDir()}
	stage := map[string]string{"shots": h.shots()}
	for lines := bufio.NewScanner(said); lines.Scan(); { // the last line says where everything is
		if strings.Contains(lines.Text(), `"password"`) {
			must(t, json.Unmarshal(lines.Bytes(), &stage))
			break
		}
	}
	h.CA = filepath.Join(stage["dir"], "certs", "ca.pem")
	if _, err := os.Stat(h.CA); err != nil {
		t.Fatalf("the demo did not say where it is: %v %v", stage, err)
	}
	h.play("demo.test.mjs", stage)
}
