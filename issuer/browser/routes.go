package browser

import "net/http"

// Routes gives the handlers by their path below the issuer's. "/ui/" stands for all that is below it. They are for the
// listener that never asks for a certificate.
func (b *Browser) Routes() map[string]http.Handler {
	return map[string]http.Handler{
		"/ui/": b.Pages.Static(),
	}
}

func peer(r *http.Request) string { return r.RemoteAddr }
