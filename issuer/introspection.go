package issuer

import "context"

// processIntrospection is the introspection endpoint without HTTP (RFC 7662).
func (i *Issuer) processIntrospection(ctx context.Context, req *call, e *Event) (_ reply, nonce string, err error) {
	id, err := i.identify(ctx, req, e, i.cfg.Now())
	if err != nil {
		return reply{}, id.nonce, err
	}
	return reply{200, map[string]bool{"active": false}}, id.nonce, nil
}
