package issuer

import (
	"context"
	"net/url"

	"github.com/tenon-auth/tenon/issuer/browser"
)

// ApproveAll says yes to a pushed request as the pages do, to all of it, and gives the parameters of the redirect. Tests outside
// the package use it in the place of a browser.
func (i *Issuer) ApproveAll(ctx context.Context, clientID, requestURI string, a browser.Approval) (url.Values, error) {
	r, err := requests{i}.Open(ctx, clientID, requestURI)
	if err != nil {
		return nil, err
	}
	a.Scope, a.Details = r.Scope, r.Details
	redirect, err := requests{i}.Approve(ctx, r, a)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(redirect)
	if err != nil {
		return nil, err
	}
	return u.Query(), nil
}

// GrantsOf lists what a person has allowed, as the person's own page does.
func (i *Issuer) GrantsOf(ctx context.Context, person string) ([]browser.Grant, error) {
	return grantList{i}.Of(ctx, person)
}
