package config

import (
	"reflect"
	"strings"
)

// A setting is one field of the structs of settings.go: what its tags say, and where its value is.
type setting struct {
	name  string
	tag   reflect.StructTag
	value reflect.Value
	owner string // the struct that declares the field, and the field's name: the key of its comment
	field string
}

// settingsOf gives the settings of a struct in the order they are declared; those of an embedded struct count as its own.
func settingsOf(v reflect.Value) []setting {
	var list []setting
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name := field.Tag.Get("yaml")
		switch {
		case field.Anonymous:
			list = append(list, settingsOf(v.Field(i))...)
		case name != "":
			list = append(list, setting{name, field.Tag, v.Field(i), v.Type().Name(), field.Name})
		}
	}
	return list
}

// words gives the only words that the setting may be; none means any.
func (s setting) words() []string { return strings.Fields(s.tag.Get("one_of")) }

// isGroup reports whether the setting holds further settings.
func (s setting) isGroup() bool { return s.value.Kind() == reflect.Struct }

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
