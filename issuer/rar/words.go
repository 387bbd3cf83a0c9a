package rar

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// catalogue holds the words of one language.
type catalogue map[string]string

// fallback is the language for those that there are no words for.
const fallback = "en"

//go:embed words/*.json
var wordFiles embed.FS

// loadWords reads the catalogues that are part of the program.
func loadWords() (map[string]catalogue, error) {
	files, err := fs.Glob(wordFiles, "words/*.json")
	if err != nil {
		return nil, err
	}
	words := map[string]catalogue{}
	for _, file := range files {
		data, err := wordFiles.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var c catalogue
		if err := json.Unmarshal(data, &c); err != nil {
			return nil, fmt.Errorf("rar: %s: %w", file, err)
		}
		words[strings.TrimSuffix(path.Base(file), ".json")] = c
	}
	return words, nil
}

// A speaker says things about one type in one language.
type speaker struct {
	words catalogue
	own   Words // the type's
}

// speaker chooses the language: that of the tag, without what follows its first subtag (RFC 5646 §2.1), or the fallback.
func (r *Registry) speaker(name, lang string) *speaker {
	lang, _, _ = strings.Cut(strings.ToLower(lang), "-")
	w := &speaker{words: r.words[lang]}
	if w.words == nil {
		w.words, lang = r.words[fallback], fallback
	}
	if t := r.types[name]; t != nil {
		own, there := t.Words[lang]
		if !there {
			own = t.Words[fallback]
		}
		w.own = own
	}
	return w
}

func (w *speaker) say(key string) string { return w.words[key] }

// list says several things at once.
func (w *speaker) list(keys []string) string {
	said := make([]string, len(keys))
	for i, key := range keys {
		said[i] = w.say(key)
	}
	return strings.Join(said, ", ")
}

// member says what a member is called.
func (w *speaker) member(name string) string {
	if word := w.own.Members[name]; word != "" {
		return word
	}
	return name
}
