package ui

import (
	"net/http"
	"regexp"
	"strings"
)

// setHeaders sets what every page carries. The page may load our own style sheet, script and images, post to us and to where
// the answer to a post leads, and nothing else (RFC 9700 §4.2.4, §4.16; OpenID Connect Core §16).
func setHeaders(h http.Header, language string, formTargets []string) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", language)
	h.Set("Content-Security-Policy", contentSecurityPolicy(formTargets))
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer") // RFC 9700 §4.2.4
	h.Set("X-Frame-Options", "DENY")        // RFC 9700 §4.16, for browsers without frame-ancestors
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", permissionsPolicy)
	h.Add("Vary", "Accept-Language, Cookie")
}

// Only a page of our own may ask for a passkey, and nothing here needs the rest.
const permissionsPolicy = "publickey-credentials-get=(self), publickey-credentials-create=(self), " +
	"browsing-topics=(), camera=(), display-capture=(), geolocation=(), hid=(), microphone=(), midi=(), payment=(), serial=(), usb=()"

// Scripts may not write HTML (trusted types), and need no connection: the answer of a passkey goes out in a form.
func contentSecurityPolicy(formTargets []string) string {
	var formAction strings.Builder
	formAction.WriteString("form-action 'self'")
	for _, target := range formTargets {
		if isFormTarget(target) {
			formAction.WriteString(" " + target)
		}
	}
	return strings.Join([]string{
		"default-src 'none'", "style-src 'self'", "script-src 'self'", "img-src 'self' data:", formAction.String(),
		"frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
	}, "; ")
}

// A target is an origin, or the scheme of an application on the device with its colon. Anything else would end the directive and
// begin another, or allow everything, and is left out: the browser then refuses the redirect.
func isFormTarget(s string) bool {
	return len(s) <= 300 && (originTarget.MatchString(s) || schemeTarget.MatchString(s) && !tooWide(s))
}

var (
	originTarget = regexp.MustCompile(`^https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)
	schemeTarget = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:$`)
)

// tooWide are schemes that stand for the whole web, or for no application.
func tooWide(scheme string) bool {
	switch strings.ToLower(scheme) {
	case "http:", "https:", "ws:", "wss:", "data:", "blob:", "javascript:", "file:", "filesystem:", "about:":
		return true
	}
	return false
}
