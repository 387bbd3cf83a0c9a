package dpop

import (
	"container/list"
	"net/url"
	"strings"
	"sync"
)

// maxOrigins bounds what a client remembers about servers (a crawler meets many).
const maxOrigins = 256

// originOf names the origin of a URL: scheme, host and port in their normal form. It is "" for a URL that has none.
func originOf(u *url.URL) string {
	if u == nil {
		return ""
	}
	origin, ok := appendTarget(nil, u.Scheme+"://"+u.Host, dotsRefused)
	if !ok || strings.ContainsAny(u.Host, "/?#") {
		return ""
	}
	return string(origin)
}

// origins remembers one value for each origin, and of too many the ones used last. The zero value is ready for use.
type origins[V any] struct {
	mu     sync.Mutex
	order  list.List // of entry[V], the one used last in front
	places map[string]*list.Element
}

type entry[V any] struct {
	origin string
	value  V
}

func (o *origins[V]) get(origin string) (value V, found bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	e := o.places[origin]
	if e == nil {
		return value, false
	}
	o.order.MoveToFront(e)
	return e.Value.(entry[V]).value, true
}

func (o *origins[V]) put(origin string, value V) {
	if origin == "" {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if e := o.places[origin]; e != nil {
		e.Value = entry[V]{origin, value}
		o.order.MoveToFront(e)
		return
	}
	if o.places == nil {
		o.places = map[string]*list.Element{}
	}
	if o.order.Len() >= maxOrigins {
		last := o.order.Remove(o.order.Back()).(entry[V])
		delete(o.places, last.origin)
	}
	o.places[origin] = o.order.PushFront(entry[V]{origin, value})
}
