package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/issuer/people"
)

// maxBody bounds what a command sends: a registration with its keys.
const maxBody = 1 << 20

// A Desk answers commands.
type Desk struct {
	Issuer   *issuer.Admin
	Declared func(id string) bool // clients that no command may change; nil: none
	People   *people.Directory    // nil: nobody can log in
	Store    Keeper
	Status   func() Status
	Log      *slog.Logger // one line for each change; nil: none
}

// A Keeper looks after what is stored. *bolt.Store is one.
type Keeper interface {
	// Check reads everything and reports what is wrong.
	Check(ctx context.Context) error
	// Backup writes a consistent copy.
	Backup(w io.Writer) error
}

// Status tells which server answers.
type Status struct {
	Issuer  string    `json:"issuer"`
	Running bool      `json:"running"` // false when the command itself has opened the store
	PID     int       `json:"pid"`
	Version string    `json:"version"`
	Started time.Time `json:"started,omitzero"`
	Listen  Addresses `json:"listen,omitzero"`
}

// Addresses is where a server really listens: the ports that it chose for 0 among them.
type Addresses struct {
	Main       string `json:"main"`
	MTLS       string `json:"mtls,omitempty"`
	Operations string `json:"operations,omitempty"`
}

// Handler gives the desk as HTTP. Whoever can reach it is an operator.
func (d *Desk) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { respond(w, http.StatusOK, d.Status()) })
	mux.HandleFunc("GET /clients", answering(d.clients))
	mux.HandleFunc("POST /clients", answering(d.addClient))
	mux.HandleFunc("GET /clients/{id}", answering(d.client))
	mux.HandleFunc("PUT /clients/{id}", answering(d.updateClient))
	mux.HandleFunc("DELETE /clients/{id}", answering(d.removeClient))
	d.servePeople(mux)
	mux.HandleFunc("GET /keys", answering(func(*http.Request) (any, error) { return d.Issuer.Keys(), nil }))
	mux.HandleFunc("POST /keys", answering(d.rotateKey))
	mux.HandleFunc("POST /revocations", answering(d.revoke))
	mux.HandleFunc("POST /store/check", answering(func(r *http.Request) (any, error) { return struct{}{}, d.Store.Check(r.Context()) }))
	mux.HandleFunc("GET /store/backup", d.backup)
	return mux
}

// answering makes a handler of what only knows its question and its answer.
func answering(process func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := process(r)
		if err != nil {
			respondFault(w, err)
			return
		}
		respond(w, http.StatusOK, answer)
	}
}

func (d *Desk) clients(r *http.Request) (any, error) {
	n, err := strconv.Atoi(r.FormValue("n"))
	if err != nil || n < 1 {
		return nil, fmt.Errorf("n is the number of clients to list")
	}
	return d.Issuer.Clients(r.Context(), r.FormValue("after"), n)
}

func (d *Desk) client(r *http.Request) (any, error) {
	return d.Issuer.Client(r.Context(), r.PathValue("id"))
}

func (d *Desk) addClient(r *http.Request) (any, error) {
	var c issuer.Client
	if err := read(r, &c); err != nil {
		return nil, err
	}
	if err := d.mayChange(c.ID); err != nil {
		return nil, err
	}
	added, err := d.Issuer.AddClient(r.Context(), c)
	d.changed("client added", "client", added.ID, err)
	return added, err
}

func (d *Desk) updateClient(r *http.Request) (any, error) {
	var c issuer.Client
	if err := read(r, &c); err != nil {
		return nil, err
	}
	id := r.PathValue("id")
	if c.ID != id {
		return nil, fmt.Errorf("%w: the id %q cannot become %q", issuer.ErrClient, id, c.ID)
	}
	if err := d.mayChange(id); err != nil {
		return nil, err
	}
	updated, err := d.Issuer.UpdateClient(r.Context(), c)
	d.changed("client changed", "client", id, err)
	return updated, err
}

func (d *Desk) removeClient(r *http.Request) (any, error) {
	id := r.PathValue("id")
	if err := d.mayChange(id); err != nil {
		return nil, err
	}
	err := d.Issuer.RemoveClient(r.Context(), id)
	d.changed("client removed", "client", id, err)
	return struct{}{}, err
}

func (d *Desk) rotateKey(r *http.Request) (any, error) {
	key, err := d.Issuer.RotateKey(r.Context())
	d.changed("signing key rotated", "kid", key.ID, err)
	return key, err
}

func (d *Desk) revoke(r *http.Request) (any, error) {
	var what issuer.Revocation
	if err := read(r, &what); err != nil {
		return nil, err
	}
	if what.ClientID != "" { // it disables the client, which the file would enable again
		if err := d.mayChange(what.ClientID); err != nil {
			return nil, err
		}
	}
	done, err := d.Issuer.Revoke(r.Context(), what)
	d.changed("tokens revoked", "count", done.Count, err)
	return done, err
}

func (d *Desk) backup(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	if err := d.Store.Backup(w); err != nil {
		d.changed("backup", "bytes", 0, err)
		panic(http.ErrAbortHandler) // half a copy must not look like a whole one
	}
}

func (d *Desk) mayChange(id string) error {
	if d.Declared != nil && d.Declared(id) {
		return ErrDeclared
	}
	return nil
}

func (d *Desk) changed(what, name string, value any, err error) {
	switch {
	case d.Log == nil:
	case err != nil:
		d.Log.Warn("not done: "+what, name, value, "err", err)
	default:
		d.Log.Info(what, name, value)
	}
}

func read(r *http.Request, into any) error {
	body := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
	body.DisallowUnknownFields()
	if err := body.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", issuer.ErrClient, err)
	}
	return nil
}
