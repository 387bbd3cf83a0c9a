package issuer

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/internal/strictjson"
)

const (
	maxClaimsRequest = 8 << 10 // bytes of the parameter
	maxClaimName     = 128     // bytes
	maxClaimValues   = 16
	maxClaimValue    = 512 // bytes
)

// claimsRequest is the claims parameter of an authorization request (OpenID Connect Core §5.5): which claims are asked for, by
// where they are to be told.
type claimsRequest struct {
	IDToken  map[string]claimWish `json:"id_token,omitempty"`
	UserInfo map[string]claimWish `json:"userinfo,omitempty"`
}

// A claimWish is how a claim is asked for. Only texts are kept as values: nothing else is compared here.
type claimWish struct {
	Essential bool     `json:"essential,omitempty"`
	Value     string   `json:"value,omitempty"`
	Values    []string `json:"values,omitempty"`
}

// parseClaimsRequest reads the claims parameter strictly. Members that are not known are ignored (OpenID Connect Core §5.5).
func parseClaimsRequest(raw string) (claimsRequest, error) {
	var c claimsRequest
	if raw == "" {
		return c, nil
	}
	if len(raw) > maxClaimsRequest {
		return c, tenon.Refuse(tenon.InvalidRequest, "claims", "claims is longer than %d bytes", maxClaimsRequest)
	}
	err := strictjson.Object([]byte(raw), func(name string, v strictjson.Value) (err error) {
		switch name {
		case "id_token":
			c.IDToken, err = claimWishes(v)
		case "userinfo":
			c.UserInfo, err = claimWishes(v)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return claimsRequest{}, tenon.Refuse(tenon.InvalidRequest, "claims", "claims is not as OpenID Connect Core 5.5 has it: %v", err)
	}
	return c, nil
}

func claimWishes(v strictjson.Value) (map[string]claimWish, error) {
	wishes := make(map[string]claimWish)
	err := v.Object(func(name string, v strictjson.Value) error {
		if name == "" || len(name) > maxClaimName {
			return fmt.Errorf("the name of a claim has %d bytes", len(name))
		}
		wish, err := readClaimWish(v)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		wishes[name] = wish
		return nil
	})
	return wishes, err
}

// readClaimWish reads null, or an object (OpenID Connect Core §5.5.1).
func readClaimWish(v strictjson.Value) (w claimWish, err error) {
	if string(v) == "null" {
		return w, nil
	}
	err = v.Object(func(name string, v strictjson.Value) (err error) {
		switch name {
		case "essential":
			w.Essential, err = v.Bool()
		case "value":
			w.Value = text(v)
		case "values":
			err = v.Array(func(e strictjson.Value) error {
				w.Values = append(w.Values, text(e))
				return nil
			})
		}
		return err
	})
	long := func(s string) bool { return len(s) > maxClaimValue }
	if err == nil && (len(w.Values) > maxClaimValues || long(w.Value) || slices.ContainsFunc(w.Values, long)) {
		err = errors.New("too many values, or too long ones")
	}
	w.Values = slices.DeleteFunc(w.Values, func(s string) bool { return s == "" })
	return w, err
}

// text gives a text, "" for anything else.
func text(v strictjson.Value) string {
	s, _ := v.Str()
	return s
}

// oneOf gives the values that are good enough, nil when every one is.
func (w claimWish) oneOf() []string {
	if w.Value != "" {
		return []string{w.Value}
	}
	return w.Values
}

// names gives the claims about the person that are asked for and could be told, for the consent page.
func (c claimsRequest) names() []string {
	var names []string
	for _, scope := range identityScopes() {
		for _, name := range claimsOfScope(scope) {
			_, inToken := c.IDToken[name]
			if _, atUserInfo := c.UserInfo[name]; inToken || atUserInfo {
				names = append(names, name)
			}
		}
	}
	return names
}

// identityScopes are the scope values that stand for claims about a person (OpenID Connect Core §5.4).
func identityScopes() []string { return []string{"profile", "email", "address", "phone"} }
