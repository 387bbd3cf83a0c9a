package bolt

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Locked says that another process holds the file. Owner tells which, as that process wrote it down: its number and command.
type Locked struct{ Path, Owner string }

func (l *Locked) Error() string {
	return fmt.Sprintf("store/bolt: %s is in use by %s", l.Path, l.Owner)
}

// ownerPath is the note beside the file. The lock itself is the kernel's; the note only gives it a name, and one left by a
// killed process is overwritten by the next owner.
func ownerPath(path string) string { return path + ".owner" }

func writeOwner(path string) error {
	return os.WriteFile(ownerPath(path), fmt.Appendf(nil, "process %d (%s)\n", os.Getpid(), command()), 0o600)
}

func removeOwner(path string) { _ = os.Remove(ownerPath(path)) }

func readOwner(path string) string {
	note, err := os.ReadFile(ownerPath(path))
	if err != nil || len(note) == 0 || len(note) > 256 {
		return "another process that did not leave its name"
	}
	return strings.TrimSpace(string(note))
}

// command is the program and its subcommand. The other arguments may hold what nobody should read in an error message.
func command() string {
	name := filepath.Base(os.Args[0])
	if len(os.Args) > 1 && !strings.ContainsAny(os.Args[1], "-=/") {
		name += " " + os.Args[1]
	}
	return name
}
