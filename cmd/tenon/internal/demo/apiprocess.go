package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
)

// An apiProcess is the payments API as a child. Its listening socket is ours and handed down, so that it keeps its port when it
// is killed and started again, and callers in between wait instead of being refused.
type apiProcess struct {
	*process // nil while there is none
	origin   string
	socket   *os.File
	without  Guard
}

// socketDescriptor is where a child finds the first file it was given.
const socketDescriptor = 3

// openAPI takes a free port.
func openAPI(without Guard) (*apiProcess, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("no port for the payments API: %w", err)
	}
	defer listener.Close() // socket is a copy
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		return nil, fmt.Errorf("the port of the payments API cannot be handed down: %w", err)
	}
	return &apiProcess{origin: "https://" + listener.Addr().String(), socket: socket, without: without}, nil
}

// start starts the API and waits until it answers.
func (a *apiProcess) start(ctx context.Context, s *stage) error {
	started, err := start(s.program, "payments API", []string{
		"--dir", s.path(apiDir), "--issuer", s.cast.Issuer, "--origin", a.origin,
		"--ca", s.path(certsDir, "ca.pem"), "--without", string(a.without),
	}, a.socket)
	if err != nil {
		return err
	}
	a.process = started
	_, err = started.awaitReady(ctx)
	return err
}

// crash kills the API as kill -9 does.
func (a *apiProcess) crash() error {
	if err := a.kill(); err != nil {
		return fmt.Errorf("the payments API cannot be killed: %w", err)
	}
	return nil
}

func (a *apiProcess) close() error {
	var err error
	if a.process != nil {
		err = a.stop()
	}
	return errors.Join(err, a.socket.Close())
}

// RunAPI is what the API's process does: it serves on the socket that its parent handed down. The API is killed with its
// parent, or stopped by it.
func RunAPI(ctx context.Context, cfg APIConfig, ready func()) error {
	socket := os.NewFile(socketDescriptor, "socket")
	listener, err := net.FileListener(socket)
	if err != nil {
		return fmt.Errorf("there is no socket to serve on; `tenon demo` starts the API: %w", err)
	}
	if err := socket.Close(); err != nil {
		return err
	}
	return ServeAPI(ctx, cfg, listener, ready)
}
