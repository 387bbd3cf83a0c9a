package config

import (
	"net/url"

	"github.com/tenon-auth/tenon/issuer"
)

// HasLogin reports whether people can log in.
func (c *Config) HasLogin() bool { return c.Login.People != "off" }

// OperatorName is what people are told about who runs the server.
func (c *Config) OperatorName() string {
	if c.Login.Name != "" {
		return c.Login.Name
	}
	u, err := url.Parse(c.Issuer)
	if err != nil {
		return c.Issuer
	}
	return u.Hostname()
}

// CodePolicy gives the lifetimes as the issuer knows them.
func (c *Config) CodePolicy() issuer.CodePolicy {
	l := c.Login
	return issuer.CodePolicy{
		Request: l.RequestLifetime, Code: l.CodeLifetime, Grant: l.GrantLifetime, Grace: l.RotationGrace, Opaque: l.OpaqueResources,
	}
}

func (j judge) login() {
	l := j.Login
	if l.SessionIdle > l.SessionLifetime {
		j.fault("login.session_idle", "login.session_idle (%s) is longer than login.session_lifetime (%s): shorten it", FormatDuration(l.SessionIdle), FormatDuration(l.SessionLifetime))
	}
	if !j.HasLogin() {
		for _, setting := range []string{"name", "scopes", "opaque_token_resources"} {
			if j.source.written("login." + setting) {
				j.fault("login."+setting, "login.%s has no use while login.people is off: remove one of the two", setting)
			}
		}
	}
}
