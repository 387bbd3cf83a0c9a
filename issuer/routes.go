package issuer

import (
	"net/http"

	"github.com/gorilla/mux"
)

// Handler serves everybody: the token endpoint, the metadata, the keys and the status lists. It never asks for a certificate; a
// listener in front of it may.
func (i *Issuer) Handler() http.Handler {
	r := newRouter()
	path := i.urls.path
	r.Handle(path+"/token", crossOrigin(i.handle("token", i.serveCall(i.urls.issuer+"/token", i.processToken)), "POST"))
	r.Handle(path+"/jwks", crossOrigin(i.handle("jwks", i.serveJWKS), "GET"))
	r.Handle(path+"/status/{n:(?:0|[1-9][0-9]{0,18})}", crossOrigin(i.handle("status", i.serveStatus), "GET"))
	for _, wellKnown := range i.urls.wellKnown() {
		r.Handle(wellKnown, crossOrigin(i.handle("metadata", i.serveMetadata), "GET"))
	}
	return r
}

// MTLSHandler serves the listener that asks for certificates: the aliases of the endpoints that clients call directly, and
// nothing that a browser would open (RFC 8705 §5). A proof sent here has the alias as its htu.
func (i *Issuer) MTLSHandler() http.Handler {
	r := newRouter()
	if i.urls.alias != "" {
		r.Handle(i.urls.path+"/token", i.handle("token", i.serveCall(i.urls.alias+"/token", i.processToken)))
	}
	return r
}

// newRouter makes a router that takes a path as it is: the one that tidies up would answer //token with a redirect.
func newRouter() *mux.Router { return mux.NewRouter().SkipClean(true) }

// listNumber is the number in the path of a status list.
func listNumber(r *http.Request) string { return mux.Vars(r)["n"] }

// crossOrigin lets scripts of any origin call an endpoint and read what DPoP needs. Nothing here is authorized by a cookie, so
// there is nothing that a foreign page could borrow.
func crossOrigin(next http.Handler, method string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "DPoP-Nonce, WWW-Authenticate, Retry-After") // RFC 9449 §8.2
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Methods", method)
			h.Set("Access-Control-Allow-Headers", "Content-Type, DPoP")
			h.Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}
