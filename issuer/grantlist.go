package issuer

import (
	"context"
	"errors"
	"slices"

	"github.com/tenon-auth/tenon/issuer/browser"
	"github.com/tenon-auth/tenon/store"
)

// grantList is what people have allowed, as they see it themselves.
type grantList struct{ *Issuer }

var _ browser.Grants = grantList{}

// Of lists the grants of a person, newest first. The client's name is as it is registered now.
func (l grantList) Of(ctx context.Context, subject string) ([]browser.Grant, error) {
	var all []browser.Grant
	for item, err := range personGrants.All(ctx, l.cfg.Store, grantsOf(subject)) {
		if err != nil {
			return nil, err
		}
		g := item.Value
		info, err := l.infoOf(ctx, g.ClientID)
		if err != nil {
			return nil, err
		}
		all = append(all, browser.Grant{
			ID: item.ID, Client: info, Scope: g.Scope, Details: g.Details, Resources: g.Resources,
			Created: g.Created, Used: g.Used, Expires: item.Expires,
		})
	}
	slices.SortStableFunc(all, func(a, b browser.Grant) int { return b.Created.Compare(a.Created) })
	return all, nil
}

// infoOf tells about a client that may be gone.
func (l grantList) infoOf(ctx context.Context, clientID string) (browser.ClientInfo, error) {
	c, err := l.clients.find(ctx, clientID)
	if errors.Is(err, store.ErrNotFound) {
		return browser.ClientInfo{ID: clientID}, nil
	}
	if err != nil {
		return browser.ClientInfo{}, err
	}
	info := clientInfo(&c.Client)
	if len(c.RedirectURIs) > 0 {
		info.RedirectOrigin = originOf(c.RedirectURIs[0])
	}
	return info, nil
}

// End ends a grant and all that came from it.
func (l grantList) End(ctx context.Context, subject, id string) error {
	item, err := personGrants.Get(ctx, l.cfg.Store, id)
	if err != nil {
		return err
	}
	if item.Value.Person != subject {
		return store.ErrNotFound // somebody else's: as good as none
	}
	return l.endGrant(ctx, id, "person")
}
