//go:build unix && !linux

package child

import (
	"os/exec"
	"syscall"
)

// dieWithParent only keeps Ctrl-C in the terminal for us, who then stop the child in order. Only Linux can end a child of
// a parent that was killed.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
