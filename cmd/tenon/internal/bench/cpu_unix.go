//go:build unix

package bench

import (
	"syscall"
	"time"
)

// cpuTime is the CPU time that the process has used, its kernel's share too; 0 when it cannot be known.
func cpuTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
