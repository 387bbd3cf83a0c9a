package admin

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/store"
)

// ErrDeclared means that the client is declared in the configuration file and changes only there.
var ErrDeclared = errors.New("the client is declared in the configuration file and changes only there (\"disabled: true\" revokes its tokens too); a running server takes the change over by itself")

// A fault is an error on the wire.
type fault struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// A kind is an error that a command can do something about, with the word and the status that stand for it.
type kind struct {
	err    error
	word   string
	status int
}

func kinds() []kind {
	return []kind{
		{store.ErrNotFound, "not_found", http.StatusNotFound},
		{issuer.ErrClientExists, "exists", http.StatusConflict},
		{issuer.ErrChanged, "changed", http.StatusConflict},
		{issuer.ErrClient, "invalid", http.StatusBadRequest},
		{ErrDeclared, "declared", http.StatusForbidden},
		{people.ErrExists, "person_exists", http.StatusConflict},
		{people.ErrWeak, "weak_password", http.StatusBadRequest},
		{people.ErrInvalid, "invalid_person", http.StatusBadRequest},
		{ErrNoPeople, "no_people", http.StatusConflict},
	}
}

// respondFault writes an error. The caller is the operator, who may read everything.
func respondFault(w http.ResponseWriter, err error) {
	status, word := http.StatusInternalServerError, "failed"
	for _, k := range kinds() {
		if errors.Is(err, k.err) {
			status, word = k.status, k.word
			break
		}
	}
	respond(w, status, fault{word, err.Error()})
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // the command that asked has gone away when this fails
}

// told is an error that came over the wire: its text, and the sentinel that its word stands for.
type told struct {
	text string
	is   error
}

func (t *told) Error() string { return t.text }
func (t *told) Unwrap() error { return t.is }

func (f fault) err() error {
	for _, k := range kinds() {
		if k.word == f.Kind {
			return &told{f.Text, k.err}
		}
	}
	return errors.New(f.Text)
}
