package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// errOtherSize means that the witness cosigned another size last than it was told. It has said which: try again.
var errOtherSize = errors.New("the witness names another size each time")

// sizeType is the type of an answer that consists of a tree size.
const sizeType = "text/x.tlog.size"

// send makes one request and judges the answer (C2SP tlog-witness, add-checkpoint). Whatever a witness says of its state is
// noted in c.
func (w *Witnesses) send(ctx context.Context, c *correspondent, a AddCheckpoint, head Checkpoint) (note.Signature, error) {
	status, kind, body, err := w.post(ctx, c.endpoint, a.Format())
	if err != nil {
		return note.Signature{}, err
	}
	switch status {
	case http.StatusOK:
		sig, err := c.cosignature(head, body)
		if err == nil {
			c.known = head.Size
		}
		return sig, err
	case http.StatusConflict:
		return note.Signature{}, c.conflict(a, head, kind, body)
	case http.StatusUnprocessableEntity:
		return note.Signature{}, c.unproven(a, head)
	case http.StatusNotFound:
		return note.Signature{}, fmt.Errorf("it does not know the log %q", head.Origin)
	case http.StatusForbidden:
		return note.Signature{}, errors.New("it does not accept the key of the log")
	}
	return note.Signature{}, fmt.Errorf("it answered with status %d", status)
}

// post sends a request. It reads no more of the answer than a witness can have to say.
func (w *Witnesses) post(ctx context.Context, endpoint string, body []byte) (status int, kind string, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		return 0, "", nil, err
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	resp, err := w.client.Do(req)
	if err != nil {
		return 0, "", nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxWitnessAnswer+1))
	if err == nil && len(answer) > maxWitnessAnswer {
		err = fmt.Errorf("%w: an answer of more than %d bytes", ErrMalformed, maxWitnessAnswer)
	}
	if err != nil {
		return 0, "", nil, err
	}
	kind, _, _ = mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return resp.StatusCode, kind, answer, nil
}

// maxWitnessAnswer bounds an answer: a few signature lines.
const maxWitnessAnswer = 16 << 10

// cosignature takes this witness's cosignature of a checkpoint from its answer. Signatures by others are ignored (C2SP
// tlog-witness), a wrong one is an error.
func (c *correspondent) cosignature(head Checkpoint, lines []byte) (note.Signature, error) {
	signed := append([]byte(head.Format()+"\n"), lines...)
	_, n, err := OpenSigned(signed, note.VerifierList(c.Verifier)) // an answer that adds a line to the text makes it no checkpoint
	if err != nil {
		return note.Signature{}, err
	}
	if _, err := CosignatureTime(n.Sigs[0]); err != nil {
		return note.Signature{}, err
	}
	return n.Sigs[0], nil
}

// conflict judges the size that a witness says it cosigned last.
func (c *correspondent) conflict(a AddCheckpoint, head Checkpoint, kind string, body []byte) error {
	line, ok := strings.CutSuffix(string(body), "\n")
	at, err := parseSize(line)
	if kind != sizeType || !ok || err != nil {
		return fmt.Errorf("%w: it refuses the old size and does not say which is right", ErrMalformed)
	}
	c.known = at
	switch {
	case at > head.Size:
		return found(LocalBehindWitness, -1, "the log has %d entries here, and witness %s cosigned %d", head.Size, c.Name, at)
	case at == head.Size && a.Old == head.Size:
		return found(SplitView, -1, "witness %s cosigned another log of %d entries than this one with the root %s", c.Name, at, head.Root)
	}
	return errOtherSize
}

// unproven is what a refused proof means. The proof was made of tiles that have the checkpoint's root, so the witness's root for the
// old size is another one.
func (c *correspondent) unproven(a AddCheckpoint, head Checkpoint) error {
	if a.Old == head.Size {
		return found(SplitView, -1, "witness %s cosigned another log of %d entries than this one with the root %s", c.Name, a.Old, head.Root)
	}
	return found(Fork, -1, "witness %s does not find that the log of %d entries extends the one of %d that it cosigned", c.Name, head.Size, a.Old)
}
