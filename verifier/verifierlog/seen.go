package verifierlog

import "crypto/sha256"

// A digest names a token.
type digest = [sha256.Size]byte

// A firstUse is where the log has the first use of a token.
type firstUse struct {
	index  uint64
	claims string // digest of the token's claims
}

// seen remembers tokens, in two generations: when the young one is full it becomes the old one, and the tokens that nobody came
// with since then are forgotten. It belongs to one goroutine.
type seen struct {
	young, old map[digest]firstUse
	limit      int // of each generation
}

func newSeen(tokens int) *seen {
	return &seen{young: map[digest]firstUse{}, limit: max(1, tokens/2)}
}

func (s *seen) has(d digest) bool {
	_, ok := s.get(d)
	return ok
}

func (s *seen) get(d digest) (firstUse, bool) {
	u, ok := s.young[d]
	if ok {
		return u, true
	}
	if u, ok = s.old[d]; ok {
		s.add(d, u)
	}
	return u, ok
}

func (s *seen) add(d digest, u firstUse) {
	if len(s.young) >= s.limit {
		s.old, s.young = s.young, map[digest]firstUse{}
	}
	s.young[d] = u
}
