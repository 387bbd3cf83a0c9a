package issuer_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"math/big"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/tenon-auth/tenon"
	"github.com/tenon-auth/tenon/certs"
	"github.com/tenon-auth/tenon/issuer"
	"github.com/tenon-auth/tenon/mtls"
)

// goodApp is a registration without fault of a client that people authorize.
func goodApp(t *testing.T) issuer.Client {
	c := goodClient(t)
	c.GrantTypes, c.RedirectURIs = []string{issuer.AuthorizationCode, issuer.RefreshToken}, []string{redirectURI}
	c.DetailTypes = []string{"payment_initiation"}
	return c
}

func TestFaultsOfClientsThatPeopleAuthorize(t *testing.T) {
	redirect := func(uris ...string) func(*issuer.Client) {
		return func(c *issuer.Client) { c.RedirectURIs = uris }
	}
	tests := map[string]struct {
		edit func(*issuer.Client)
		want string // in the text; "" means that it is good
	}{
		"good":                     {func(*issuer.Client) {}, ""},
		"good: a query":            {redirect("https://app.example.com/cb?a=1&b"), ""},
		"good: a port":             {redirect("https://app.example.com:8443/cb"), ""},
		"good: native":             {redirect("http://127.0.0.1/cb", "http://[::1]:8080/cb"), ""},
		"good: userinfo only":      {func(c *issuer.Client) { c.Resources, c.Scope = nil, tenon.Scope{"openid"} }, ""},
		"good: an API":             {func(c *issuer.Client) { *c = api(*c) }, ""},
		"good: pairwise":           {func(c *issuer.Client) { c.SubjectType = "pairwise" }, ""},
		"good: pairwise, sector":   {func(c *issuer.Client) { c.SubjectType, c.Sector = "pairwise", "example.com" }, ""},
		"good: opaque":             {func(c *issuer.Client) { c.TokenFormat = "opaque" }, ""},
		"good: signed userinfo":    {func(c *issuer.Client) { c.UserInfoAlgorithm = "ES256" }, ""},
		"no redirect":              {redirect(), "redirect_uris is empty"},
		"33 redirects":             {redirect(make([]string, 33)...), "at most 32"},
		"redirect twice":           {redirect(redirectURI, redirectURI), "twice"},
		"long redirect":            {redirect("https://a.example/" + strings.Repeat("a", 1024)), "1024"},
		"relative":                 {redirect("/cb"), "absolute"},
		"no host":                  {redirect("https:///cb"), "absolute"},
		"opaque URL":               {redirect("https:cb"), "absolute"},
		"http":                     {redirect("http://app.example.com/cb"), "use https"},
		"http, begins like native": {redirect("http://127.0.0.1.evil.example/cb"), "use https"},
		"http, port 0":             {redirect("http://127.0.0.1:0/cb"), "use https"},
		"localhost":                {redirect("http://localhost/cb"), "127.0.0.1"},
		"a scheme of its own":      {redirect("com.example.app://cb/x"), "use https"},
		"script":                   {redirect("javascript:alert(1)"), "absolute"},
		"data":                     {redirect("data:text/html,x"), "absolute"},
		"capital scheme":           {redirect("HTTPS://app.example.com/cb"), "use https"},
		"fragment":                 {redirect("https://app.example.com/cb#x"), "fragment"},
		"bare #":                   {redirect("https://app.example.com/cb#"), "fragment"},
		"wildcard":                 {redirect("https://app.example.com/*"), "wildcard"},
		"wildcard host":            {redirect("https://*.example.com/cb"), "wildcard"},
		"user":                     {redirect("https://u@app.example.com/cb"), "user"},
		"space":                    {redirect("https://app.example.com/a b"), "escape"},
		"backslash":                {redirect("https://app.example.com/a\\b"), "escape"},
		"not ASCII":                {redirect("https://app.example.com/é"), "escape"},
		"code in the query":        {redirect("https://app.example.com/cb?code=1"), "parameters"},
		"state in the query":       {redirect("https://app.example.com/cb?x=1&state"), "parameters"},
		"iss in the query":         {redirect("https://app.example.com/cb?iss=https://as.example"), "parameters"},
		"redirect, no code":        {func(c *issuer.Client) { c.GrantTypes = []string{issuer.ClientCredentials} }, "authorization_code"},
		"refresh alone": {func(c *issuer.Client) {
			c.GrantTypes = []string{issuer.RefreshToken}
			c.RedirectURIs, c.DetailTypes = nil, nil
		}, "authorization_code only"},
		"grant twice":            {func(c *issuer.Client) { c.GrantTypes = append(c.GrantTypes, issuer.RefreshToken) }, "twice"},
		"no resource, no openid": {func(c *issuer.Client) { c.Resources = nil }, "resources"},
		"no resource, for itself": {func(c *issuer.Client) {
			c.Resources, c.Scope = nil, tenon.Scope{"openid"}
			c.GrantTypes = append(c.GrantTypes, issuer.ClientCredentials)
		}, "resources"},
		"detail type twice":    {func(c *issuer.Client) { c.DetailTypes = []string{"a", "a"} }, "authorization_details_types"},
		"empty detail type":    {func(c *issuer.Client) { c.DetailTypes = []string{""} }, "authorization_details_types"},
		"subject type":         {func(c *issuer.Client) { c.SubjectType = "secret" }, "subject_type"},
		"sector, public":       {func(c *issuer.Client) { c.Sector = "example.com" }, "sector_identifier"},
		"sector that is a URL": {func(c *issuer.Client) { c.SubjectType, c.Sector = "pairwise", "https://example.com" }, "sector_identifier"},
		"sector in capitals":   {func(c *issuer.Client) { c.SubjectType, c.Sector = "pairwise", "Example.com" }, "sector_identifier"},
		"pairwise, two hosts": {func(c *issuer.Client) {
			c.SubjectType, c.RedirectURIs = "pairwise", []string{redirectURI, "https://b.example/cb"}
		}, "several hosts"},
		"pairwise, native":       {func(c *issuer.Client) { c.SubjectType, c.RedirectURIs = "pairwise", []string{"http://127.0.0.1/cb"} }, "sector_identifier"},
		"pairwise, native, IPv6": {func(c *issuer.Client) { c.SubjectType, c.RedirectURIs = "pairwise", []string{"http://[::1]/cb"} }, "sector_identifier"},
		"ID token RS256":         {func(c *issuer.Client) { c.IDTokenAlgorithm = "RS256" }, "id_token_signed_response_alg"},
		"ID token none":          {func(c *issuer.Client) { c.IDTokenAlgorithm = "none" }, "id_token_signed_response_alg"},
		"userinfo RS256":         {func(c *issuer.Client) { c.UserInfoAlgorithm = "RS256" }, "userinfo_signed_response_alg"},
		"token format":           {func(c *issuer.Client) { c.TokenFormat = "paseto" }, "access_token_format"},
		"serves a relative URI":  {func(c *issuer.Client) { c.Serves = []string{"/api"} }, "serves"},
		"serves the same twice":  {func(c *issuer.Client) { c.Serves = []string{resource, resource} }, "serves"},
		"public, fapi2":          {func(c *issuer.Client) { *c = publicClient(*c) }, "profile oauth2"},
	}
	for name, test := range tests {
		c := goodApp(t)
		test.edit(&c)
		switch err := c.Validate(issuer.FAPI2); {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v, want something about %q", name, err, test.want)
		}
	}
}

// api makes a client that asks about tokens and gets none.
func api(c issuer.Client) issuer.Client {
	c.GrantTypes, c.RedirectURIs, c.DetailTypes, c.Resources, c.Scope = nil, nil, nil, nil, nil
	c.Serves = []string{resource}
	return c
}

// publicClient makes a client that cannot keep a secret.
func publicClient(c issuer.Client) issuer.Client {
	c.AuthMethod, c.Algorithm, c.JWKS, c.DPoPBound = issuer.NoAuth, "", jose.JSONWebKeySet{}, true
	return c
}

// A public client has nothing but its key (RFC 9449 §5).
func TestPublicRegistrations(t *testing.T) {
	tests := map[string]struct {
		edit func(*issuer.Client)
		want string
	}{
		"good":               {func(*issuer.Client) {}, ""},
		"not bound":          {func(c *issuer.Client) { c.DPoPBound = false }, "dpop_bound_access_tokens"},
		"bearer":             {func(c *issuer.Client) { c.Bearer, c.DPoPBound = true, false }, "dpop_bound_access_tokens"},
		"client_credentials": {func(c *issuer.Client) { c.GrantTypes = append(c.GrantTypes, issuer.ClientCredentials) }, "client_credentials"},
		"an API":             {func(c *issuer.Client) { c.Serves = []string{resource} }, "serves"},
		"with an algorithm":  {func(c *issuer.Client) { c.Algorithm = "ES256" }, "private_key_jwt only"},
	}
	for name, test := range tests {
		c := publicClient(goodApp(t))
		test.edit(&c)
		switch err := c.Validate(issuer.OAuth2); {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v, want something about %q", name, err, test.want)
		}
	}
}

// What a client wants signed must be signed with a key that this server has.
func TestAlgorithmsThatTheServerSignsWith(t *testing.T) {
	v := newServer(t, setup{})
	for name, edit := range map[string]func(*issuer.Client){
		"ID token": func(c *issuer.Client) { c.IDTokenAlgorithm = "PS256" },
		"userinfo": func(c *issuer.Client) { c.UserInfoAlgorithm = "EdDSA" },
	} {
		c := goodApp(t)
		edit(&c)
		if _, err := v.admin.AddClient(t.Context(), c); !errors.Is(err, issuer.ErrClient) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := goodApp(t)
	c.IDTokenAlgorithm, c.UserInfoAlgorithm = "ES256", "ES256"
	_, err := v.admin.AddClient(t.Context(), c)
	must(t, err)
}

// goodClient is a registration without fault.
func goodClient(t *testing.T) issuer.Client {
	return issuer.Client{
		ID: "tpp-4711", Name: "TPP", AuthMethod: issuer.PrivateKeyJWT, Algorithm: "ES256", JWKS: publicSet(ecKey(t)),
		GrantTypes: []string{"client_credentials"}, Scope: tenon.Scope{"accounts"}, Resources: []string{resource},
	}
}

func TestRegistrationFaults(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(t, err)
	leaf, err := certs.SelfSigned("self", 0)
	must(t, err)
	weak := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(3), 1000), E: 65537}
	exponent := &rsa.PublicKey{N: rsaKey().N, E: 3}
	withCertificate := publicSet(leaf.Key)
	withCertificate.Keys[0].Certificates = append(withCertificate.Keys[0].Certificates, leaf.Certificate)
	set := func(keys ...jose.JSONWebKey) func(*issuer.Client) {
		return func(c *issuer.Client) { c.JWKS.Keys = keys }
	}
	useTLS := func(edit func(*issuer.Client)) func(*issuer.Client) {
		return func(c *issuer.Client) {
			c.AuthMethod, c.Algorithm, c.JWKS, c.Subject = issuer.TLSClientAuth, "", jose.JSONWebKeySet{}, mtls.Subject{DN: "CN=x"}
			edit(c)
		}
	}
	tests := map[string]struct {
		edit func(*issuer.Client)
		want string // in the text; "" means that it is good
	}{
		"good":     {func(*issuer.Client) {}, ""},
		"good tls": {useTLS(func(*issuer.Client) {}), ""},
		"good self-signed": {func(c *issuer.Client) {
			c.AuthMethod, c.Algorithm, c.JWKS = issuer.SelfSignedTLSAuth, "", withCertificate
		}, ""},
		"no id":                    {func(c *issuer.Client) { c.ID = "" }, "client_id"},
		"long id":                  {func(c *issuer.Client) { c.ID = strings.Repeat("a", 129) }, "client_id"},
		"id like a person's":       {func(c *issuer.Client) { c.ID = "user:1234" }, "client_id"},
		"id with a space":          {func(c *issuer.Client) { c.ID = "a b" }, "client_id"},
		"id with a slash":          {func(c *issuer.Client) { c.ID = "../a" }, "client_id"},
		"long name":                {func(c *issuer.Client) { c.Name = strings.Repeat("a", 201) }, "client_name"},
		"no method":                {func(c *issuer.Client) { c.AuthMethod = "" }, "token_endpoint_auth_method"},
		"public":                   {func(c *issuer.Client) { c.AuthMethod = "none" }, "public clients"},
		"secret":                   {func(c *issuer.Client) { c.AuthMethod = "client_secret_basic" }, "secrets"},
		"other method":             {func(c *issuer.Client) { c.AuthMethod = "magic" }, "not known"},
		"RS256":                    {func(c *issuer.Client) { c.Algorithm = "RS256" }, "token_endpoint_auth_signing_alg"},
		"no alg":                   {func(c *issuer.Client) { c.Algorithm = "" }, "token_endpoint_auth_signing_alg"},
		"alg for tls":              {useTLS(func(c *issuer.Client) { c.Algorithm = "ES256" }), "private_key_jwt only"},
		"no subject":               {useTLS(func(c *issuer.Client) { c.Subject = mtls.Subject{} }), "exactly one"},
		"two subjects":             {useTLS(func(c *issuer.Client) { c.Subject.DNS = "x.example" }), "exactly one"},
		"subject for jwt":          {func(c *issuer.Client) { c.Subject.DN = "CN=x" }, "tls_client_auth only"},
		"no key":                   {set(), "no usable key"},
		"private key":              {set(jose.JSONWebKey{Key: ecKey(t)}), "private"},
		"symmetric key":            {set(jose.JSONWebKey{Key: []byte("secret")}), "private or symmetric"},
		"RSA of 1002 bits":         {set(jose.JSONWebKey{Key: weak}), "2048"},
		"RSA exponent 3":           {set(jose.JSONWebKey{Key: exponent}), "65537"},
		"P-384 for ES256":          {set(jose.JSONWebKey{Key: p384.Public()}), "P-384"},
		"RSA key for ES256":        {set(jose.JSONWebKey{Key: rsaKey().Public()}), "ES256"},
		"Ed25519 key for ES256":    {set(jose.JSONWebKey{Key: edKey(t).Public()}), "ES256"},
		"key for encryption":       {set(jose.JSONWebKey{Key: ecKey(t).Public(), Use: "enc"}), "use"},
		"key of another alg":       {set(jose.JSONWebKey{Key: ecKey(t).Public(), Algorithm: "ES384"}), "ES384"},
		"x5u":                      {set(jose.JSONWebKey{Key: ecKey(t).Public(), CertificatesURL: &url.URL{Path: "/"}}), "x5u"},
		"kid twice":                {set(jose.JSONWebKey{Key: ecKey(t).Public(), KeyID: "a"}, jose.JSONWebKey{Key: ecKey(t).Public(), KeyID: "a"}), "kid"},
		"17 keys":                  {set(make([]jose.JSONWebKey, 17)...), "at most 16"},
		"no key at all in the JWK": {set(jose.JSONWebKey{}), "key"},
		"self-signed without x5c":  {func(c *issuer.Client) { c.AuthMethod, c.Algorithm = issuer.SelfSignedTLSAuth, "" }, "x5c"},
		"no grant":                 {func(c *issuer.Client) { c.GrantTypes = nil }, "grant_types"},
		"password grant":           {func(c *issuer.Client) { c.GrantTypes = []string{"password"} }, "grant_types"},
		"scope with a space":       {func(c *issuer.Client) { c.Scope = tenon.Scope{"a b"} }, "scope"},
		"scope twice":              {func(c *issuer.Client) { c.Scope = tenon.Scope{"a", "a"} }, "scope"},
		"no resource":              {func(c *issuer.Client) { c.Resources = nil }, "resources"},
		"relative resource":        {func(c *issuer.Client) { c.Resources = []string{"/api"} }, "absolute"},
		"resource with a fragment": {func(c *issuer.Client) { c.Resources = []string{"https://a.example/#x"} }, "fragment"},
		"resource with bare #":     {func(c *issuer.Client) { c.Resources = []string{"https://a.example/#"} }, "fragment"},
		"resource with user":       {func(c *issuer.Client) { c.Resources = []string{"https://u:p@a.example/"} }, "user"},
		"resource twice":           {func(c *issuer.Client) { c.Resources = []string{resource, resource} }, "twice"},
		"long resource":            {func(c *issuer.Client) { c.Resources = []string{"https://a.example/" + strings.Repeat("a", 600)} }, "512"},
		"bearer under fapi2":       {func(c *issuer.Client) { c.Bearer = true }, "bearer"},
	}
	for name, test := range tests {
		c := goodClient(t)
		test.edit(&c)
		switch err := c.Validate(issuer.FAPI2); {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v, want something about %q", name, err, test.want)
		}
	}
}

func TestBearerClients(t *testing.T) {
	c := goodClient(t)
	c.Bearer = true
	if err := c.Validate(issuer.OAuth2); err != nil {
		t.Errorf("profile oauth2: %v", err)
	}
	c.DPoPBound = true
	if err := c.Validate(issuer.OAuth2); err == nil {
		t.Error("bearer and bound at once")
	}
}

func TestEveryFaultIsToldAtOnce(t *testing.T) {
	err := issuer.Client{Bearer: true}.Validate(issuer.FAPI2)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"client_id", "token_endpoint_auth_method", "grant_types", "resources", "bearer"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing about %s in: %v", want, err)
		}
	}
}

// A registration from before the profile became stricter: refused with a reason, and never signed.
func TestBearerClientUnderStricterProfile(t *testing.T) {
	v := newServer(t, setup{})
	lax := &issuer.Admin{Store: v.store, Log: v.book, Profile: issuer.OAuth2}
	p := &party{server: v, key: ecKey(t), proofs: ecKey(t), record: goodClient(t)}
	p.record.Bearer, p.record.JWKS = true, publicSet(p.key)
	_, err := lax.AddClient(t.Context(), p.record)
	must(t, err)
	p.refused(message{proof: part{Omit: true}}, 400, tenon.InvalidRequest, "unbound")
	p.accepted(message{})
}
