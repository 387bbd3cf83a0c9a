package storetest

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// victimVariable holds the directory in the environment of a child process.
const victimVariable = "STORETEST_VICTIM"

// mark stands before each line that a child says to its parent; a test binary says other things too.
const mark = "storetest: "

// A Victim works in a child process until it is killed.
type Victim struct {
	Dir string
	mu  sync.Mutex // one line at a time
}

// AsVictim returns a Victim when this process is a child that Kill started, and nil otherwise. The calling test then works
// without end.
func AsVictim() *Victim {
	if dir := os.Getenv(victimVariable); dir != "" {
		return &Victim{Dir: dir}
	}
	return nil
}

// Say tells the parent a line. When the parent is gone the child dies of it.
func (v *Victim) Say(line string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, err := os.Stdout.WriteString(mark + line + "\n"); err != nil {
		os.Exit(1)
	}
}

// Kill runs the calling test again in a child process on dir, kills it (SIGKILL) in the middle when it has said n lines, and
// returns everything it said.
func Kill(t *testing.T, dir string, n int) []string {
	t.Helper()
	pattern := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run="+pattern, "-test.count=1")
	child.Env = append(os.Environ(), victimVariable+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var said, noise []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		line, ok := strings.CutPrefix(lines.Text(), mark)
		if !ok {
			noise = append(noise, line)
			continue
		}
		if said = append(said, line); len(said) == n {
			if err := child.Process.Kill(); err != nil {
				t.Errorf("kill: %v", err)
			}
		}
	}
	_ = child.Wait() // it says "signal: killed"
	if len(said) < n {
		t.Fatalf("the child ended by itself after %d lines of %d: %s", len(said), n, strings.Join(noise, "\n"))
	}
	return said
}
