package ui

import (
	"fmt"
	"html/template"
	"math"
	"regexp"
	"strings"
	"time"
)

// separators between thousands, and before the decimals.
func (l *locale) separators() (thousands, decimals string) {
	if l.tag == "de" {
		return ".", ","
	}
	return ",", "."
}

var decimal = regexp.MustCompile(`^(-?)([0-9]{1,20})(?:\.([0-9]{1,10}))?$`)

// money writes an amount with its currency. It never computes with it: the digits are those that came in. What is not an amount
// is shown as it came.
func (l *locale) money(m Money) string {
	parts := decimal.FindStringSubmatch(m.Amount)
	currency := foreign(m.Currency, 8)
	if parts == nil {
		return strings.TrimSpace(foreign(m.Amount, 40) + "\u00A0" + currency)
	}
	thousands, decimals := l.separators()
	amount := parts[1] + grouped(parts[2], thousands)
	if parts[3] != "" {
		amount += decimals + parts[3]
	}
	return l.withCurrency(amount, currency)
}

// withCurrency uses a sign where it cannot be mistaken for another currency's, and the code elsewhere.
func (l *locale) withCurrency(amount, currency string) string {
	sign := map[string]string{"EUR": "€", "GBP": "£"}[currency]
	switch {
	case l.tag == "de" && sign != "":
		return amount + "\u00A0" + sign
	case l.tag == "de":
		return amount + "\u00A0" + currency
	case sign != "":
		return sign + amount
	}
	return currency + "\u00A0" + amount
}

// grouped puts a separator between each three digits from the right.
func grouped(digits, separator string) string {
	digits = strings.TrimLeft(digits, "0")
	if digits == "" {
		return "0"
	}
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return strings.Join(append([]string{digits}, groups...), separator)
}

// value writes the value of a line as its kind wants it.
func (l *locale) value(line Line) string {
	switch line.Kind {
	case IBAN:
		return fours(line.Value)
	case Date:
		return l.dateText(line.Value)
	case Sum:
		currency, amount, _ := strings.Cut(line.Value, " ")
		return l.money(Money{Amount: amount, Currency: currency})
	}
	return foreign(line.Value, longestDetail)
}

// fours writes an account number or a key in groups of four, as it is printed on paper.
func fours(s string) string {
	runes := []rune(strings.ReplaceAll(foreign(s, longestSaying), " ", ""))
	var groups []string
	for len(runes) > 4 {
		groups, runes = append(groups, string(runes[:4])), runes[4:]
	}
	return strings.Join(append(groups, string(runes)), " ")
}

// dateText writes a date that came as text. A time of day in it is told as well.
func (l *locale) dateText(s string) string {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return l.date(t)
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return l.dateTime(t.In(l.zone))
	}
	return foreign(s, longestName)
}

func (l *locale) date(t time.Time) string {
	month := l.words[fmt.Sprintf("month.%d", t.Month())]
	if l.tag == "de" {
		return fmt.Sprintf("%d. %s %d", t.Day(), month, t.Year())
	}
	return fmt.Sprintf("%d %s %d", t.Day(), month, t.Year())
}

func (l *locale) dateTime(t time.Time) string {
	return l.date(t) + ", " + t.Format("15:04 MST")
}

// day and moment write a time for people, and for programs beside it.
func (l *locale) day(t time.Time) template.HTML {
	t = t.In(l.zone)
	return timeElement(t.Format(time.DateOnly), l.date(t))
}

func (l *locale) moment(t time.Time) template.HTML {
	t = t.In(l.zone)
	return timeElement(t.Format(time.RFC3339), l.dateTime(t))
}

func timeElement(machine, human string) template.HTML {
	return template.HTML(`<time datetime="` + machine + `">` + template.HTMLEscapeString(human) + `</time>`) //nolint:gosec // a format of ours
}

// duration writes how long something holds, in the largest unit that is exact to a reader.
func (l *locale) duration(d time.Duration) (string, error) {
	const day, year = 24 * time.Hour, 365 * 24 * time.Hour
	switch {
	case d >= year && d%year == 0:
		return l.count("unit.year", int(d/year))
	case d >= 2*day || d == day:
		return l.count("unit.day", int(math.Round(d.Hours()/24)))
	case d >= 10*time.Hour || d >= time.Hour && d%time.Hour == 0:
		return l.count("unit.hour", int(math.Round(d.Hours())))
	}
	return l.shortDuration(d)
}

// shortDuration rounds up, so that whoever waits as long as it says has waited long enough.
func (l *locale) shortDuration(d time.Duration) (string, error) {
	if d > 90*time.Second {
		return l.count("unit.minute", int(math.Ceil(d.Minutes())))
	}
	return l.count("unit.second", max(1, int(math.Ceil(d.Seconds()))))
}
