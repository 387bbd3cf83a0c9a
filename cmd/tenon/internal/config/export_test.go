package config

import (
	"fmt"
	"reflect"
	"slices"
)

// TagFaults gives what is wrong with the tags and comments of the settings: a default that does not parse or is out of its
// bounds, a setting without a comment.
func TagFaults() []string {
	texts, err := manual()
	if err != nil {
		return []string{err.Error()}
	}
	var faults []string
	var look func(v reflect.Value, path string)
	look = func(v reflect.Value, path string) {
		for _, s := range settingsOf(v) {
			at := join(path, s.name)
			if texts[s.owner+"."+s.field] == "" {
				faults = append(faults, at+" has no comment")
			}
			if s.isGroup() {
				look(s.value, at)
				continue
			}
			faults = append(faults, numberFaults(s, at)...)
		}
	}
	look(reflect.ValueOf(&Config{}).Elem(), "")
	look(reflect.ValueOf(&Client{}).Elem(), "clients[]")
	r := &reader{}
	r.defaults(reflect.ValueOf(&Config{}).Elem())
	r.defaults(reflect.ValueOf(&Client{}).Elem())
	for _, fault := range r.faults.List {
		faults = append(faults, fault.Text)
	}
	return faults
}

func numberFaults(s setting, at string) []string {
	if !slices.Contains([]reflect.Kind{reflect.Int, reflect.Int64}, s.value.Kind()) {
		return nil
	}
	var faults []string
	for _, name := range []string{"min", "max", "default"} {
		if _, err := parseNumber(s, s.tag.Get(name)); err != nil {
			faults = append(faults, fmt.Sprintf("%s: %s: %v", at, name, err))
		}
	}
	return faults
}
