package issuer

import (
	"net/http"
	"strings"

	"github.com/gorilla/mux"
)

// Handler serves everybody: what clients call, what anybody may read, and the pages. It never asks for a certificate; a listener
// in front of it may.
func (i *Issuer) Handler() http.Handler {
	r := newRouter()
	path := i.urls.path
	for name, serve := range i.called(i.urls.issuer) {
		r.Handle(path+"/"+name, crossOrigin(i.handle(name, serve), "POST"))
	}
	r.Handle(path+"/jwks", crossOrigin(i.handle("jwks", i.serveJWKS), "GET"))
	r.Handle(path+"/status/{n:(?:0|[1-9][0-9]{0,18})}", crossOrigin(i.handle("status", i.serveStatus), "GET"))
	for _, wellKnown := range i.urls.wellKnown() {
		r.Handle(wellKnown, crossOrigin(i.handle("metadata", i.serveMetadata), "GET"))
	}
	if i.browser != nil {
		i.routePeople(r)
	}
	return r
}

// called are the endpoints that clients call, by their names below the given URL.
func (i *Issuer) called(url string) map[string]endpoint {
	endpoints := map[string]endpoint{
		"token":      i.serveCall(url+"/token", i.processToken),
		"introspect": i.serveCall(url+"/introspect", i.processIntrospection), // RFC 7662 §2
		"revoke":     i.serveCall(url+"/revoke", i.processRevocation),        // RFC 7009 §2
	}
	if i.browser != nil {
		endpoints["par"] = i.serveCall(url+"/par", i.processPAR) // RFC 9126 §2
	}
	return endpoints
}

// routePeople adds what there is because people can log in. Nothing that a person's browser opens may be read by foreign pages
// (FAPI 2.0 §5.2.3 (3)).
func (i *Issuer) routePeople(r *mux.Router) {
	path := i.urls.path
	r.Handle(path+"/userinfo", crossOrigin(i.handle("userinfo", i.serveUserInfo(i.urls.issuer+"/userinfo")), "GET, POST")) // OpenID Connect Core §5.3
	described, document := i.userInfoMetadata(i.urls.issuer + "/userinfo")
	r.Handle(described, crossOrigin(document, "GET")) // RFC 9728 §3
	for name, page := range i.browser.Routes() {
		if strings.HasSuffix(name, "/") {
			r.PathPrefix(path + name).Handler(strict(page))
		} else {
			r.Handle(path+name, strict(page))
		}
	}
}

// MTLSHandler serves the listener that asks for certificates: the aliases of the endpoints that clients call directly, and
// nothing that a browser would open (RFC 8705 §5). A proof sent here has the alias as its htu.
func (i *Issuer) MTLSHandler() http.Handler {
	r := newRouter()
	if i.urls.alias == "" {
		return r
	}
	for name, serve := range i.called(i.urls.alias) {
		r.Handle(i.urls.path+"/"+name, i.handle(name, serve))
	}
	if i.browser != nil {
		r.Handle(i.urls.path+"/userinfo", i.handle("userinfo", i.serveUserInfo(i.urls.alias+"/userinfo")))
		described, document := i.userInfoMetadata(i.urls.alias + "/userinfo")
		r.Handle(described, document)
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
			h.Set("Access-Control-Allow-Headers", "Content-Type, DPoP, Authorization")
			h.Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// strict makes browsers come back over TLS only (FAPI 2.0 §5.2.3 (1)).
func strict(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", transportSecurity)
		next.ServeHTTP(w, r)
	})
}
