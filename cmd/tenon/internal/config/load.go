package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Load reads and judges the file. The error is a *[Faults] when the file can be read and is wrong; the configuration is then
// nil. Files that settings name are not opened but for the keys of declared clients; see [Config.CheckFiles].
func Load(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no configuration file %s: name one with --config, or make one with `tenon init DIR`", path)
	}
	if err != nil {
		return nil, err
	}
	return Parse(path, text)
}

// Parse is [Load] for a file that has been read: path tells its name in faults and what relative paths are relative to.
func Parse(path string, text []byte) (*Config, error) {
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	c, r := decode(source{path: path, dir: dir, text: text})
	contradictions(c, r)
	if err := r.faults.asError(); err != nil {
		return nil, err
	}
	return c, nil
}

func decode(from source) (*Config, *reader) {
	from.marks = map[string]mark{}
	r := &reader{source: from, faults: Faults{Path: from.path, text: from.text}}
	c := &Config{}
	r.read(c)
	c.source = r.source
	return c, r
}

// Path gives the file that the configuration was read from.
func (c *Config) Path() string { return c.source.path }

// Text gives the file as it was read.
func (c *Config) Text() []byte { return c.source.text }

// CheckFiles reports every file that the settings name and that is not there. It is apart from [Load], because most commands
// need the settings only.
func (c *Config) CheckFiles() error {
	r := &reader{source: c.source, faults: Faults{Path: c.source.path, text: c.source.text}}
	check := func(setting string, path Path, mend string) {
		info, err := os.Stat(string(path))
		switch {
		case err != nil:
			r.fault(c.source.nearestMark(setting), setting, "%s names a file that cannot be read (%v): %s", setting, err, mend)
		case !info.Mode().IsRegular():
			r.fault(c.source.nearestMark(setting), setting, "%s names %s, which is not a file: %s", setting, path, mend)
		}
	}
	check("tls.certificate", c.TLS.Certificate, "make one with `tenon certs server`")
	check("tls.key", c.TLS.Key, "make one with `tenon certs server`")
	for i, ca := range c.MTLS.ClientCA {
		check(fmt.Sprintf("mtls.client_ca[%d]", i), ca, "make one with `tenon certs init`")
	}
	return r.faults.asError()
}
