// Command preview shows the samples of issuer/ui on loopback, to look at them in a browser:
//
//	go run ./issuer/ui/testdata/preview 127.0.0.1:8099
//
// Then open http://127.0.0.1:8099/ for the list.
package main

import (
	"fmt"
	"log"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/tenon-auth/tenon/issuer/ui"
	"github.com/tenon-auth/tenon/issuer/ui/testdata/samples"
)

func main() {
	address := "127.0.0.1:8099"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	pages, err := ui.New(ui.Config{Name: samples.Operator})
	if err != nil {
		log.Fatal(err)
	}
	all := samples.Pages()
	mux := http.NewServeMux()
	mux.Handle("/ui/", pages.Static())
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		page, ok := all[strings.TrimPrefix(r.URL.Path, "/")]
		if !ok {
			for _, name := range slices.Sorted(maps.Keys(all)) {
				fmt.Fprintf(w, "%s\n", name)
			}
			return
		}
		pages.Render(w, r, http.StatusOK, page)
	})
	log.Printf("look at http://%s/", address)
	log.Fatal(http.ListenAndServe(address, mux)) //nolint:gosec // on loopback, for one reader
}
