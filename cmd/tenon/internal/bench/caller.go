package bench

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/child"
)

// callers is how many connections call the API and the token endpoint.
const callers = 64

// A caller is another process that calls a server of ours, so that the CPU of this one is the server's. It is told what to send
// over its standard input, and ends with it.
type caller struct {
	in    io.Closer
	tell  *gob.Encoder
	hear  *gob.Decoder
	ended <-chan error
}

// A job is a round of requests, made beforehand.
type job struct {
	Address  string
	Requests [][]byte
	Want     int // the status of every answer
	Limit    time.Duration
}

// A done is what came of a job.
type done struct {
	Each []time.Duration
	Wall time.Duration
	Err  string
}

func startCaller(program child.Program) (*caller, error) {
	cmd := program.Command()
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	gone := make(chan struct{})
	ended, err := child.Start(cmd, func() { <-gone })
	if err != nil {
		return nil, fmt.Errorf("the caller cannot be started: %w", err)
	}
	return &caller{in: closer{in, gone}, tell: gob.NewEncoder(in), hear: gob.NewDecoder(out), ended: ended}, nil
}

// A closer closes the caller's input, and then nobody reads its output any more.
type closer struct {
	in   io.Closer
	gone chan struct{}
}

func (c closer) Close() error {
	defer close(c.gone)
	return c.in.Close()
}

func (c *caller) close() error { return errors.Join(c.in.Close(), <-c.ended) }

// run has the caller do a job, and adds it to s with the CPU time of this process.
func (c *caller) run(j job, s *sample) error {
	var ready bool
	if err := errors.Join(c.tell.Encode(j), c.hear.Decode(&ready)); err != nil {
		return fmt.Errorf("the caller is gone: %w", err)
	}
	var result done
	watch := startWatch()
	err := errors.Join(c.tell.Encode(true), c.hear.Decode(&result))
	var used sample
	watch.stop(&used)
	switch {
	case err != nil:
		return fmt.Errorf("the caller is gone: %w", err)
	case result.Err != "":
		return errors.New(result.Err)
	}
	s.each = append(s.each, result.Each...)
	s.wall += result.Wall
	s.cpu += used.cpu
	return nil
}

// Call is what the caller's process does: jobs from in, until there are no more.
func Call(ctx context.Context, in io.Reader, out io.Writer) error {
	hear, tell := gob.NewDecoder(in), gob.NewEncoder(out)
	lines := map[string]wires{}
	defer func() {
		for _, line := range lines {
			line.close() // the process ends
		}
	}()
	for {
		var j job
		if err := hear.Decode(&j); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if lines[j.Address] == nil {
			line, err := dialAll(ctx, j.Address, callers)
			if err != nil {
				return err
			}
			lines[j.Address] = line
		}
		var start bool
		if err := errors.Join(tell.Encode(true), hear.Decode(&start)); err != nil {
			return err
		}
		if err := tell.Encode(j.do(ctx, lines[j.Address])); err != nil {
			return err
		}
	}
}

func (j job) do(ctx context.Context, line wires) done {
	var s sample
	crowd := crowd{callers: len(line), count: len(j.Requests), limit: j.Limit}
	err := crowd.run(ctx, &s, func(caller, i int) error {
		_, err := line[caller].ask(j.Requests[i], j.Want)
		return err
	})
	result := done{Each: s.each, Wall: s.wall}
	if err != nil {
		result.Err = err.Error()
	}
	return result
}
