package verifier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/internal/strictjson"
)

// withoutRedirects copies a client, which may be nil, and makes it follow nothing.
func withoutRedirects(client *http.Client) *http.Client {
	if client == nil {
		client = &http.Client{}
	}
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// ask puts one question (RFC 7662 §2.1). nil is the answer that the token is not active. No error is a refusal: whatever is wrong is not
// the fault of who presented the token. None holds the token.
func (i *Introspection) ask(ctx context.Context, token string) (*tenon.Claims, error) {
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	if err := i.config.Credential.Authenticate(ctx, form); err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, i.config.Endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	response, err := i.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", i.config.Endpoint, response.Status)
	}
	if media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); media != "application/json" {
		return nil, fmt.Errorf("%s: the answer is no application/json", i.config.Endpoint)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	return parseAnswer(body)
}

// maxAnswer bounds an answer: what a token says, with its authorization details.
const maxAnswer = 64 << 10

// parseAnswer reads an answer (RFC 7662 §2.2). An active token must come with all that a JWT access token would say: without exp an
// answer would have no end, and without cnf nothing could be compared.
func parseAnswer(body []byte) (*tenon.Claims, error) {
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("the answer is larger than %d bytes", maxAnswer)
	}
	active, told := false, false
	err := strictjson.Object(body, func(name string, v strictjson.Value) (err error) {
		if name == "active" {
			told = true
			active, err = v.Bool()
		}
		return err
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("the answer: %w", err)
	case !told:
		return nil, errors.New("the answer does not say active")
	case !active:
		return nil, nil
	}
	var claims tenon.Claims
	if err := claims.UnmarshalJSON(body); err != nil {
		return nil, fmt.Errorf("the answer: %w", err)
	}
	return &claims, nil
}
