package child

import (
	"os/exec"
	"runtime"
)

// Start starts a process that Command prepared. On a goroutine of its own it calls attend, which reads the process's pipes to
// their ends, and then waits: ended tells once how the process ended. The thread stays the same from start to end, because the kernel takes the thread that
// started a process for its parent, not the process.
func Start(cmd *exec.Cmd, attend func()) (ended <-chan error, err error) {
	started, end := make(chan error, 1), make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		attend()
		end <- cmd.Wait()
	}()
	return end, <-started
}
