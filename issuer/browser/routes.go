package browser

import (
	"net"
	"net/http"
)

// Routes gives the handlers by their path below the issuer's. "/ui/" stands for all that is below it. They are for the
// listener that never asks for a certificate, and no script of another origin may call them (FAPI 2.0 §5.2.3 (3)).
func (b *Browser) Routes() map[string]http.Handler {
	type methods = map[string]func(*exchange) error
	routes := map[string]http.Handler{"/ui/": overTLS(b.Pages.Static())}
	for path, serve := range map[string]methods{
		"/authorize":            {"GET": b.serveAuthorize, "POST": b.servePostedAuthorize},
		"/login":                {"GET": b.serveLogin, "POST": b.servePassword},
		"/login/passkey":        {"POST": b.servePasskey},
		"/login/code":           {"POST": b.serveCode},
		"/login/code/passkey":   {"POST": b.serveSecondPasskey},
		"/login/choose":         {"POST": b.serveChoice},
		"/consent":              {"POST": b.serveConsent},
		"/account":              {"GET": b.serveAccount, "POST": b.serveDeed},
		"/account/password":     {"GET": b.serveChangePassword, "POST": b.changePassword},
		"/account/codes":        {"GET": b.serveEnroll, "POST": b.confirmCodes},
		"/account/passkeys":     {"GET": b.serveNaming, "POST": b.namePasskey},
		"/account/passkeys/add": {"POST": b.addPasskey},
	} {
		routes[path] = b.handle(path[1:], serve)
	}
	return routes
}

// overTLS makes browsers come back over TLS only (FAPI 2.0 §5.2.3 (1)).
func overTLS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		next.ServeHTTP(w, r)
	})
}

// peer is where a request comes from when nothing stands in between.
func peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
