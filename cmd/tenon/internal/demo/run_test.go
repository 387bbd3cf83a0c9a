package demo_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/child"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/demo"
)

// play runs the demo to its end and gives the steps that it told.
func play(t *testing.T, cfg demo.Config) ([]demo.Result, error) {
	t.Helper()
	var out bytes.Buffer
	cfg.Program, cfg.Out, cfg.Once, cfg.JSON = program(), &out, true, true
	err := demo.Run(t.Context(), cfg)
	var results []demo.Result
	lines := bufio.NewScanner(&out)
	for lines.Scan() {
		var r demo.Result
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		results = append(results, r)
	}
	return results, err
}

// shortDir gives a folder with a path short enough for a socket in it.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "demo")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

type verdict struct {
	Attack bool
	Status int
	Code   tenon.Code
	Check  string

	Finding string
}

func TestEveryStepEndsAsItMust(t *testing.T) {
	t.Setenv("TMPDIR", shortDir(t))
	results, err := play(t, demo.Config{})
	if err != nil {
		t.Fatal(err)
	}
	want := []verdict{
		{false, 200, "", "", ""}, // shop's token
		{false, 201, "", "", ""},
		{false, 200, "", "", ""}, // bank's token
		{false, 201, "", "", ""},
		{true, 401, "invalid_token", "downgrade", ""},     // stolen token as Bearer
		{true, 401, "invalid_dpop_proof", "no_proof", ""}, // stolen token, no proof
		{true, 401, "invalid_token", "jkt", ""},           // the thief's own key
		{true, 401, "invalid_dpop_proof", "replay", ""},
		{true, 401, "invalid_dpop_proof", "replay", ""}, // after kill -9
		{true, 401, "invalid_token", "downgrade", ""},
		{true, 401, "invalid_dpop_proof", "htu", ""},
		{true, 401, "invalid_dpop_proof", "htm", ""},
		{true, 401, "invalid_dpop_proof", "iat", ""},
		{true, 401, "use_dpop_nonce", "nonce", ""},
		{true, 401, "invalid_token", "certificate", ""}, // none
		{true, 401, "invalid_token", "certificate", ""}, // another
		{true, 401, "invalid_token", "unbound", ""},
		{true, 401, "invalid_client", "", ""},
		{true, 401, "invalid_token", "signature", ""},
		{true, 401, "invalid_token", "revoked", ""},
		{false, 201, "", "", ""},
		{false, 201, "", "", ""},
		{false, 0, "", "", "clean"},
		{true, 0, "", "", "LEAF_MISMATCH"},
	}
	var got []verdict
	for i, r := range results {
		got = append(got, verdict{r.Attack, r.Status, r.Code, r.Check, r.Finding})
		if r.Number != i+1 || r.Title == "" || r.Chapter == "" || r.Sent == "" || r.Why == "" || r.Fault != "" {
			t.Errorf("step %d is told badly: %+v", i+1, r)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestDemoFailsWhenAGuardIsMissing(t *testing.T) {
	for guard, first := range map[demo.Guard]string{
		demo.ReplayGuard:     "replay",
		demo.RevocationGuard: "revoked",
		demo.VerifierGuard:   "downgrade",
	} {
		t.Run(string(guard), func(t *testing.T) {
			t.Parallel()
			results, err := play(t, demo.Config{Without: guard})
			if !errors.Is(err, demo.ErrWrong) {
				t.Fatalf("the demo ended with %v", err)
			}
			for _, r := range results {
				if r.Fault != "" {
					if r.Want.Check != first || !r.Attack || r.Status/100 != 2 {
						t.Errorf("the first step that went wrong is %+v", r)
					}
					return
				}
			}
			t.Error("no step is marked as wrong")
		})
	}
}

func TestKeptFolderIsUsedAgain(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(shortDir(t), "kept")
	var keys [2][]byte
	for i := range keys {
		if _, err := play(t, demo.Config{Dir: dir}); err != nil {
			t.Fatal(err)
		}
		var err error
		if keys[i], err = os.ReadFile(filepath.Join(dir, "shop", "dpop-key.pem")); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(keys[0], keys[1]) {
		t.Error("the second demo made another key")
	}
}

func TestFolderOfSomebodyElseIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{"other files": "letter.txt", "a configuration of one's own": "tenon.yaml"} {
		dir := t.TempDir()
		path := filepath.Join(dir, file)
		if err := os.WriteFile(path, []byte("issuer: https://as.example.com\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := play(t, demo.Config{Dir: dir}); err == nil || errors.Is(err, demo.ErrWrong) {
			t.Errorf("%s: the demo ended with %v", name, err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("%s: the folder now has %v, %v", name, entries, err)
		}
	}
}

func TestFaultsOfTheDemoItselfAreNotVerdicts(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cfg  demo.Config
		want string // in the text, so that somebody can act on it
	}{
		"the program is gone":        {demo.Config{Program: child.Program{Path: "/nonexistent/tenon"}, Dir: shortDir(t)}, "/nonexistent/tenon"},
		"the API ends at once":       {demo.Config{Program: child.Program{Path: os.Args[0], Args: []string{"-unknown"}, Env: program().Env}, Dir: shortDir(t)}, "-unknown"},
		"the folder cannot be made":  {demo.Config{Program: program(), Dir: filepath.Join(file, "d")}, file},
		"the folder is not a folder": {demo.Config{Program: program(), Dir: file}, file},
	} {
		c.cfg.Once, c.cfg.Out = true, io.Discard
		err := demo.Run(t.Context(), c.cfg)
		if err == nil || errors.Is(err, demo.ErrWrong) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the demo ended with %v", name, err)
		}
	}
}

// A pipe gives what the demo writes line by line.
func start(t *testing.T, ctx context.Context, cfg demo.Config) (*bufio.Scanner, chan error) {
	t.Helper()
	r, w := io.Pipe()
	cfg.Program, cfg.Out = program(), w
	ended := make(chan error, 1)
	go func() {
		ended <- demo.Run(ctx, cfg)
		w.Close()
	}()
	return bufio.NewScanner(r), ended
}

func TestDemoStaysUntilItIsStopped(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	lines, ended := start(t, ctx, demo.Config{JSON: true, Dir: shortDir(t)})
	var where struct{ Issuer, MTLS, API, Dir string }
	for where.API == "" && lines.Scan() {
		if err := json.Unmarshal(lines.Bytes(), &where); err != nil {
			t.Fatal(err)
		}
	}
	for name, address := range map[string]string{"issuer": where.Issuer, "mtls": where.MTLS, "api": where.API} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", u.Host)
		if err != nil {
			t.Fatalf("%s does not answer: %v", name, err)
		}
		conn.Close()
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("the demo ended with %v", err)
	}
	u, _ := url.Parse(where.API)
	if conn, err := net.Dial("tcp", u.Host); err == nil {
		conn.Close()
		t.Error("the API still listens")
	}
}

func TestDemoStoppedInTheMiddleSaysSo(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	lines, ended := start(t, ctx, demo.Config{JSON: true, Once: true})
	if !lines.Scan() {
		t.Fatal("no step was told")
	}
	stop()
	for lines.Scan() { // the demo is writing its next step
	}
	if err := <-ended; !errors.Is(err, demo.ErrStopped) {
		t.Errorf("the demo ended with %v", err)
	}
}

// The API must not outlive a demo that had no chance to stop it.
func TestAPIEndsWithAKilledDemo(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends the children of a killed process")
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], filepath.Join(shortDir(t), "d"))
	cmd.Env = append(os.Environ(), role+"=demo")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var where struct{ API string }
	lines := bufio.NewScanner(out)
	for where.API == "" && lines.Scan() {
		if err := json.Unmarshal(lines.Bytes(), &where); err != nil {
			t.Fatal(err)
		}
	}
	u, err := url.Parse(where.API)
	if err != nil || u.Host == "" {
		t.Fatalf("the demo said %q: %v", where.API, err)
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	deadline, tick := time.After(10*time.Second), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := net.Dial("tcp", u.Host)
		if err != nil {
			return // nobody listens any more
		}
		conn.Close()
		select {
		case <-deadline:
			t.Fatal("the API still listens")
		case <-tick.C:
		}
	}
}
