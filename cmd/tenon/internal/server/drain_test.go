package server_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/config"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/server"
)

// slow opens a token request and sends all but the end of its body.
func (h *house) slow() (finish func() (*http.Response, error)) {
	h.t.Helper()
	conn, err := tls.Dial("tcp", h.server.Status().Listen.Main, &tls.Config{RootCAs: h.ca.Pool()})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 29\r\nExpect: 100-continue\r\n\r\n")
	reader := bufio.NewReader(conn)
	if line, err := reader.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") { // the endpoint reads the body now
		h.t.Fatalf("%q %v", line, err)
	}
	reader.ReadString('\n')
	return func() (*http.Response, error) {
		io.WriteString(conn, "grant_type=client_credentials")
		return http.ReadResponse(reader, nil)
	}
}

func TestDrainLetsRequestsFinish(t *testing.T) {
	t.Parallel()
	h := running(t, "")
	finish := h.slow()
	h.stop()
	h.log.wait(t, "msg=stopping")
	if status, text := h.ops("/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(text, "drain") {
		t.Errorf("readyz while draining: %d %s", status, text)
	}
	answer, err := finish()
	if err != nil {
		t.Fatalf("the request in flight was cut off: %v", err)
	}
	if answer.StatusCode != http.StatusUnauthorized && answer.StatusCode != http.StatusBadRequest {
		t.Errorf("%s", answer.Status)
	}
	if err := h.leave(); err != nil {
		t.Errorf("ended with %v", err)
	}
	if conn, err := net.Dial("tcp", h.server.Status().Listen.Operations); err == nil {
		conn.Close()
		t.Error("the operators' listener is still open")
	}
}

func TestDrainIsBounded(t *testing.T) {
	t.Parallel()
	h := running(t, "limits: {drain: 1s}\n")
	h.slow() // and never finished
	if err := h.leave(); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("ended with %v", err)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	h := running(t, "limits: {header: 4KiB, body: 4KiB, read_timeout: 1s, idle_timeout: 1s, connections: 2}\n")
	t.Run("header", func(t *testing.T) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.server.Status().Issuer+"/jwks", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X", strings.Repeat("x", 10<<10))
		answer, err := h.http().Do(r)
		if err != nil || answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%v %v", answer, err)
		}
	})
	t.Run("body", func(t *testing.T) {
		conn := h.connect(t) // in one piece, so that nothing unread is left to break the connection with
		body := strings.Repeat("x", 5<<10)
		fmt.Fprintf(conn, "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s", answer.Status)
		}
	})
	t.Run("time for a request, and connections", func(t *testing.T) {
		first, second := h.connect(t), h.connect(t)
		io.WriteString(first, "GET /jwks HTTP/1.1\r\n") // and no more
		third, err := net.Dial("tcp", h.server.Status().Listen.Main)
		if err != nil {
			t.Fatal(err)
		}
		defer third.Close()
		third.SetDeadline(time.Now().Add(20 * time.Second))
		greeted := make(chan error, 1)
		go func() {
			conn := tls.Client(third, &tls.Config{RootCAs: h.ca.Pool(), ServerName: "127.0.0.1"})
			greeted <- conn.Handshake()
		}()
		if open := h.gauge("tenon_connections"); open != "2" {
			t.Errorf("%s connections are served", open)
		}
		if _, err := first.Read(make([]byte, 1)); err == nil || isTimeout(err) {
			t.Errorf("a request that does not end is waited for: %v", err)
		}
		if err := <-greeted; err != nil { // the place of the first
			t.Errorf("the connection that waited: %v", err)
		}
		if _, err := second.Read(make([]byte, 1)); err == nil || isTimeout(err) {
			t.Errorf("an idle connection is kept: %v", err)
		}
	})
}

func TestEveryServerIsBounded(t *testing.T) {
	cfg, err := config.Parse("tenon.yaml", []byte(houseConfig+"limits: {header: 5KiB, read_timeout: 2s, write_timeout: 3s, idle_timeout: 4s}\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := server.Bounded(cfg)
	if got.MaxHeaderBytes != 5<<10 || got.ReadTimeout != 2*time.Second || got.ReadHeaderTimeout != 2*time.Second ||
		got.WriteTimeout != 3*time.Second || got.IdleTimeout != 4*time.Second || got.HTTP2.MaxConcurrentStreams == 0 {
		t.Errorf("%+v", got)
	}
}

func (h *house) connect(t *testing.T) net.Conn {
	t.Helper()
	conn, err := tls.Dial("tcp", h.server.Status().Listen.Main, &tls.Config{RootCAs: h.ca.Pool()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	return conn
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// gauge reads one number off the metrics.
func (h *house) gauge(name string) string {
	h.t.Helper()
	_, text := h.ops("/metrics")
	for line := range strings.SplitSeq(text, "\n") {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return value
		}
	}
	return ""
}

func TestHTTP2IsServed(t *testing.T) {
	t.Parallel()
	h := running(t, "")
	conn, err := tls.Dial("tcp", h.server.Status().Listen.Main, &tls.Config{RootCAs: h.ca.Pool(), NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := conn.ConnectionState().NegotiatedProtocol; got != "h2" {
		t.Errorf("%q", got)
	}
}

func TestTLSOlderThan12IsRefused(t *testing.T) { // FAPI 2.0 §5.2.1 (1)
	t.Parallel()
	h := running(t, "")
	for _, address := range []string{h.server.Status().Listen.Main, h.server.Status().Listen.MTLS} {
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: h.ca.Pool(), MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
		if err == nil {
			conn.Close()
			t.Errorf("%s speaks TLS 1.1", address)
		}
	}
}
