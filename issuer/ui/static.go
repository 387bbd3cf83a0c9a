package ui

import "net/http"

type assets struct{}

func readAssets() assets { return assets{} }

func (p *Pages) serveAsset(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }
