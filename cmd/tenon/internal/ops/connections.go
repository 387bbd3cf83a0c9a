package ops

import (
	"net"
	"sync"
	"sync/atomic"
)

// Connections bounds how many connections are served at a time, over all listeners that it limits. Each listener holds one
// more that waits, unread, until another is closed; the rest wait in the kernel's queue.
type Connections struct {
	most  int
	slots chan struct{}
	open  atomic.Int64
}

// NewConnections allows most connections.
func NewConnections(most int) *Connections {
	return &Connections{most: most, slots: make(chan struct{}, most)}
}

// Open tells how many connections are open.
func (c *Connections) Open() int { return int(c.open.Load()) }

// Limit wraps a listener.
func (c *Connections) Limit(l net.Listener) net.Listener {
	return &limited{Listener: l, connections: c, closed: make(chan struct{})}
}

type limited struct {
	net.Listener
	connections *Connections
	once        sync.Once
	closed      chan struct{}
}

// Accept takes a slot only once there is somebody to use it: a listener that nobody calls must not keep one from another.
func (l *limited) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	select {
	case l.connections.slots <- struct{}{}:
	case <-l.closed:
		conn.Close()
		return nil, net.ErrClosed
	}
	l.connections.open.Add(1)
	return &slotConn{Conn: conn, connections: l.connections}, nil
}

func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// slotConn gives its slot back when it is closed, once.
type slotConn struct {
	net.Conn
	connections *Connections
	once        sync.Once
}

func (s *slotConn) Close() error {
	err := s.Conn.Close()
	s.once.Do(func() {
		s.connections.open.Add(-1)
		<-s.connections.slots
	})
	return err
}
