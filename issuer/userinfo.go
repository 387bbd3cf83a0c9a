package issuer

import "net/http"

// serveUserInfo is the userinfo endpoint (OpenID Connect Core §5.3). url is its public URL: the alias, when that was called.
func (i *Issuer) serveUserInfo(url string) endpoint {
	return func(w http.ResponseWriter, r *http.Request, e *Event) error { return notFound() }
}

// serveUserInfoMetadata tells clients how the userinfo endpoint takes tokens (RFC 9728); challenges point to it. It belongs at
// userInfoMetadataPath.
func (i *Issuer) serveUserInfoMetadata(w http.ResponseWriter, r *http.Request, e *Event) error {
	return notFound()
}

// userInfoMetadataPath is where serveUserInfoMetadata belongs.
func (u urls) userInfoMetadataPath() string { return "/.well-known/oauth-protected-resource" + u.path + "/userinfo" }
