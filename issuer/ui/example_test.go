package ui_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/tenon-auth/tenon/issuer/ui"
)

func ExamplePages_Render() {
	pages, err := ui.New(ui.Config{Name: "Harbour Bank"})
	if err != nil {
		fmt.Println(err)
		return
	}
	login := func(w http.ResponseWriter, r *http.Request) {
		pages.Render(w, r, http.StatusOK, ui.Login{
			Frame:  ui.Frame{Action: "/login", CSRF: "from the session", FormTargets: []string{"https://tea.example"}, Locales: []string{"de"}},
			Client: ui.Client{Name: "Blue Kettle Tea", ID: "blue-kettle"},
		})
	}
	w := httptest.NewRecorder()
	login(w, httptest.NewRequest(http.MethodGet, "/authorize?client_id=blue-kettle", nil))
	fmt.Println(w.Code, w.Header().Get("Content-Language"), strings.Contains(w.Body.String(), "<h1>Anmelden</h1>"))
	// Output: 200 de true
}
