package auditview

import (
	"encoding/json"
	"net/url"
	"strings"
)

// A detail is what of a detail record is shown in one line: where a request came from, and what it was.
type detail struct {
	Address string `json:"ip"`
	Method  string `json:"htm"`
	URL     string `json:"htu"`
}

// readDetail reads what it can. A record in another form shows nothing.
func readDetail(data json.RawMessage) detail {
	var d detail
	if len(data) > 0 && json.Unmarshal(data, &d) != nil {
		return detail{}
	}
	return d
}

// request writes method and path of a request, or "".
func (d detail) request() string {
	path := d.URL
	if u, err := url.Parse(d.URL); err == nil && u.Host != "" {
		path = u.EscapedPath()
	}
	return strings.TrimSpace(d.Method + " " + path)
}
