package bench_test

import (
	"strings"
	"testing"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/bench"
)

func TestHead(t *testing.T) {
	for text, want := range map[string]struct {
		status, length int
		good           bool
	}{
		"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n":                       {200, 12, true},
		"HTTP/1.1 401 Unauthorized\r\nX: y\r\ncontent-length:0\r\nZ:\r\n\r\n": {401, 0, true},
		"HTTP/1.1 200 OK\r\n\r\n":                                             {},
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n":               {},
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n":                       {},
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n":              {},
		"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n":                        {},
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n":                            {},
		"HTTP/1.1 xyz OK\r\n\r\n":                                             {},
		"200\r\n\r\n":                                                         {},
		"":                                                                    {},
	} {
		status, length, err := bench.Head(strings.NewReader(text))
		if status != want.status || length != want.length || (err == nil) != want.good {
			t.Errorf("%q: %d, %d, %v", text, status, length, err)
		}
	}
}

func FuzzHead(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n")
	f.Add("HTTP/1.1 200 OK\nContent-Length:\t1\n\n")
	f.Add("\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		if _, length, err := bench.Head(strings.NewReader(text)); err == nil && (length < 0 || length > 1<<20) {
			t.Errorf("%q: a body of %d bytes", text, length)
		}
	})
}
