package browser

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A request_uri lives as long as a client needs to send a browser here: 90 seconds, say. A person may need longer to find a
// password. So a browser that opened a request in time gets a mark for it, and may complete it for a while after. The mark
// proves nothing else, and works where the request does: once.

// maxBegun is how many marks a browser keeps: one for each tab that somebody might have open.
const maxBegun = 4

const markLength = 54

func (r *Request) mark() seal {
	return seal{"begun", []string{r.ID, r.URI, strconv.FormatInt(r.Expires.UnixNano(), 10)}}
}

// began reports whether this browser opened the request in time.
func (b *Browser) began(r *http.Request, asked *Request) (bool, error) {
	for _, mark := range marks(r) {
		if ok, err := b.sealed(asked.mark(), mark); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// begin gives the browser a mark for the request that it has just opened.
func (b *Browser) begin(x *exchange) error {
	mark, err := b.seal(x.asked.mark(), x.asked.Expires.Add(Patience))
	if err != nil {
		return err
	}
	setCookie(x.w, begunCookie, strings.Join(newest(append(marks(x.r), mark)), "."), x.asked.Expires.Add(Patience).Sub(b.Now()))
	return nil
}

// marks are those in the cookie.
func marks(r *http.Request) []string {
	all := strings.Split(cookie(r, begunCookie), ".")
	return newest(slices.DeleteFunc(all, func(mark string) bool { return len(mark) != markLength }))
}

// newest bounds what is kept, and what is looked at when somebody sends a thousand.
func newest(marks []string) []string { return marks[max(0, len(marks)-maxBegun):] }
