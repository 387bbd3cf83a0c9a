package ui

import "strings"

// The words of a User-Agent that tell one browser from another, most particular first: nearly all of them claim to be the
// ones below them.
var browsers = [...][2]string{
	{"Edg", "Edge"},
	{"OPR/", "Opera"},
	{"SamsungBrowser/", "Samsung Internet"},
	{"Vivaldi/", "Vivaldi"},
	{"YaBrowser/", "Yandex"},
	{"Firefox/", "Firefox"},
	{"FxiOS/", "Firefox"},
	{"CriOS/", "Chrome"},
	{"Chrome/", "Chrome"},
	{"Safari/", "Safari"},
}

var systems = [...][2]string{
	{"iPhone", "iPhone"},
	{"iPad", "iPad"},
	{"Android", "Android"},
	{"CrOS", "ChromeOS"},
	{"Windows", "Windows"},
	{"Macintosh", "Mac"},
	{"Linux", "Linux"},
}

// agent makes "Firefox, Windows" of what a browser says about itself. It helps a person to know their own devices again, and is
// believed for nothing else.
func (l *locale) agent(userAgent string) (string, error) {
	browser, system := firstOf(browsers[:], userAgent), firstOf(systems[:], userAgent)
	switch {
	case browser == "" && system == "":
		return l.text("agent.unknown")
	case browser == "":
		return system, nil
	case system == "":
		return browser, nil
	}
	return l.text("agent", "browser", ours(browser), "system", ours(system))
}

func firstOf(table [][2]string, userAgent string) string {
	for _, row := range table {
		if strings.Contains(userAgent, row[0]) {
			return row[1]
		}
	}
	return ""
}
