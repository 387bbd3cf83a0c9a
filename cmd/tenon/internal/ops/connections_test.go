package ops_test

import (
	"errors"
	"net"
	"testing"
	"testing/synctest"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/ops"
)

// pipes is a listener without a network: what it accepts is put into it.
type pipes struct {
	queue  chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.queue:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) call() net.Conn {
	ours, theirs := net.Pipe()
	p.queue <- theirs
	return ours
}

func accept(l net.Listener) <-chan net.Conn {
	accepted := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			close(accepted)
			return
		}
		accepted <- c
	}()
	return accepted
}

func TestConnectionsWaitForTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := ops.NewConnections(1)
		one, other := newPipes(), newPipes()
		busy, quiet := limit.Limit(one), limit.Limit(other)
		first := accept(busy)
		one.call()
		held := <-first
		second := accept(quiet)
		other.call()
		synctest.Wait()
		select {
		case <-second:
			t.Fatal("two connections where one is allowed, over two listeners")
		default:
		}
		held.Close()
		held.Close() // a second time gives nothing back
		next := <-second
		if open := limit.Open(); open != 1 {
			t.Errorf("%d open", open)
		}
		next.Close()
		if open := limit.Open(); open != 0 {
			t.Errorf("%d open after all are closed", open)
		}
		busy.Close()
		quiet.Close()
	})
}

func TestAQuietListenerTakesNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := ops.NewConnections(1)
		one, other := newPipes(), newPipes()
		quiet, busy := limit.Limit(one), limit.Limit(other)
		waiting := accept(quiet)
		synctest.Wait()
		accepted := accept(busy)
		other.call()
		(<-accepted).Close()
		quiet.Close()
		busy.Close()
		if _, ok := <-waiting; ok {
			t.Error("a closed listener accepted")
		}
	})
}

func TestClosingEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := ops.NewConnections(1)
		inner := newPipes()
		l := limit.Limit(inner)
		first := accept(l)
		inner.call()
		defer (<-first).Close()
		failed := make(chan error, 1)
		go func() {
			_, err := l.Accept()
			failed <- err
		}()
		ours := inner.call()
		synctest.Wait()
		l.Close()
		if err := <-failed; !errors.Is(err, net.ErrClosed) {
			t.Errorf("%v", err)
		}
		if _, err := ours.Read(make([]byte, 1)); err == nil {
			t.Error("the connection that waited is left open")
		}
	})
}
