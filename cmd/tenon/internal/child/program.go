package child

import (
	"os"
	"os/exec"
)

// A Program is how this program is run again.
type Program struct {
	Path string
	Name string   // the name to go by; empty: Path
	Args []string // of the command to run, before those that are given to Command
	Env  []string // beside our own environment
}

// Self is the program that is running, whose command is named by args. The name it was called by stays, for programs that go by
// it.
func Self(args ...string) (Program, error) {
	path, err := os.Executable()
	return Program{Path: path, Name: os.Args[0], Args: args}, err
}

// Command prepares a process. On Linux the kernel ends it with the thread that starts it: see Start.
func (p Program) Command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.Path, append(p.Args[:len(p.Args):len(p.Args)], args...)...)
	if p.Name != "" {
		cmd.Args[0] = p.Name
	}
	cmd.Env = append(os.Environ(), p.Env...)
	dieWithParent(cmd)
	return cmd
}
