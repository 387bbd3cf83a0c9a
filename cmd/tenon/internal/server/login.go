package server

import (
	"fmt"

	"github.com/tenon-auth/tenon/cmd/tenon/internal/config"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/issuer/people"
	"github.com/tenon-auth/tenon/issuer/rar"
	"github.com/tenon-auth/tenon/issuer/ui"
)

// openPeople opens the directory of who can log in. at is where the server is reached, which passkeys are bound to.
func (d *Data) openPeople(cfg *config.Config, at string) (err error) {
	if !cfg.HasLogin() {
		return nil
	}
	d.People, err = people.New(people.Config{Store: d.Store, Issuer: at, Name: cfg.OperatorName(), Secrets: d.Nonces.Keys})
	return err
}

// login gives what the issuer needs so that people can log in. Who is locked out for how long outlives a reload, with the
// directory that counts it.
func (s *Server) login(cfg *config.Config) (issuer.Login, error) {
	if !cfg.HasLogin() {
		return issuer.Login{}, nil
	}
	l := issuer.Login{
		People: s.data.People, Sessions: s.sessions, Secrets: s.data.Nonces.Keys, Codes: cfg.CodePolicy(), Scopes: cfg.Login.Scopes,
	}
	var err error
	if l.Pages, err = ui.New(ui.Config{Name: cfg.OperatorName(), Base: basePath(s.origins.issuer)}); err != nil {
		return issuer.Login{}, err
	}
	if l.Details, err = detailTypes(cfg.Login.DetailTypes); err != nil {
		return issuer.Login{}, fmt.Errorf("login.authorization_details_types: %w", err)
	}
	return l, nil
}

// detailTypes registers the types of authorization_details that the configuration names.
func detailTypes(names []string) (*rar.Registry, error) {
	var types []rar.Type
	for _, t := range rar.Builtin() {
		for _, name := range names {
			if t.Name == name {
				types = append(types, t)
			}
		}
	}
	return rar.NewRegistry(types...)
}

func newSessions(cfg *config.Config, d *Data) (*people.Sessions, error) {
	if !cfg.HasLogin() {
		return nil, nil
	}
	return people.NewSessions(people.SessionConfig{Store: d.Store, Idle: cfg.Login.SessionIdle, Lifetime: cfg.Login.SessionLifetime})
}
