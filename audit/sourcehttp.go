package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

var _ Source = (*HTTPSource)(nil)

// An HTTPConfig says where a log is served.
type HTTPConfig struct {
	URL    string       // of the log, to which "/checkpoint" is added; https, or http to this machine
	Token  string       // bearer token of the auditor; entries are not served without
	Client *http.Client // nil means one that gives up on a file after 30 s
}

// An HTTPSource is a log served over HTTP. Redirects are not followed: a log has one address.
type HTTPSource struct {
	base   string
	token  string
	client *http.Client
}

// httpTimeout is for one file of at most [maxFile] bytes.
const httpTimeout = 30 * time.Second

// NewHTTPSource makes a Source of a URL.
func NewHTTPSource(c HTTPConfig) (*HTTPSource, error) {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("audit: URL of the log: %w", err)
	case u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("audit: %q is not the URL of a log: scheme, host and path only", c.URL)
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return nil, fmt.Errorf("audit: %q: a log is read over https", c.URL) // the token would be readable on the way
	}
	client := &http.Client{Timeout: httpTimeout}
	if c.Client != nil {
		copied := *c.Client
		client = &copied
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &HTTPSource{base: strings.TrimSuffix(u.String(), "/"), token: c.Token, client: client}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// ReadFile fetches one file.
func (h *HTTPSource) ReadFile(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.base+"/"+path, nil)
	if err != nil {
		return nil, err
	}
	if h.token != "" {
		req.Header.Set("Authorization", "Bearer "+h.token)
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		return readBounded(resp.Body, path, resp.ContentLength)
	case http.StatusNotFound:
		return nil, &fs.PathError{Op: "get", Path: path, Err: fs.ErrNotExist}
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, fmt.Errorf("get %s: %w", path, ErrNotAuthorized)
	}
	return nil, fmt.Errorf("get %s: the server answered %s", path, resp.Status)
}

// ErrNotAuthorized means that a log serves a file, but not to everybody.
var ErrNotAuthorized = errors.New("the log gives this to authenticated auditors only")
