package demo

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// stale is how old the old proof is; a proof may be a minute old.
const stale = 10 * time.Minute

// A trick is one of the thief's calls, made when its turn comes.
type trick func() (call, error)

// tries has the thief make a call.
func (s *stage) tries(t trick) func(context.Context) (Outcome, error) {
	return func(ctx context.Context) (Outcome, error) {
		c, err := t()
		if err != nil {
			return Outcome{}, err
		}
		return s.send(ctx, c)
	}
}

// withShopsToken is a payment with shop's token and whatever proof.
func (s *stage) withShopsToken(scheme, proof string) call {
	return call{method: http.MethodPost, path: "/payments", scheme: scheme, token: s.loot.token, proof: proof, over: s.lines.bare}
}

func (s *stage) bearer() (call, error) { return s.withShopsToken("Bearer", ""), nil }

func (s *stage) withoutProof() (call, error) { return s.withShopsToken("DPoP", ""), nil }

func (s *stage) replay() (call, error) { return s.withShopsToken("DPoP", s.loot.proof), nil }

func (s *stage) ownKey() (call, error) {
	proof, err := s.thiefKey.Proof(s.target(http.MethodPost, "/payments"))
	return s.withShopsToken("DPoP", proof), err
}

// replayAfterCrash kills the API without warning, starts it again and shows it the proof that it accepted before.
func (s *stage) replayAfterCrash(ctx context.Context) (Outcome, error) {
	if err := s.settle(ctx); err != nil {
		return Outcome{}, err
	}
	pid := s.api.cmd.Process.Pid
	if err := s.api.crash(); err != nil {
		return Outcome{}, err
	}
	if err := s.api.start(ctx, s); err != nil {
		return Outcome{}, err
	}
	outcome, err := s.send(ctx, s.withShopsToken("DPoP", s.loot.proof))
	outcome.Sent = fmt.Sprintf("kill -9 %d, a new API process %d, then %s", pid, s.api.cmd.Process.Pid, outcome.Sent)
	return outcome, err
}

// caught is a trick with a fresh proof of shop's that the API has never seen, as if the thief had held the request back. The
// proof is for method on /payments; change makes another request of it.
func (s *stage) caught(method string, change func(*call)) trick {
	return func() (call, error) {
		proof, err := s.shopKey.Proof(s.target(method, "/payments"))
		c := s.withShopsToken("DPoP", proof)
		change(&c)
		return c, err
	}
}

func (s *stage) downgrade() trick {
	return s.caught(http.MethodPost, func(c *call) { c.scheme = "Bearer" })
}

func (s *stage) otherURL() trick {
	return s.caught(http.MethodGet, func(c *call) { c.method, c.path = http.MethodGet, "/accounts" })
}

func (s *stage) otherMethod() trick {
	return s.caught(http.MethodGet, func(c *call) { c.method = http.MethodPost })
}

func (s *stage) oldProof() (call, error) {
	target := s.target(http.MethodPost, "/payments")
	target.Time = time.Now().Add(-stale)
	proof, err := s.shopKey.Proof(target)
	return s.withShopsToken("DPoP", proof), err
}

// madeAhead is a good proof but for the nonce, which nobody can know ahead of time.
func (s *stage) madeAhead() (call, error) {
	target := s.target(http.MethodPost, "/payments")
	target.Nonce = ""
	proof, err := s.shopKey.Proof(target)
	return s.withShopsToken("DPoP", proof), err
}

// moreScope is shop's own trick: it has the key and can prove anything, but cannot sign for the issuer.
func (s *stage) moreScope() (call, error) {
	token, err := tampered(s.loot.token)
	if err != nil {
		return call{}, err
	}
	target := s.target(http.MethodPost, "/payments")
	target.AccessToken = token
	proof, err := s.shopKey.Proof(target)
	c := s.withShopsToken("DPoP", proof)
	c.token = token
	return c, err
}

// withBanksToken is a payment with bank's token over somebody's connection.
func (s *stage) withBanksToken(over *http.Client) trick {
	return func() (call, error) {
		return call{method: http.MethodPost, path: "/payments", scheme: "Bearer", token: s.bankLoot.token, over: over}, nil
	}
}

// keyForCertificate offers another kind of proof than the token asks for.
func (s *stage) keyForCertificate() (call, error) {
	target := s.target(http.MethodPost, "/payments")
	target.AccessToken = s.bankLoot.token
	proof, err := s.thiefKey.Proof(target)
	return call{method: http.MethodPost, path: "/payments", scheme: "DPoP", token: s.bankLoot.token, proof: proof, over: s.lines.bare}, err
}

// freshProof is what shop itself would send.
func (s *stage) freshProof() trick {
	return s.caught(http.MethodGet, func(c *call) { c.method = http.MethodGet })
}
