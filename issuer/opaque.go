package issuer

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/store"
)

// What opaque tokens begin with. A scanner for leaked secrets finds them, and nobody takes one kind for another.
const (
	opaquePrefix  = "tno_" // an access token
	refreshPrefix = "tnr_" // a refresh token
)

// An opaque token is a prefix, the index of its entry in the log, and a secret. The index says where its record is, so that no
// second name needs to be kept; the secret is all that counts.
func indexed(prefix string, index uint64, secret string) string {
	return prefix + strconv.FormatUint(index, 36) + "." + secret
}

// splitIndexed takes such a token apart. There is one way to write each.
func splitIndexed(prefix, token string) (index uint64, secret string, ok bool) {
	rest, ok := strings.CutPrefix(token, prefix)
	if !ok || len(token) > 128 {
		return 0, "", false
	}
	number, secret, ok := strings.Cut(rest, ".")
	index, err := strconv.ParseUint(number, 36, 64)
	return index, secret, ok && err == nil && secret != "" && strconv.FormatUint(index, 36) == number
}

// findOpaque gives the record of an opaque access token that is alive, or store.ErrNotFound. Whether it was revoked is not
// looked at.
func findOpaque(ctx context.Context, s store.Store, token string) (item store.Item[tokenRecord], index uint64, err error) {
	index, secret, ok := splitIndexed(opaquePrefix, token)
	if !ok {
		return item, 0, store.ErrNotFound
	}
	item, err = liveTokens.Get(ctx, s, store.LeafID(index))
	if err != nil {
		return item, 0, err
	}
	if o := item.Value.Opaque; o == nil || o.Secret != secretID(secret) { // digests: how far they agree tells nobody anything
		return item, 0, store.ErrNotFound
	}
	return item, index, nil
}

// opaqueClaims gives what an opaque token stands for, as a JWT would say it.
func (i *Issuer) opaqueClaims(t tokenRecord, index uint64) (claims tenon.Claims, err error) {
	if t.Opaque == nil {
		return claims, fmt.Errorf("issuer: the token of entry %d is not opaque", index)
	}
	if err := claims.UnmarshalJSON(t.Opaque.Claims); err != nil {
		return claims, fmt.Errorf("issuer: the token of entry %d: %w", index, err)
	}
	i.place(&claims, index)
	return claims, nil
}

// wantsOpaque says in which form a client gets tokens for a resource: as it is registered, and else as the resource wants.
func (i *Issuer) wantsOpaque(c *Client, audience []string) bool {
	switch c.TokenFormat {
	case OpaqueFormat:
		return true
	case JWTFormat:
		return false
	}
	return slices.Contains(i.cfg.Codes.Opaque, audience[0])
}
