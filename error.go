package tenon

import (
	"fmt"
	"strings"
)

// A Code is an error code registered for OAuth (RFC 6749 §11.4). It is an error itself, so that
// errors.Is(err, tenon.InvalidGrant) asks whether err refuses with that code.
type Code string

// The codes that Tenon answers with, by the specification that registers them.
const (
	InvalidRequest       Code = "invalid_request"         // RFC 6749 §5.2
	InvalidClient        Code = "invalid_client"          // RFC 6749 §5.2
	InvalidGrant         Code = "invalid_grant"           // RFC 6749 §5.2
	UnauthorizedClient   Code = "unauthorized_client"     // RFC 6749 §5.2
	UnsupportedGrantType Code = "unsupported_grant_type"  // RFC 6749 §5.2
	InvalidScope         Code = "invalid_scope"           // RFC 6749 §5.2
	InvalidTarget        Code = "invalid_target"          // RFC 8707 §2
	InvalidDPoPProof     Code = "invalid_dpop_proof"      // RFC 9449 §5, §7.1
	UseDPoPNonce         Code = "use_dpop_nonce"          // RFC 9449 §8, §9
	InvalidToken         Code = "invalid_token"           // RFC 6750 §3.1
	InsufficientScope    Code = "insufficient_scope"      // RFC 6750 §3.1
	ServerError          Code = "server_error"            // RFC 6749 §4.1.2.1
	Unavailable          Code = "temporarily_unavailable" // RFC 6749 §4.1.2.1
	UnsupportedTokenType Code = "unsupported_token_type"  // RFC 7009 §2.2.1

	AccessDenied                    Code = "access_denied"                     // RFC 6749 §4.1.2.1
	UnsupportedResponseType         Code = "unsupported_response_type"         // RFC 6749 §4.1.2.1
	InvalidAuthorizationDetails     Code = "invalid_authorization_details"     // RFC 9396 §5
	InvalidRequestObject            Code = "invalid_request_object"            // RFC 9101 §7
	InvalidRequestURI               Code = "invalid_request_uri"               // RFC 9101 §7
	RequestNotSupported             Code = "request_not_supported"             // OpenID Connect Core §3.1.2.6
	RequestURINotSupported          Code = "request_uri_not_supported"         // OpenID Connect Core §3.1.2.6
	LoginRequired                   Code = "login_required"                    // OpenID Connect Core §3.1.2.6
	InteractionRequired             Code = "interaction_required"              // OpenID Connect Core §3.1.2.6
	ConsentRequired                 Code = "consent_required"                  // OpenID Connect Core §3.1.2.6
	AccountSelectionRequired        Code = "account_selection_required"        // OpenID Connect Core §3.1.2.6
	UnmetAuthenticationRequirements Code = "unmet_authentication_requirements" // OpenID Connect Unmet Authentication Requirements §2
	InsufficientUserAuthentication  Code = "insufficient_user_authentication"  // RFC 9470 §3
)

// Error makes a Code usable as a target of errors.Is.
func (c Code) Error() string { return string(c) }

// An Error is a refusal: the caller's fault, told to the caller. Every other error is a fault of ours: it is logged whole
// and told as server_error. Reason names the check that refused in a short stable word ("htu", "replay", "iat"), for
// metrics and tests; it has few values and never holds what the caller sent.
type Error struct {
	Code        Code
	Reason      string
	Description string // what to change, in the characters of RFC 6749 §5.2; no token, key or proof
	cause       error
}

// Refuse makes a refusal. Characters that RFC 6749 §5.2 does not allow in an error_description are replaced.
func Refuse(code Code, reason, format string, args ...any) *Error {
	return &Error{Code: code, Reason: reason, Description: describable(fmt.Sprintf(format, args...))}
}

// Because returns a copy of e that wraps cause: detail for the log, never shown to the caller.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// Error gives the code, the description and the cause: text for logs, not for callers.
func (e *Error) Error() string {
	s := string(e.Code)
	if e.Description != "" {
		s += ": " + e.Description
	}
	if e.cause != nil {
		s += " (" + e.cause.Error() + ")"
	}
	return s
}

// Unwrap lets errors.Is find the code and the cause.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.Code}
	}
	return []error{e.Code, e.cause}
}

// maxDescription bounds a description: it travels in a header field, and part of it may come from the caller.
const maxDescription = 400

// describable keeps %x20-21 / %x23-5B / %x5D-7E (RFC 6749 §5.2) and replaces the rest.
func describable(s string) string {
	if len(s) > maxDescription {
		s = s[:maxDescription-3] + "..."
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r == '\\':
			return '/'
		case r < 0x20 || r > 0x7e:
			return '?'
		}
		return r
	}, s)
}
