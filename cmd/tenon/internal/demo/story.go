package demo

import (
	"net/http"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/audit"
)

// story is the play. What each step must end in stands beside it; nothing else decides whether the demo succeeds.
func (s *stage) story() []chapter {
	return []chapter{
		{"Two honest clients", s.honestSteps()},
		{"A thief has copied shop's token, and the proof that went with it", s.copiedSteps()},
		{"Now the thief holds requests back: fresh proofs by shop's own key that the API has not seen yet", s.caughtSteps()},
		{"The thief has bank's token too", s.certificateSteps()},
		{"Where tokens come from", s.issuerSteps()},
		{"After all of that", []step{
			{"shop pays; its library got a new token by itself", answered(http.StatusCreated), s.pays(s.shop, &s.loot)},
			{"bank pays with the token it had", answered(http.StatusCreated), s.pays(s.bank, &s.bankLoot)},
		}},
		{"The auditor, who trusts nobody's word: the binding log of all that", []step{
			{"the binding log, verified as it lies on the disk", Wanted{Finding: clean}, s.auditsLogs},
			{"one byte of an entry changed on the disk, in a copy", Wanted{Finding: audit.LeafMismatch}, s.tampersWithLog},
		}},
	}
}

// answered is what must come of an honest call.
func answered(status int) Wanted { return Wanted{Status: status} }

// refused is what must come of an attack on the API.
func refused(code tenon.Code, check string) Wanted {
	return Wanted{Status: http.StatusUnauthorized, Code: code, Check: check}
}

func (s *stage) honestSteps() []step {
	return []step{
		{"shop, a client with a DPoP key, gets a token", answered(http.StatusOK), s.getsToken(s.shop, "POST /token · client assertion by shop's registered key · DPoP: proof by the key to bind to")},
		{"and pays", answered(http.StatusCreated), s.pays(s.shop, &s.loot)},
		{"bank, a client with a certificate, gets a token", answered(http.StatusOK), s.getsToken(s.bank, "POST /token over mutual TLS · bank's certificate says who asks, and is bound to")},
		{"and pays", answered(http.StatusCreated), s.pays(s.bank, &s.bankLoot)},
	}
}

func (s *stage) copiedSteps() []step {
	return []step{
		{"the token alone, as Bearer", refused(tenon.InvalidToken, "downgrade"), s.tries(s.bearer)},
		{"the token alone, with the DPoP scheme", refused(tenon.InvalidDPoPProof, "no_proof"), s.tries(s.withoutProof)},
		{"the token with a proof by the thief's own key", refused(tenon.InvalidToken, "jkt"), s.tries(s.ownKey)},
		{"the copied proof, sent once more", refused(tenon.InvalidDPoPProof, "replay"), s.tries(s.replay)},
		{"the same after the API was killed (-9) and restarted", refused(tenon.InvalidDPoPProof, "replay"), s.replayAfterCrash},
	}
}

func (s *stage) caughtSteps() []step {
	return []step{
		{"downgrade: the token as Bearer beside a good proof", refused(tenon.InvalidToken, "downgrade"), s.tries(s.downgrade())},
		{"altered URL: the proof is for another path", refused(tenon.InvalidDPoPProof, "htu"), s.tries(s.otherURL())},
		{"altered method: the proof is for reading, not for paying", refused(tenon.InvalidDPoPProof, "htm"), s.tries(s.otherMethod())},
		{"an old proof, held back for ten minutes", refused(tenon.InvalidDPoPProof, "iat"), s.tries(s.oldProof)},
		{"a proof made ahead of time, without the API's nonce", refused(tenon.UseDPoPNonce, "nonce"), s.tries(s.madeAhead)},
	}
}

func (s *stage) certificateSteps() []step {
	return []step{
		{"the token without a certificate", refused(tenon.InvalidToken, "certificate"), s.tries(s.withBanksToken(s.lines.bare))},
		{"the token with the thief's certificate, of the same CA", refused(tenon.InvalidToken, "certificate"), s.tries(s.withBanksToken(s.lines.thief))},
		{"the token with a DPoP proof in place of the certificate", refused(tenon.InvalidToken, "unbound"), s.tries(s.keyForCertificate)},
	}
}

func (s *stage) issuerSteps() []step {
	return []step{
		{
			"the thief asks the issuer for a token in shop's name",
			Wanted{Status: http.StatusUnauthorized, Code: tenon.InvalidClient},
			s.getsToken(s.forger, "POST /token · client assertion for shop, signed by the thief's key · DPoP: proof by the thief's key"),
		},
		{"shop alters its token to allow more, with a good proof", refused(tenon.InvalidToken, "signature"), s.tries(s.moreScope)},
		{"shop's token with a good proof, after `tenon revoke`", refused(tenon.InvalidToken, "revoked"), s.afterRevocation},
	}
}
