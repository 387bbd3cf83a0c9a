package issuer

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer/browser"
)

// ApproveAs says yes to a pushed request, all of it but for what edit changes.
func (i *Issuer) ApproveAs(clientID, requestURI string, a browser.Approval, edit func(*browser.Approval)) error {
	r, err := requests{i}.Open(context.Background(), clientID, requestURI)
	if err != nil {
		return err
	}
	a.Scope, a.Details = r.Scope, r.Details
	edit(&a)
	_, err = requests{i}.Approve(context.Background(), r, a)
	return err
}

// Together opens a request n times and completes it n times, each with what was opened: half of them with a no. It gives how
// many succeeded.
func (i *Issuer) Together(clientID, requestURI string, a browser.Approval, n int) (succeeded int, err error) {
	opened := make([]*browser.Request, n)
	for k := range opened {
		if opened[k], err = (requests{i}).Open(context.Background(), clientID, requestURI); err != nil {
			return 0, err
		}
	}
	outcomes := make(chan error, n)
	for k, r := range opened {
		go func() {
			if k%2 == 1 {
				_, err := requests{i}.Refuse(context.Background(), r, tenon.Refuse(tenon.AccessDenied, "person", "no"))
				outcomes <- err
				return
			}
			mine := a
			mine.Scope, mine.Details = r.Scope, r.Details
			_, err := requests{i}.Approve(context.Background(), r, mine)
			outcomes <- err
		}()
	}
	for range opened {
		switch err := <-outcomes; {
		case err == nil:
			succeeded++
		case !errors.Is(err, tenon.InvalidRequestURI):
			return succeeded, err
		}
	}
	return succeeded, nil
}

// OpenRequest opens a request and gives what the pages see of it.
func (i *Issuer) OpenRequest(clientID, requestURI string) (*browser.Request, error) {
	return requests{i}.Open(context.Background(), clientID, requestURI)
}

// RefuseAll says no to a pushed request.
func (i *Issuer) RefuseAll(clientID, requestURI string) error {
	r, err := i.OpenRequest(clientID, requestURI)
	if err == nil {
		_, err = requests{i}.Refuse(context.Background(), r, tenon.Refuse(tenon.AccessDenied, "person", "no"))
	}
	return err
}

// EndGrant ends a grant as the person's own page does.
func (i *Issuer) EndGrant(subject, id string) error {
	return grantList{i}.End(context.Background(), subject, id)
}

// SignAs signs claims with the key that signs now, as a token of the given type.
func (i *Issuer) SignAs(typ string, claims map[string]any) (string, error) {
	key, err := i.cfg.Signing.active(i.cfg.Now())
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	return key.sign(typ, payload)
}
