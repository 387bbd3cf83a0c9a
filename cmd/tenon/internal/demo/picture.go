package demo

import "strings"

// picture draws who talks to whom. The names in braces are replaced by addresses of at most 29 columns.
const picture = `
  shop   key in a file   ──DPoP──┐        ┌─────────────────────────────────────────┐
                                 ├──────▶ │ issuer         {issuer} │
  bank   certificate     ──mTLS──┤        │ for mutual TLS {mtls} │
                                 │        └────────────────────┬────────────────────┘
                                 │                signing keys │ list of revoked tokens
                                 │        ┌────────────────────▼────────────────────┐
                                 ├──────▶ │ payments API   {api} │
  thief  what it copied  ────────┘        └─────────────────────────────────────────┘
`

// draw fills the picture in.
func draw(c Cast) string {
	fit := func(url string) string {
		const width = 24
		return url + strings.Repeat(" ", max(0, width-len(url)))
	}
	return strings.NewReplacer("{issuer}", fit(c.Issuer), "{mtls}", fit(c.MTLS), "{api}", fit(c.API)).Replace(picture)
}
