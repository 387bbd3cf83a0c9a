package demo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/client"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/child"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/mtls"
)

// A stage is the play's actors and what they hold.
type stage struct {
	*scenery
	program child.Program
	began   time.Time
	cast    Cast
	issuer  *issuing
	api     *apiProcess
	front   *shopfront

	shop, bank *client.Client
	forger     *client.Client // asks the issuer for tokens in shop's name, with keys of the thief's own
	lines      lines

	loot     loot // copied from shop
	bankLoot loot // copied from bank
}

// lines are connections to the API without anybody's client library, by the certificate that they show.
type lines struct{ bare, bank, thief *http.Client }

// setUp starts the servers and makes the clients. On an error nothing is left running.
func setUp(ctx context.Context, cfg Config) (_ *stage, err error) {
	s := &stage{program: cfg.Program, began: time.Now(), cast: Cast{Dir: cfg.Dir}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.tearDown())
		}
	}()
	if s.scenery, err = build(cfg.Dir); err != nil {
		return nil, fmt.Errorf("the folder %s cannot be made ready: %w", cfg.Dir, err)
	}
	if s.api, err = openAPI(cfg.Without); err != nil {
		return nil, err
	}
	if s.front, err = openShopfront(); err != nil {
		return nil, err
	}
	s.cast.API, s.cast.Shop = s.api.origin, s.front.origin
	if err = s.configure(s.cast.API, s.front.callback()); err != nil {
		return nil, err
	}
	if err = s.startIssuer(ctx); err != nil {
		return nil, err
	}
	if err = s.api.start(ctx, s); err != nil {
		return nil, err
	}
	if err = s.introduce(s.cast); err != nil {
		return nil, err
	}
	if err = s.dress(); err != nil {
		return nil, err
	}
	return s, s.front.start(ctx, s)
}

// tearDown stops whoever is there.
func (s *stage) tearDown() error {
	var faults []error
	if s.front != nil {
		faults = append(faults, s.front.close())
	}
	if s.api != nil {
		faults = append(faults, s.api.close())
	}
	if s.issuer != nil {
		faults = append(faults, s.issuer.close())
	}
	return errors.Join(faults...)
}

// dress makes the clients: two honest ones as any program would have them, and what a thief works with.
func (s *stage) dress() (err error) {
	bank, thief := shown(s.bankLeaf), shown(s.thiefLeaf)
	s.lines = lines{bare: s.line(nil), bank: s.line(bank), thief: s.line(thief)}
	s.shop, err = client.New(client.Config{
		Issuer: s.cast.Issuer, ClientID: shopID, RootCAs: s.roots,
		Key: s.shopKey, Assertion: assertion(s.shopAssertion),
	})
	if err != nil {
		return err
	}
	s.bank, err = client.New(client.Config{Issuer: s.cast.Issuer, ClientID: bankID, RootCAs: s.roots, Certificate: bank})
	if err != nil {
		return err
	}
	forged := assertion(s.thiefAssertion)
	forged.KeyID = s.shopAssertion.Thumbprint() // anybody can know it
	s.forger, err = client.New(client.Config{
		Issuer: s.cast.Issuer, ClientID: shopID, RootCAs: s.roots,
		Key: s.thiefKey, Assertion: forged,
	})
	return err
}

// A showing gives the certificate that a connection shows.
type showing = func(*tls.CertificateRequestInfo) (*tls.Certificate, error)

func shown(leaf *certs.Leaf) showing {
	card := leaf.TLS()
	return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &card, nil }
}

// line makes connections that are used once, so that each step stands for itself.
func (s *stage) line(certificate showing) *http.Client {
	return &http.Client{
		Timeout:   patience,
		Transport: &http.Transport{TLSClientConfig: mtls.ClientConfig(s.roots, certificate), DisableKeepAlives: true},
	}
}

func assertion(key *dpop.Key) *client.AssertionKey {
	return &client.AssertionKey{Signer: key.Signer(), Algorithm: key.Algorithm(), KeyID: key.Thumbprint()}
}
