package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/admin"
)

// TestMain lets scripts call this test binary as `tenon`, and as an API that is protected by the verifier.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tenon": main, "protected-api": protectedAPI})
}

// TestScripts runs whole binaries the way people do. A server is started by the script that needs it, on ports of its own,
// and ends with it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":      exits,
			"until":      until,
			"await":      await,
			"await-file": awaitFile,
			"hangup":     hangup,
			"plain-curl": plainCurl,
			"await-line": awaitLine,
		},
	})
}

// patience bounds every wait. Nothing takes this long unless it is broken.
const patience = 30 * time.Second

// exits CODE PROGRAM ARGS... runs a program that must end with this exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	if got := exitOf(ts, args[1:]); strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

func exitOf(ts *testscript.TestScript, args []string) int {
	err := ts.Exec(args[0], args[1:]...)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	ts.Fatalf("%v", err)
	return -1
}

// until CODE PROGRAM ARGS... runs a program again and again until it ends with this exit code.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until CODE PROGRAM ARGS...")
	}
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if strconv.Itoa(exitOf(ts, args[1:])) == args[0] {
			return
		}
	}
	ts.Fatalf("it never ended with %s", args[0])
}

// await DATA waits for the server of a data directory and sets ISSUER, MTLS and OPS to where it is.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await DATA")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var status admin.Status
	poll(ctx, ts, func() bool {
		c, err := admin.Dial(ctx, ts.MkAbs(args[0]))
		if err != nil {
			return false
		}
		status, err = c.Status(ctx) // answered once everything is open
		return err == nil
	})
	ts.Setenv("ISSUER", status.Issuer)
	ts.Setenv("MTLS", "https://"+status.Listen.MTLS)
	ts.Setenv("OPS", "http://"+status.Listen.Operations)
}

// poll asks until the answer is yes.
func poll(ctx context.Context, ts *testscript.TestScript, ask func() bool) {
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !ask() {
		select {
		case <-again.C:
		case <-ctx.Done():
			ts.Fatalf("not ready after %v", patience)
		}
	}
}

// await-file FILE VARIABLE waits for a file and sets the variable to what it holds.
func awaitFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await-file FILE VARIABLE")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	poll(ctx, ts, func() bool {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		ts.Setenv(args[1], string(text))
		return err == nil
	})
}

// await-line URL TEXT waits until what is at the address has a line that begins with the text.
func awaitLine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await-line URL TEXT")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	poll(ctx, ts, func() bool {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, args[0], nil)
		ts.Check(err)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		return err == nil && strings.Contains("\n"+string(text), "\n"+args[1])
	})
}

// hangup DATA sends SIGHUP to the server of a data directory.
func hangup(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hangup DATA")
	}
	c, err := admin.Dial(context.Background(), ts.MkAbs(args[0]))
	ts.Check(err)
	status, err := c.Status(context.Background())
	ts.Check(err)
	ts.Check(syscall.Kill(status.PID, syscall.SIGHUP))
}

// plain-curl ARGS... runs curl. A machine without curl says so and goes on, unless it is one that must have it.
func plainCurl(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("plain-curl must succeed")
	}
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") == "true" {
			ts.Fatalf("curl is not installed, and CI=true: apt-get install curl")
		}
		ts.Logf("NOT RUN: curl is not installed on this machine")
		return
	}
	ts.Check(ts.Exec("curl", args...))
}
