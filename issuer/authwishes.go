package issuer

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/store"
)

const (
	maxAuthAge   = 10 * 365 * 24 * time.Hour // a max_age beyond it is taken for it
	maxACRs      = 16
	maxACR       = 255 // bytes
	maxLoginHint = 512 // bytes
	maxLocales   = 512 // bytes
)

// judgePrompt looks at whether the person is to be asked, and how old a login may be (OpenID Connect Core §3.1.2.1).
func (a *asking) judgePrompt(context.Context) error {
	w := &a.pushed.Wishes
	w.Prompt = strings.Fields(a.form.get("prompt"))
	for i, p := range w.Prompt {
		if !slices.Contains(prompts(), p) || slices.Contains(w.Prompt[:i], p) {
			return tenon.Refuse(tenon.InvalidRequest, "prompt", "prompt has a value that is not one of %v, or comes twice", prompts())
		}
	}
	if slices.Contains(w.Prompt, "none") && len(w.Prompt) > 1 {
		return tenon.Refuse(tenon.InvalidRequest, "prompt", "prompt=none goes with no other value") // OpenID Connect Core §3.1.2.1
	}
	raw := a.form.get("max_age")
	if raw == "" {
		return nil
	}
	seconds, err := strconv.ParseUint(raw, 10, 63)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return tenon.Refuse(tenon.InvalidRequest, "max_age", "max_age must be a whole number of seconds, not negative")
	}
	age := time.Duration(min(seconds, uint64(maxAuthAge/time.Second))) * time.Second
	w.MaxAge = &age // auth_time is in every ID token, as it must be now (OpenID Connect Core §2)
	return nil
}

// prompts are the values of prompt that work.
func prompts() []string { return []string{"none", "login", "consent", "select_account"} }

// judgeClaims looks at which claims are asked for one by one (OpenID Connect Core §5.5).
func (a *asking) judgeClaims(context.Context) (err error) {
	a.pushed.Identity, err = parseClaimsRequest(a.form.get("claims"))
	return err
}

// judgeLevel looks at how sure the login must be. The claims parameter is the more exact way to say it, and can say that
// nothing less will do (OpenID Connect Core §5.5.1.1, RFC 9470 §4). Whether it can be reached shows when the person is there.
func (a *asking) judgeLevel(context.Context) error {
	w := &a.pushed.Wishes
	w.ACR = strings.Fields(a.form.get("acr_values"))
	if wish, asked := a.pushed.Identity.IDToken["acr"]; asked && len(wish.oneOf()) > 0 {
		w.ACR, w.ACREssential = wish.oneOf(), wish.Essential
	}
	if len(w.ACR) > maxACRs || slices.ContainsFunc(w.ACR, func(s string) bool { return len(s) > maxACR }) {
		return tenon.Refuse(tenon.InvalidRequest, "acr_values", "more than %d authentication levels, or one of more than %d bytes", maxACRs, maxACR)
	}
	return nil
}

// judgeHints looks at who should log in, and in which languages the person reads.
func (a *asking) judgeHints(ctx context.Context) (err error) {
	w, f := &a.pushed.Wishes, a.form
	switch {
	case len(f.get("login_hint")) > maxLoginHint:
		return tenon.Refuse(tenon.InvalidRequest, "login_hint", "login_hint is longer than %d bytes", maxLoginHint)
	case len(f.get("ui_locales")) > maxLocales:
		return tenon.Refuse(tenon.InvalidRequest, "ui_locales", "ui_locales is longer than %d bytes", maxLocales)
	}
	w.LoginHint, w.Locales = f.get("login_hint"), strings.Fields(f.get("ui_locales"))
	subject := a.pushed.Identity.IDToken["sub"].Value // OpenID Connect Core §5.5.1
	if hint := f.get("id_token_hint"); hint != "" {
		hinted, err := a.subjectOfHint(hint, a.client.ID)
		switch {
		case err != nil:
			return tenon.Refuse(tenon.InvalidRequest, "id_token_hint", "id_token_hint is not an ID token of this server for this client").Because(err) // OpenID Connect Core §3.1.2.1
		case subject != "" && subject != hinted:
			return tenon.Refuse(tenon.InvalidRequest, "id_token_hint", "id_token_hint and claims ask for two different people")
		}
		subject = hinted
	}
	if subject == "" {
		return nil
	}
	if w.Subject, err = a.personKnownAs(ctx, a.client, subject); errors.Is(err, store.ErrNotFound) {
		return tenon.Refuse(tenon.InvalidRequest, "sub", "the client asks for a person whom it cannot know")
	}
	if err != nil {
		return unavailable(err)
	}
	return nil
}
