package browser

import (
	"slices"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/issuer/rar"
	"github.com/tenon-auth/tenon/issuer/ui"
)

// showConsent asks whether the client may (RFC 6749 §3.1, FAPI 2.0 §5.3.2.2 (13)). Scope and details are shown together (RFC 9396
// §3.1).
func (b *Browser) showConsent(x *exchange, status int) error {
	frame, err := b.formFrame(x, "/consent")
	if err != nil {
		return err
	}
	_, known, err := b.earlier(x)
	if err != nil {
		return err
	}
	lang := b.Pages.Language(x.r, frame.Locales)
	b.render(x, status, ui.Consent{
		Frame: frame, Client: x.client(), Known: known, Lasts: x.asked.Lasts, Claims: x.asked.Asked.Claims,
		Scopes: b.scopes(x.asked.Scope, lang), Details: b.details(x.asked.Details, lang),
	})
	return nil
}

// serveConsent takes the answer. A yes counts only while everything that led to the question still holds.
func (b *Browser) serveConsent(x *exchange) error {
	if good, err := b.accept(x, "/consent"); !good || err != nil {
		return err
	}
	if x.asked == nil || !x.visitor.signedIn() {
		return x.goTo(b.onward(x))
	}
	switch x.form["do"] {
	case "deny":
		return b.refuse(x, cancelled())
	case "approve":
		return b.consented(x)
	}
	return malformed("the form says neither approve nor deny")
}

func (b *Browser) consented(x *exchange) error {
	now, err := b.situation(x, true) // the consent page said whose account it is
	if err != nil {
		return err
	}
	next, refusal := now.next()
	if refusal != nil || next != stepConsent && next != stepApprove {
		return x.goTo(b.onward(x)) // the login has become too old meanwhile, for example
	}
	return b.approve(x, DidApprove)
}

// scopes are the lines for scopes. openid says that the client learns who it is, which the page says anyway.
func (b *Browser) scopes(scope tenon.Scope, lang string) []ui.Scope {
	var lines []ui.Scope
	for _, name := range scope {
		if name == "openid" {
			continue
		}
		title := b.Scopes[name][lang]
		if title == "" {
			title = b.Scopes[name]["en"]
		}
		lines = append(lines, ui.Scope{Name: name, Title: title})
	}
	return lines
}

// details are the blocks for authorization details, in a language.
func (b *Browser) details(details rar.Details, lang string) []ui.Detail {
	var blocks []ui.Detail
	for _, d := range details {
		block := ui.Detail{Title: d.Type, Lines: []ui.Line{{Value: string(d.Raw), Kind: ui.Code}}}
		if b.Details != nil {
			block = describe(b.Details.Describe(d, lang))
		}
		blocks = append(blocks, block)
	}
	return blocks
}

func describe(d rar.Description) ui.Detail {
	block := ui.Detail{Title: d.Title, Creditor: d.Creditor}
	if d.Amount != nil {
		block.Amount = &ui.Money{Amount: d.Amount.Amount, Currency: d.Amount.Currency}
	}
	for _, line := range d.Lines {
		kind := ui.Kind(line.Kind)
		if !slices.Contains([]ui.Kind{ui.IBAN, ui.Date, ui.Sum, ui.Code}, kind) {
			kind = ui.Text
		}
		block.Lines = append(block.Lines, ui.Line{Label: line.Label, Value: line.Value, Kind: kind})
	}
	return block
}
