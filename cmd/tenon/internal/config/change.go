package config

import "reflect"

// Fixed gives the settings that differ between the running configuration and the next one and that take effect only when the
// server is started again.
func Fixed(running, next *Config) []string {
	return fixedBetween(settingsOf(reflect.ValueOf(running).Elem()), settingsOf(reflect.ValueOf(next).Elem()), "")
}

func fixedBetween(before, after []setting, path string) []string {
	var names []string
	for i, s := range before {
		at := join(path, s.name)
		_, fixed := s.tag.Lookup("fixed")
		same := reflect.DeepEqual(s.value.Interface(), after[i].value.Interface())
		switch {
		case fixed && !same:
			names = append(names, at)
		case !fixed && s.isGroup():
			names = append(names, fixedBetween(settingsOf(s.value), settingsOf(after[i].value), at)...)
		}
	}
	return names
}
