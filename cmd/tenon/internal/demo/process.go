package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/child"
)

// A process is a child that ends with us, whatever becomes of us: by a signal when the play is over, and by the kernel where
// it can do that.
type process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when the child has ended
	err  error         // how it ended; to be read when done is closed

	mu    sync.Mutex // guards last
	last  []string   // the last lines it wrote to standard error
	ready chan string
}

// patience bounds how long a child may take to start or to stop.
const patience = 15 * time.Second

// keptLines is how much of a child's complaints is told when it fails.
const keptLines = 12

// start runs this program again with args. Files become the child's descriptors from 3 on.
func start(program child.Program, name string, args []string, files ...*os.File) (*process, error) {
	cmd := program.Command(args...)
	cmd.ExtraFiles = files
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	complaints, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	c := &process{name: name, cmd: cmd, done: make(chan struct{}), ready: make(chan string, 1)}
	ended, err := child.Start(cmd, func() {
		var reading sync.WaitGroup
		reading.Go(func() { c.listen(out) })
		reading.Go(func() { c.remember(complaints) })
		reading.Wait()
	})
	if err != nil {
		return nil, fmt.Errorf("the %s cannot be started: %w", name, err)
	}
	go func() {
		c.err = <-ended
		close(c.done)
	}()
	return c, nil
}

// listen passes the first line of standard output on: the child says that it is ready.
func (c *process) listen(r io.Reader) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		select {
		case c.ready <- lines.Text():
		default:
		}
	}
	io.Copy(io.Discard, r) // a line too long must not stop the child
}

func (c *process) remember(r io.Reader) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		c.mu.Lock()
		c.last = append(c.last, lines.Text())
		c.last = c.last[max(0, len(c.last)-keptLines):]
		c.mu.Unlock()
	}
	io.Copy(io.Discard, r)
}

// awaitReady waits for the child's first line.
func (c *process) awaitReady(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("the %s was not ready within %v", c.name, patience))
	defer cancel()
	select {
	case line := <-c.ready:
		return line, nil
	case <-c.done:
		return "", c.fault()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// fault tells how a child ended that should not have ended.
func (c *process) fault() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	how := "by itself"
	if c.err != nil {
		how = c.err.Error()
	}
	if len(c.last) == 0 {
		return fmt.Errorf("the %s ended (%s)", c.name, how)
	}
	return fmt.Errorf("the %s ended (%s); it said:\n  %s", c.name, how, strings.Join(c.last, "\n  "))
}

// kill ends the child at once, as a crash does, and returns when it is gone.
func (c *process) kill() error {
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-c.done
	return nil
}

// stop asks the child to end, and ends it when it does not.
func (c *process) stop() error {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return c.kill()
	}
	select {
	case <-c.done:
		return nil
	case <-time.After(patience):
		return errors.Join(fmt.Errorf("the %s did not stop within %v", c.name, patience), c.kill())
	}
}
