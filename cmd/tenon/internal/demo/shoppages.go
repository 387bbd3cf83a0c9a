package demo

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"

	"github.com/tenon-auth/tenon/client"
)

//go:embed shopfront
var shopFiles embed.FS

// shopPage is what the templates are given.
type shopPage struct {
	Issuer, API string
	Shopper     string
	Password    string
	Paid        *receipt
	Fault       string
}

// handler gives the shop's pages. A foreign page cannot buy anything: its forms are refused, and the cookie stays at home.
func (f *shopfront) handler() http.Handler {
	pages := template.Must(template.ParseFS(shopFiles, "shopfront/*.html"))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", f.serving(func(w http.ResponseWriter, r *http.Request, v *visit) error {
		return f.show(w, pages, v)
	}))
	mux.HandleFunc("GET /shop.css", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, shopFiles, "shopfront/shop.css") })
	mux.HandleFunc("POST /buy", f.serving(f.serveBuy))
	mux.HandleFunc("GET /callback", f.serving(f.serveCallback))
	mux.HandleFunc("POST /steal", f.serving(f.serveSteal))
	issuer, err := url.Parse(f.stage.cast.Issuer)
	if err != nil {
		panic(err) // the issuer runs there
	}
	policy := fmt.Sprintf("default-src 'none'; style-src 'self'; form-action 'self' %s://%s; frame-ancestors 'none'; base-uri 'none'", issuer.Scheme, issuer.Host)
	guarded := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer") // the answer of the issuer is in an address
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		guarded.ServeHTTP(w, r)
	})
}

// serving finds the visit, and tells what went wrong on the shop's page.
func (f *shopfront) serving(serve func(http.ResponseWriter, *http.Request, *visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := f.visit(w, r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		if err := serve(w, r, v); err != nil {
			f.mu.Lock()
			v.fault = told(err)
			f.mu.Unlock()
			http.Redirect(w, r, "/", http.StatusSeeOther)
		}
	}
}

// told says what went wrong to the person in front of the page.
func told(err error) string {
	if denied, ok := errors.AsType[*client.Denied](err); ok {
		return "Nothing was paid: " + denied.Error() + "."
	}
	return "It did not work: " + err.Error() + "."
}

func (f *shopfront) show(w http.ResponseWriter, pages *template.Template, v *visit) error {
	f.mu.Lock()
	page := shopPage{f.stage.cast.Issuer, f.stage.cast.API, shopper, f.password, v.paid, v.fault}
	v.fault = ""
	f.mu.Unlock()
	var body bytes.Buffer
	if err := pages.ExecuteTemplate(&body, "shop.html", page); err != nil {
		http.Error(w, "the page is broken", http.StatusInternalServerError)
		return nil
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(body.Bytes()) // who has gone away needs no page
	return nil
}

func (f *shopfront) serveBuy(w http.ResponseWriter, r *http.Request, v *visit) error {
	address, err := f.buy(r.Context(), v)
	if err == nil {
		http.Redirect(w, r, address, http.StatusSeeOther)
	}
	return err
}

func (f *shopfront) serveCallback(w http.ResponseWriter, r *http.Request, v *visit) error {
	paid, err := f.settle(r.Context(), v, r)
	if err != nil {
		return err
	}
	f.mu.Lock()
	v.paid = paid
	f.mu.Unlock()
	http.Redirect(w, r, "/", http.StatusSeeOther) // and the code is out of the address bar
	return nil
}

func (f *shopfront) serveSteal(w http.ResponseWriter, r *http.Request, v *visit) error {
	f.mu.Lock()
	paid := v.paid
	f.mu.Unlock()
	if paid == nil {
		return errors.New("there is no token to steal yet")
	}
	tried, err := f.stage.steal(r.Context(), paid)
	if err != nil {
		return err
	}
	after := *paid
	after.Thief = tried
	f.mu.Lock()
	v.paid = &after
	f.mu.Unlock()
	http.Redirect(w, r, "/#thief", http.StatusSeeOther)
	return nil
}
