package ui

import "net/http"

func (p *Pages) render(w http.ResponseWriter, r *http.Request, status int, page Page) {
	http.Error(w, "", http.StatusInternalServerError)
}
