package admin

import (
	"io"
	"net/http"
	"sync"
)

// Direct asks a handler without a socket in between.
func Direct(h http.Handler) *Client {
	return &Client{http: &http.Client{Transport: direct{h}}}
}

// direct carries a request to a handler in this process. The answer is read while it is written, as over a socket.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	body, end := io.Pipe()
	w := &directWriter{header: http.Header{}, body: end, started: make(chan int, 1)}
	go d.serve(w, r)
	status := <-w.started
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: body, ContentLength: -1, Request: r,
	}, nil
}

// serve runs the handler. One that aborts ends the answer with an error, as a broken connection would.
func (d direct) serve(w *directWriter, r *http.Request) {
	defer func() {
		var broken error
		if p := recover(); p == http.ErrAbortHandler {
			broken = io.ErrUnexpectedEOF
		} else if p != nil {
			panic(p)
		}
		w.WriteHeader(http.StatusOK)
		w.body.CloseWithError(broken)
	}()
	d.handler.ServeHTTP(w, r)
}

type directWriter struct {
	header  http.Header
	body    *io.PipeWriter
	once    sync.Once
	started chan int // the status, once
}

func (w *directWriter) Header() http.Header { return w.header }

func (w *directWriter) WriteHeader(status int) {
	w.once.Do(func() { w.started <- status })
}

func (w *directWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}
