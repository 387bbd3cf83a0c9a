package child

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel kill the child when we are gone without having stopped it, after kill -9 for one. A process group
// of its own keeps Ctrl-C in the terminal for us, who then stop the child in order.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
