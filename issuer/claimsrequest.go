package issuer

// claimsRequest is the claims parameter of an authorization request (OpenID Connect Core §5.5): which claims are asked for, by
// where they are to be told.
type claimsRequest struct {
	IDToken  map[string]claimWish `json:"id_token,omitempty"`
	UserInfo map[string]claimWish `json:"userinfo,omitempty"`
}

// A claimWish is how a claim is asked for.
type claimWish struct {
	Essential bool     `json:"essential,omitempty"`
	Value     string   `json:"value,omitempty"`
	Values    []string `json:"values,omitempty"`
}
