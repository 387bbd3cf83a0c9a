package issuer

import "context"

// processRevocation is the revocation endpoint without HTTP (RFC 7009).
func (i *Issuer) processRevocation(ctx context.Context, req *call, e *Event) (_ reply, nonce string, err error) {
	id, err := i.identify(ctx, req, e, i.cfg.Now())
	if err != nil {
		return reply{}, id.nonce, err
	}
	return reply{status: 200}, id.nonce, nil
}
