package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// patience bounds one answer. Nothing takes a tenth of it; it is there so that a measurement ends.
const patience = 30 * time.Second

// serve serves a handler on loopback, without TLS: the cost of TLS is the standard library's.
func serve(handler http.Handler) (address string, stop func() error, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: patience}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	return listener.Addr().String(), func() error {
		err := server.Close()
		if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}, nil
}

// A wire is one connection of a caller that does as little as a caller can, because what it does is measured with the rest:
// requests are bytes made beforehand, and of an answer only the status, the length and the body are looked at.
type wire struct {
	conn net.Conn
	r    *bufio.Reader
}

func dial(ctx context.Context, address string) (*wire, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &wire{conn, bufio.NewReader(conn)}, nil
}

// dialAll makes n connections.
func dialAll(ctx context.Context, address string, n int) (wires, error) {
	list := make(wires, n)
	for i := range list {
		var err error
		if list[i], err = dial(ctx, address); err != nil {
			return nil, errors.Join(err, list.close())
		}
	}
	return list, nil
}

type wires []*wire

func (l wires) close() error {
	var faults []error
	for _, w := range l {
		if w != nil {
			faults = append(faults, w.conn.Close())
		}
	}
	return errors.Join(faults...)
}

// ask sends a request and reads the answer's body. Any status but the wanted one is an error.
func (w *wire) ask(request []byte, want int) ([]byte, error) {
	if err := w.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := w.conn.Write(request); err != nil {
		return nil, err
	}
	status, length, err := w.head()
	if err != nil {
		return nil, err
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(w.r, body); err != nil {
		return nil, err
	}
	if status != want {
		return nil, fmt.Errorf("the answer is %d, not %d: %s", status, want, body)
	}
	return body, nil
}

// maxBody is more than any answer here has.
const maxBody = 1 << 20

// head reads the status line and the header.
func (w *wire) head() (status, length int, err error) {
	line, err := w.r.ReadSlice('\n')
	if err != nil {
		return 0, 0, err
	}
	if len(line) < len("HTTP/1.1 200") {
		return 0, 0, errors.New("the answer has no status line")
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, 0, err
	}
	length = -1
	for {
		line, err := w.r.ReadSlice('\n')
		if err != nil {
			return 0, 0, err
		}
		name, value, found := bytes.Cut(bytes.TrimSpace(line), []byte(":"))
		switch {
		case !found && (length < 0 || length > maxBody):
			return 0, 0, errors.New("the answer does not say how long it is")
		case !found:
			return status, length, nil
		case strings.EqualFold(string(name), "Content-Length"):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, 0, err
			}
		}
	}
}

// getRequest is a request to the API, as it goes over the wire.
func (s *service) getRequest(path, proof string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: api.example\r\nAuthorization: DPoP %s\r\nDPoP: %s\r\n\r\n", path, s.token, proof)
}

// postRequest is a token request, as it goes over the wire.
func postRequest(form, proof string) []byte {
	return fmt.Appendf(nil, "POST /token HTTP/1.1\r\nHost: issuer.example\r\nContent-Type: application/x-www-form-urlencoded\r\nDPoP: %s\r\nContent-Length: %d\r\n\r\n%s",
		proof, len(form), form)
}
