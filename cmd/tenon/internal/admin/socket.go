package admin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
)

// ErrNoServer means that no server runs on this data directory.
var ErrNoServer = errors.New("no server runs on this data directory")

// maxSocketPath is what a socket's name may have on the systems that allow least.
const maxSocketPath = 103

// SocketPath gives the socket of a data directory.
func SocketPath(data string) string { return filepath.Join(data, "admin.sock") }

// Listen makes the socket, readable by its owner only. The caller owns the store of the data directory, so a socket that is
// still there is what a server left that did not end in peace.
func Listen(data string) (net.Listener, error) {
	path := SocketPath(data)
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("the name of the socket %s has %d bytes, the system allows %d: choose a shorter data directory", path, len(path), maxSocketPath)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil { // the directory is 0700: nobody got in before
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Dial reaches the server that runs on a data directory. ErrNoServer means that the store may be opened instead.
func Dial(ctx context.Context, data string) (*Client, error) {
	path := SocketPath(data)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	conn, err := dial(ctx, "", "")
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, ErrNoServer
	case err != nil:
		return nil, fmt.Errorf("cannot talk to the server: %w", err)
	}
	conn.Close()
	return &Client{http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}, nil
}
