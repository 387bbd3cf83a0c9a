package browser

import (
	"net/http"
	"time"
)

// The cookies. The prefix makes browsers take them over TLS from this very host only, and send them nowhere else
// (RFC 6265bis §4.1.3.2). Lax lets them come along when a client sends the person here, and not with a foreign form.
const (
	sessionCookie = "__Host-tenon-session" // who is signed in
	visitCookie   = "__Host-tenon-visit"   // tells browsers apart before anybody is signed in; random, and known to nobody else
	deviceCookie  = "__Host-tenon-device"  // somebody signed in from this browser before
	begunCookie   = "__Host-tenon-begun"   // which requests this browser opened in time
	noticeCookie  = "__Host-tenon-notice"  // what was just done, for the next page
)

// deviceAge is for how long a browser keeps the device: longer than the directory believes it.
const deviceAge = 400 * 24 * time.Hour

// cookie gives the value of a cookie, and "" when it is absent, or there twice: then one is not from us. It may be of any length.
func cookie(r *http.Request, name string) string {
	all := r.CookiesNamed(name)
	if len(all) != 1 {
		return ""
	}
	return all[0].Value
}

// setCookie sets a cookie for as long as the browser is open, or for a time. An empty value takes it away.
func setCookie(w http.ResponseWriter, name, value string, age time.Duration) {
	c := &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(age.Seconds()), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}
