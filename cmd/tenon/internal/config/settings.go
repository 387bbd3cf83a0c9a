package config

import "time"

// Config is the effective configuration: the file's settings and, for the rest, the defaults. Every comment on a field in this
// file is shown to users. A tag holds the setting's name, its default, the words it may be, its bounds, and whether a running
// server keeps the old value until it is started again (fixed).
type Config struct {
	// The issuer identifier: the https URL under which this server is reached. Tokens carry it, clients compare it letter by
	// letter (RFC 8414 §2). No trailing slash, no query.
	Issuer string `yaml:"issuer" required:"https://as.example.com" fixed:"true"`

	// The set of rules to keep. fapi2: every token is bound to a key, confidential clients only (FAPI 2.0 Security Profile).
	// oauth2: a client's registration may ask for bearer tokens.
	Profile string `yaml:"profile" default:"fapi2" one_of:"fapi2 oauth2" fixed:"true"`

	// The directory of everything that is remembered: store, signing keys, the administration socket. Only its owner may
	// read it (mode 0700).
	Data Path `yaml:"data" default:"data" fixed:"true"`

	Network

	// How long an access token is valid.
	AccessTokenLifetime time.Duration `yaml:"access_token_lifetime" default:"5m" min:"30s" max:"1h"`

	// The keys that sign tokens. They change by themselves: a new key is published before it is used, and an old one stays
	// published until its last token has expired.
	Signing Signing `yaml:"signing" fixed:"true"`

	// What a DPoP proof must be (RFC 9449).
	DPoP DPoP `yaml:"dpop"`

	// The signed list of revoked tokens that APIs fetch.
	StatusList StatusList `yaml:"status_list"`

	// The binding log: what was issued, refused and revoked, so that an auditor can check it without trusting the operator. It
	// is published at /log/ and kept in the directory log of data.
	BindingLog BindingLog `yaml:"binding_log" fixed:"true"`

	// How people log in and allow clients to act for them: the authorization endpoint, codes, refresh tokens, ID tokens.
	Login Login `yaml:"login"`

	// Bounds on what one caller, or all of them, can ask of this server.
	Limits Limits `yaml:"limits"`

	// Clients declared here, beside those of `tenon client add`. They change with this file only.
	Clients []Client `yaml:"clients"`

	// Log lines go to standard error: one a request.
	Log Log `yaml:"log"`

	source source
}

// Network says where the server listens. Port 0 takes a free port and prints it.
type Network struct {
	// The address for everybody: tokens, keys, metadata, status lists. TLS only.
	Listen string `yaml:"listen" default:"127.0.0.1:9443" fixed:"true"`

	// The server's certificate. It is read again when the files change, and on SIGHUP.
	TLS Certificate `yaml:"tls" fixed:"true"`

	// A second listener that asks callers for a client certificate, so that the first never has to (RFC 8705 §5).
	MTLS MTLS `yaml:"mtls"`

	// A listener for the people who run the server: /healthz, /readyz and /metrics, in plain http.
	Operations Operations `yaml:"operations" fixed:"true"`
}

// Certificate names the two PEM files of a server certificate.
type Certificate struct {
	// The certificate, followed by its chain.
	Certificate Path `yaml:"certificate" required:"certs/server.pem"`

	// Its private key, readable by its owner only (mode 0600).
	Key Path `yaml:"key" required:"certs/server-key.pem"`
}

// MTLS is the listener for clients with a certificate.
type MTLS struct {
	// Its address. Without one there is no such listener, and no client can use a certificate.
	Listen string `yaml:"listen" fixed:"true"`

	// The origin under which clients reach it. Without one: the issuer's host and the port of mtls.listen.
	Origin string `yaml:"origin" fixed:"true"`

	// The PEM files of the authorities whose client certificates tls_client_auth accepts; a small dedicated set, never the
	// system's (RFC 8705 §7.4).
	ClientCA []Path `yaml:"client_ca"`
}

// Operations is the listener of the operators.
type Operations struct {
	// Its address; "off" for none. It has no authentication: keep it on loopback or on a network of your own.
	Listen string `yaml:"listen" default:"127.0.0.1:9440" fixed:"true"`
}

// Signing is the schedule of the signing keys.
type Signing struct {
	// The signature algorithm of tokens and status lists.
	Algorithm string `yaml:"algorithm" default:"ES256" one_of:"ES256 PS256 EdDSA Ed25519"`

	// How long a key signs before the next one takes over.
	RotateEvery time.Duration `yaml:"rotate_every" default:"30d" min:"10m" max:"366d"`

	// How long before its first use a key is published, so that every API has fetched it by then.
	PublishBefore time.Duration `yaml:"publish_before" default:"1d" min:"1m" max:"30d"`
}

// DPoP is what is asked of a proof.
type DPoP struct {
	// The signature algorithms a proof may use.
	Algorithms []string `yaml:"algorithms" default:"ES256 PS256 EdDSA Ed25519" one_of:"ES256 PS256 EdDSA Ed25519"`

	// How old a proof may be.
	MaxAge time.Duration `yaml:"max_age" default:"60s" min:"10s" max:"5m"`

	// How far ahead of this server's clock a proof may be.
	MaxAhead time.Duration `yaml:"max_ahead" default:"10s" min:"10s" max:"60s"`

	// Server nonces. require: a proof without one is refused and told which to use. offer: given with every answer, and
	// demanded of a key that was given one. off: never.
	Nonce string `yaml:"nonce" default:"require" one_of:"off offer require" fixed:"true"`

	// How long a nonce can be used.
	NonceLifetime time.Duration `yaml:"nonce_lifetime" default:"5m" min:"30s" max:"1h" fixed:"true"`
}

// StatusList is what is asked of the list of revoked tokens.
type StatusList struct {
	// How long an API may keep a list: the longest a revocation can take to be seen.
	TTL time.Duration `yaml:"ttl" default:"10s" min:"2s" max:"1h"`
}

// BindingLog is what is asked of the log.
type BindingLog struct {
	// Its name, which tokens and checkpoints carry and which can never change. Without one: the issuer without https://, and
	// /log behind it.
	Origin string `yaml:"origin"`

	// Write the thumbprints of keys as they are, where clients are firms and not persons. They cannot be erased then.
	ClearThumbprints bool `yaml:"clear_thumbprints" default:"false"`

	// The policy file: which witnesses are asked to cosign checkpoints, and how many must. Without one nobody is asked, and the
	// log is a signed diary.
	Policy Path `yaml:"policy"`

	// A file with a secret, readable by its owner only. Whoever sends it as a bearer token may read the entries at
	// /log/tile/entries/. Without one they are read from the directory only.
	AuditorToken Path `yaml:"auditor_token"`
}

// Login is how people log in, and how long what they allow lasts.
type Login struct {
	// Who can log in. built-in: the people of `tenon user`. off: nobody; then there is no authorization endpoint, and clients
	// act for themselves only.
	People string `yaml:"people" default:"built-in" one_of:"built-in off" fixed:"true"`

	// The name of who runs this server, as people see it on every page. Without one: the issuer's host.
	Name string `yaml:"name"`

	// How long somebody who does nothing stays logged in.
	SessionIdle time.Duration `yaml:"session_idle" default:"30m" min:"1m" max:"30d" fixed:"true"`

	// How long anybody stays logged in.
	SessionLifetime time.Duration `yaml:"session_lifetime" default:"12h" min:"5m" max:"90d" fixed:"true"`

	// How long a pushed authorization request waits for its person.
	RequestLifetime time.Duration `yaml:"request_lifetime" default:"90s" min:"5s" max:"599s"`

	// How long an authorization code is good, once.
	CodeLifetime time.Duration `yaml:"code_lifetime" default:"60s" min:"1s" max:"60s"`

	// How long a client can refresh its tokens after it last did.
	GrantLifetime time.Duration `yaml:"grant_lifetime" default:"90d" min:"1h" max:"3660d"`

	// Profile oauth2, where refresh tokens rotate: for how long the key that used one may use it again and get the same
	// successor, so that a lost answer costs nothing.
	RotationGrace time.Duration `yaml:"rotation_grace" default:"60s" min:"1s" max:"10m"`

	// What clients may ask for, for the metadata. Without it: what the metadata cannot leave out.
	Scopes []string `yaml:"scopes"`

	// The types of authorization_details (RFC 9396) that clients may be registered for.
	DetailTypes []string `yaml:"authorization_details_types" default:"payment_initiation account_information" one_of:"payment_initiation account_information"`

	// The APIs whose tokens are opaque, so that only who asks this server learns what they say. All others get JWTs, unless a
	// client's registration says otherwise.
	OpaqueResources []string `yaml:"opaque_token_resources"`
}

// Limits are the bounds on callers.
type Limits struct {
	// The most bytes of a request's header.
	Header Size `yaml:"header" default:"16KiB" min:"4KiB" max:"1MiB" fixed:"true"`

	// The most bytes of a request's body.
	Body Size `yaml:"body" default:"64KiB" min:"4KiB" max:"1MiB"`

	// How long a caller may take to send a request.
	ReadTimeout time.Duration `yaml:"read_timeout" default:"10s" min:"1s" max:"5m" fixed:"true"`

	// How long an answer may take, from the request's header on.
	WriteTimeout time.Duration `yaml:"write_timeout" default:"30s" min:"1s" max:"5m" fixed:"true"`

	// How long a connection may be idle.
	IdleTimeout time.Duration `yaml:"idle_timeout" default:"2m" min:"1s" max:"1h" fixed:"true"`

	// The most connections at a time, on all listeners but that of the operators.
	Connections int `yaml:"connections" default:"4096" min:"1" max:"1000000" fixed:"true"`

	// Token requests of one client a second, in the long run. 0: no bound.
	RequestsPerClient int `yaml:"requests_per_client" default:"100" min:"0" max:"1000000"`

	// Requests a minute from one address that did not authenticate. 0: no bound.
	UnauthenticatedPerAddress int `yaml:"unauthenticated_per_address" default:"120" min:"0" max:"1000000"`

	// How long requests in flight may take to finish when the server stops.
	Drain time.Duration `yaml:"drain" default:"10s" min:"1s" max:"5m"`
}

// Log is how lines are written.
type Log struct {
	// text for people, json for programs.
	Format string `yaml:"format" default:"text" one_of:"text json" fixed:"true"`

	// The least serious lines to write.
	Level string `yaml:"level" default:"info" one_of:"debug info warn error"`
}

// Client is one declared client. The long names are those of RFC 7591 §2, RFC 8705 §2.1.2 and RFC 9449 §5.2.
type Client struct {
	// The client identifier.
	ID string `yaml:"id" required:"tpp-4711"`

	// A name for people.
	Name string `yaml:"client_name"`

	// How the client proves who it is.
	AuthMethod string `yaml:"token_endpoint_auth_method" default:"private_key_jwt" one_of:"private_key_jwt tls_client_auth self_signed_tls_client_auth none"`

	// The algorithm of the client's assertions (private_key_jwt). Without one: what the first key is for.
	Algorithm string `yaml:"token_endpoint_auth_signing_alg"`

	// The client's public keys: a file that holds a JWK Set. For private_key_jwt and self_signed_tls_client_auth.
	JWKSFile Path `yaml:"jwks_file"`

	// The subject of the client's certificate. For tls_client_auth: exactly one of the five.
	Subject

	// What the client may ask for.
	Grant

	// Every token request must come with a DPoP proof.
	DPoPBound bool `yaml:"dpop_bound_access_tokens" default:"false"`

	// Every token request must come over the certificate listener.
	CertificateBound bool `yaml:"tls_client_certificate_bound_access_tokens" default:"false"`

	// The client may have tokens that are bound to nothing. Profile oauth2 only.
	Bearer bool `yaml:"bearer" default:"false"`

	// The client is known and refused.
	Disabled bool `yaml:"disabled" default:"false"`

	// What the client is told about people.
	Identity

	// The form of its tokens: jwt or opaque. Without one: what the API's tokens are, see login.opaque_token_resources.
	TokenFormat string `yaml:"access_token_format"`

	// The APIs that this client is: it may ask what their tokens say (RFC 7662).
	Serves []string `yaml:"serves"`
}

// Identity is how a client is told who a person is (OpenID Connect Registration §2).
type Identity struct {
	// public: every client knows a person by the same name. pairwise: this one by a name of its own.
	SubjectType string `yaml:"subject_type" default:"public" one_of:"public pairwise"`

	// The host that pairwise names are for. Without one: that of the redirect URIs, which must be one.
	Sector string `yaml:"sector_identifier"`

	// The algorithm of its ID tokens. Without one: the server's, and no other is possible.
	IDTokenAlgorithm string `yaml:"id_token_signed_response_alg"`

	// The algorithm of signed answers about a person. Without one they are plain JSON.
	UserInfoAlgorithm string `yaml:"userinfo_signed_response_alg"`
}

// Subject is the one name by which a certificate is known (RFC 8705 §2.1.2).
type Subject struct {
	// The whole subject, as RFC 4514 writes it.
	DN string `yaml:"tls_client_auth_subject_dn"`
	// A DNS name.
	DNS string `yaml:"tls_client_auth_san_dns"`
	// A URI.
	URI string `yaml:"tls_client_auth_san_uri"`
	// An IP address.
	IP string `yaml:"tls_client_auth_san_ip"`
	// An e-mail address.
	Email string `yaml:"tls_client_auth_san_email"`
}

// Grant is what a client may ask for.
type Grant struct {
	// The grants the client may use.
	GrantTypes []string `yaml:"grant_types" default:"client_credentials" one_of:"client_credentials authorization_code refresh_token"`

	// The scope the client may ask for, separated by spaces.
	Scope string `yaml:"scope"`

	// The APIs the client may ask tokens for: absolute URIs (RFC 8707).
	Resources []string `yaml:"resources"`

	// Where people are sent back to, letter by letter. For authorization_code.
	RedirectURIs []string `yaml:"redirect_uris"`

	// The types of authorization_details the client may ask for (RFC 9396 §10).
	DetailTypes []string `yaml:"authorization_details_types"`
}
