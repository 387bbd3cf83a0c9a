package ui

import (
	"net/http"
	"net/url"

	"golang.org/x/text/language"
)

// Who wants another language than the one shown says so with a link of the page, which adds this parameter; the answer
// keeps the choice in a cookie. The parameter is not ui_locales: what a client adds to the front channel is ignored, and what it
// pushed comes in as Frame.Locales.
const (
	choiceParameter = "lang"
	choiceCookie    = "__Host-tenon-language"
	choiceAge       = 365 * 24 * 60 * 60 // seconds
)

// longest header or parameter that is looked at. Real ones are shorter than 100.
const longestTags = 256

// choose finds the language of a page: what the person chose by hand, now or before, then what the client asked for, then what the
// browser asks for, then English.
func (p *Pages) choose(r *http.Request, locales []string) *locale {
	wishes := [][]language.Tag{p.chosen(r), parseTags(locales), acceptedTags(r)}
	for _, tags := range wishes {
		if _, i, confidence := p.matcher.Match(tags...); confidence != language.No {
			return p.locales[i]
		}
	}
	return p.locales[0]
}

// chosen is what the person chose by hand: a link just followed, or the cookie that remembers one.
func (p *Pages) chosen(r *http.Request) []language.Tag {
	if l := p.offered(r.URL.Query().Get(choiceParameter)); l != nil {
		return parseTags([]string{l.tag})
	}
	if c, err := r.Cookie(choiceCookie); err == nil && p.offered(c.Value) != nil {
		return parseTags([]string{c.Value})
	}
	return nil
}

func (p *Pages) offered(tag string) *locale {
	for _, l := range p.locales {
		if l.tag == tag {
			return l
		}
	}
	return nil
}

// remember keeps a choice that was just made. Only our own tags get into the cookie.
func (p *Pages) remember(w http.ResponseWriter, r *http.Request) {
	l := p.offered(r.URL.Query().Get(choiceParameter))
	if l == nil {
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: choiceCookie, Value: l.tag, Path: "/", MaxAge: choiceAge,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// parseTags skips what is not a tag: a wish that nobody understands is no reason to refuse.
func parseTags(locales []string) []language.Tag {
	var tags []language.Tag
	for _, l := range locales {
		if len(l) > longestTags || len(tags) == 10 {
			continue
		}
		if tag, err := language.Parse(l); err == nil {
			tags = append(tags, tag)
		}
	}
	return tags
}

func acceptedTags(r *http.Request) []language.Tag {
	header := r.Header.Get("Accept-Language")
	if len(header) > longestTags {
		return nil
	}
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return nil
	}
	return tags
}

// A choice is the link to the same page in another language.
type choice struct {
	Tag, Name string
	Current   bool
	Query     url.Values
}

// choices are offered where following a link shows the same page again: not on the answer to a posted form.
func (p *Pages) choices(r *http.Request, current *locale) []choice {
	if r.Method != http.MethodGet || len(r.URL.RawQuery) > 2000 {
		return nil
	}
	var all []choice
	for _, l := range p.locales {
		query := r.URL.Query()
		query.Set(choiceParameter, l.tag)
		all = append(all, choice{Tag: l.tag, Name: l.words["language"], Current: l == current, Query: query})
	}
	return all
}
