package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the program under test, built once for all tests of this package.
var binary string

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	if os.Getenv("TENON_LONG") == "" {
		return m.Run() // and every test says that it is not run
	}
	dir, err := os.MkdirTemp("", "tenon-interop-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "tenon")
	if out, err := exec.Command("go", "build", "-o", binary, "github.com/tenon-auth/tenon/cmd/tenon").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s%v\n", out, err)
		return 1
	}
	return m.Run()
}

// needs says what a test cannot run without. On a machine where everything must be there, its absence is a failure.
func needs(t *testing.T, there bool, what string) {
	t.Helper()
	switch {
	case there:
	case os.Getenv("CI") == "true":
		t.Fatalf("%s is missing; `make needs` installs it", what)
	default:
		t.Skipf("not run: %s is missing; `make needs` installs it", what)
	}
}

// long skips what takes minutes, unless all is to be run.
func long(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("TENON_LONG") == "" {
		t.Skipf("not run: %s; TENON_LONG=1 runs it, and make test does", what)
	}
}

// peers makes sure that the scripts and the libraries they use are there.
func peers(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("node")
	needs(t, err == nil, "node")
	_, err = os.Stat(filepath.Join("testdata", "peers", "node_modules", "openid-client"))
	needs(t, err == nil, "testdata/peers/node_modules")
}
