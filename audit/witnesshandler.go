package audit

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// A refusal is a request that a witness does not cosign, and what the log is told.
type refusal struct {
	status int
	text   string
	isSize bool // text is a tree size and nothing else
	forked bool // the log may have signed two histories
}

func (r *refusal) Error() string { return r.text }

// The refusals that C2SP tlog-witness knows (add-checkpoint).
var (
	refuseBad     = &refusal{status: http.StatusBadRequest, text: "malformed, or the old size is the larger one"}
	refuseUnknown = &refusal{status: http.StatusNotFound, text: "unknown log"}
	refuseKey     = &refusal{status: http.StatusForbidden, text: "no signature by a key of this log"}
	refuseProof   = &refusal{status: http.StatusUnprocessableEntity, text: "the proof does not show that this extends what was cosigned", forked: true}
	refuseFaulty  = &refusal{status: http.StatusBadRequest, text: "the request cannot be read"}
	refuseLarge   = &refusal{status: http.StatusRequestEntityTooLarge, text: "the request is too large"}
)

// refuseSize tells the size that the witness cosigned last. It is asked about another one, or, when forked is true, about
// another log of that size.
func refuseSize(known int64, forked bool) *refusal {
	return &refusal{status: http.StatusConflict, text: strconv.FormatInt(known, 10), isSize: true, forked: forked}
}

// Handler serves POST /add-checkpoint. There is no other authentication than the log's signature: put what counts requests in front of
// it when it is open to the world.
func (w *WitnessServer) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", w.serveAddCheckpoint)
	return mux
}

func (w *WitnessServer) serveAddCheckpoint(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxAddCheckpoint))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		w.refuse(rw, r, refuseLarge)
		return
	}
	if err != nil {
		w.refuse(rw, r, refuseFaulty)
		return
	}
	line, head, err := w.process(body)
	if err != nil {
		w.refuse(rw, r, err)
		if known := (*refusal)(nil); errors.As(err, &known) && known.forked { // kept as evidence: the signature in it is the log's
			w.log.WarnContext(r.Context(), "a log shows two histories, or somebody a wrong proof", "request", string(body))
		}
		return
	}
	w.log.InfoContext(r.Context(), "cosigned", "origin", head.Origin, "size", head.Size)
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = rw.Write(line) // the log asks again when it did not arrive
}

// refuse answers a request that is not cosigned. What went wrong in here is not told.
func (w *WitnessServer) refuse(rw http.ResponseWriter, r *http.Request, err error) {
	var known *refusal
	if !errors.As(err, &known) {
		w.log.ErrorContext(r.Context(), "cannot cosign", "error", err)
		http.Error(rw, "internal error", http.StatusInternalServerError)
		return
	}
	w.log.DebugContext(r.Context(), "refused", "status", known.status, "reason", known.text) // anybody can cause it
	if !known.isSize {
		http.Error(rw, known.text, known.status)
		return
	}
	rw.Header().Set("Content-Type", sizeType)
	rw.WriteHeader(known.status)
	fmt.Fprintln(rw, known.text)
}
