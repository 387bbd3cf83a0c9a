package config

import (
	"strings"

	"github.com/tenon-auth/tenon/audit"
)

// LogOrigin is the name of the binding log.
func (c *Config) LogOrigin() string {
	if c.BindingLog.Origin != "" {
		return c.BindingLog.Origin
	}
	return strings.TrimPrefix(c.Issuer, "https://") + "/log"
}

func (j judge) bindingLog() {
	if origin := j.LogOrigin(); !audit.IsOrigin(origin) {
		j.fault("binding_log.origin", "binding_log.origin cannot be %q: write printable characters without spaces and +, as as.example.com/log", origin)
	}
}
