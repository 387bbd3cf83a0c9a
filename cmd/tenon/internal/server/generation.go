package server

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/cmd/tenon/internal/config"
	"github.com/tenon-auth/tenon/dpop"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/mtls"
)

// A generation is all that follows from one configuration and that a reload replaces as a whole.
type generation struct {
	config *config.Config
	files  fingerprint // of what config was read from
	issuer *issuer.Issuer
	main   http.Handler
	mtls   http.Handler
	life   context.Context // ends when another generation takes over
	retire context.CancelFunc
}

// origins is where the server is reached: what the configuration says, with the ports that listeners chose for 0.
type origins struct{ issuer, mtls string }

// build makes an issuer of a configuration. It changes nothing.
func (s *Server) build(cfg *config.Config) (*generation, error) {
	files := fingerprintOf(cfg, cfg.Text()) // before they are read: what changes meanwhile is found by watch
	checker, err := dpop.NewChecker(dpop.Config{
		Algorithms: algorithms(cfg.DPoP.Algorithms),
		MaxAge:     cfg.DPoP.MaxAge,
		MaxAhead:   cfg.DPoP.MaxAhead,
		Nonces:     s.nonces,
	})
	if err != nil {
		return nil, err
	}
	var certificates mtls.Source
	var authorities *x509.CertPool
	if cfg.MTLS.Listen != "" {
		certificates = mtls.TLS{}
	}
	if len(cfg.MTLS.ClientCA) > 0 {
		if authorities, err = certs.LoadPool(texts(cfg.MTLS.ClientCA)...); err != nil {
			return nil, fmt.Errorf("mtls.client_ca: %w", err)
		}
	}
	login, err := s.login(cfg)
	if err != nil {
		return nil, err
	}
	i, err := issuer.New(issuer.Config{
		Issuer:    s.origins.issuer,
		Profile:   cfg.ProfileID(),
		Store:     s.data.Store,
		Log:       s.log.issuer(),
		Signing:   s.data.Keyring,
		DPoP:      checker,
		MutualTLS: issuer.MutualTLS{MTLSOrigin: s.origins.mtls, Certificates: certificates, ClientCAs: authorities},
		Login:     login,
		Tokens:    issuer.TokenPolicy{Lifetime: cfg.AccessTokenLifetime, StatusTTL: cfg.StatusList.TTL},
		Limits:    limits(cfg),
		Observe:   s.monitor.Request,
	})
	if err != nil {
		return nil, err
	}
	g := &generation{config: cfg, files: files, issuer: i, main: s.log.beside(i.Handler()), mtls: i.MTLSHandler()}
	g.life, g.retire = context.WithCancel(context.Background())
	return g, nil
}

// newNonces makes the server's nonces. They outlive a reload, because they remember which keys were given one (RFC 9449 §11.3).
func newNonces(cfg *config.Config, keys func() [][]byte) (*dpop.Nonces, error) {
	policy := map[string]dpop.NoncePolicy{"require": dpop.RequireNonce, "offer": dpop.OfferNonce, "off": dpop.NoNonce}
	return dpop.NewNonces(dpop.NonceConfig{
		Keys: keys, Realm: "issuer", Lifetime: cfg.DPoP.NonceLifetime, Policy: policy[cfg.DPoP.Nonce],
	})
}

// limits turns the file's "0: no bound" into the issuer's.
func limits(cfg *config.Config) issuer.Limits {
	bound := func(n int) int {
		if n == 0 {
			return -1
		}
		return n
	}
	return issuer.Limits{
		Form:              int64(cfg.Limits.Body),
		ClientPerSecond:   bound(cfg.Limits.RequestsPerClient),
		RefusalsPerMinute: bound(cfg.Limits.UnauthenticatedPerAddress),
	}
}

func algorithms(names []string) []dpop.Algorithm {
	var list []dpop.Algorithm
	for _, name := range names {
		list = append(list, dpop.Algorithm(name))
	}
	return list
}

func texts(paths []config.Path) []string {
	var list []string
	for _, p := range paths {
		list = append(list, string(p))
	}
	return list
}

// basePath is the path of the issuer, "" for none.
func basePath(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return "" // the configuration was checked
	}
	return u.Path
}

// reached tells where the server is reached, once its listeners are open.
func reached(cfg *config.Config, main, mtlsAddress net.Addr) (origins, error) {
	public, err := url.Parse(cfg.Issuer)
	if err != nil {
		return origins{}, err
	}
	if public.Port() == "0" {
		public.Host = net.JoinHostPort(public.Hostname(), portOf(main))
	}
	o := origins{issuer: public.String()}
	if mtlsAddress == nil {
		return o, nil
	}
	alias := &url.URL{Scheme: "https", Host: net.JoinHostPort(public.Hostname(), portOf(mtlsAddress))}
	if cfg.MTLS.Origin != "" {
		if alias, err = url.Parse(cfg.MTLS.Origin); err != nil {
			return origins{}, err
		}
		if alias.Port() == "0" {
			alias.Host = net.JoinHostPort(alias.Hostname(), portOf(mtlsAddress))
		}
	}
	o.mtls = alias.String()
	return o, nil
}

func portOf(address net.Addr) string {
	_, port, err := net.SplitHostPort(address.String())
	if err != nil {
		return "" // a TCP listener's address has one
	}
	return port
}
