package issuer

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/tenon-auth/tenon/store"
)

// pairwiseSubjects is the way back from pairwise subjects, which are their names. They are never given to somebody else, so
// the records stay.
var pairwiseSubjects = store.Collection[pairwiseRecord]{Kind: "pairwise_subjects"}

// pairwiseRecord says whose subject it is.
type pairwiseRecord struct {
	Person string `json:"person"`
}

// personKnownAs tells whom a client means by a subject that it was told. store.ErrNotFound: nobody whom it could know by that
// name.
func (i *Issuer) personKnownAs(ctx context.Context, c *Client, subject string) (string, error) {
	person := subject
	if strings.HasPrefix(subject, pairwisePrefix) {
		item, err := pairwiseSubjects.Get(ctx, i.cfg.Store, subject)
		if err != nil {
			return "", err
		}
		person = item.Value.Person
	}
	switch again, err := i.subject(ctx, c, person); {
	case err != nil:
		return "", err
	case again != subject: // a name that another sector knows the person by
		return "", store.ErrNotFound
	}
	return person, nil
}

// rememberSubject keeps the way back from the name by which a client is going to know a person. It is kept before the person's
// yes counts, and by itself, because it is good for every request of the client's sector.
func (i *Issuer) rememberSubject(ctx context.Context, c *Client, person string) error {
	if c.SubjectType != PairwiseSubjects {
		return nil
	}
	subject, err := i.subject(ctx, c, person)
	if err != nil {
		return err
	}
	if _, err := pairwiseSubjects.Get(ctx, i.cfg.Store, subject); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	var change store.Change
	if err := pairwiseSubjects.Insert(&change, subject, pairwiseRecord{person}, time.Time{}); err != nil {
		return err
	}
	if _, err := i.cfg.Store.Commit(ctx, &change); !isConflict(err) {
		return err
	}
	return nil // somebody else was faster, and kept the same
}
