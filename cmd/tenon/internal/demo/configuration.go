package demo

import (
	"fmt"

	"github.com/tenon-auth/tenon/internal/durable"
)

// configure writes the issuer's configuration: what somebody would write who runs it for these two clients.
func (s *scenery) configure(api, callback string) error {
	text := fmt.Sprintf(configuration, int(statusDelay.Seconds()), api, issuerLogOrigin, callback)
	return durable.WriteFile(s.path(configFile), []byte(text), 0o600)
}

// introduce writes the client files that `tenon token` and `tenon curl` take, now that the issuer has an address.
func (s *scenery) introduce(cast Cast) error {
	for dir, text := range map[string]string{
		shopDir: "dpop_key: " + proofKey + "\nassertion_key: " + assertionKey + "\nassertion_key_id: \"" + s.shopAssertion.Thumbprint() + "\"\n",
		bankDir: "cert: " + clientCert + "\ncert_key: " + clientKey + "\n",
	} {
		text := fmt.Sprintf("issuer: %s\nclient_id: %s\nca: ../certs/ca.pem\n%s", cast.Issuer, dir, text)
		if err := durable.WriteFile(s.path(dir, "client.yaml"), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

const signature = "# Written by tenon demo."

const configuration = signature + ` ` + "`tenon serve --config`" + ` runs on it too; ` + "`tenon config show`" + ` says what else can be set.
issuer: https://127.0.0.1:0
data: data
listen: 127.0.0.1:0
tls:
  certificate: certs/server.pem
  key: certs/server-key.pem
mtls:
  listen: 127.0.0.1:0
  client_ca: [certs/ca.pem]
operations:
  listen: "off"
binding_log:
  origin: %[3]s
login:
  name: Bank of the Tenon demo
status_list:
  ttl: %[1]ds
clients:
  - id: shop
    client_name: A shop with a DPoP key
    token_endpoint_auth_signing_alg: ES256
    jwks_file: shop/jwks.json
    scope: payments
    resources: ["%[2]s"]
    dpop_bound_access_tokens: true
  - id: bank
    client_name: A bank with a certificate
    token_endpoint_auth_method: tls_client_auth
    tls_client_auth_subject_dn: CN=bank,O=Tenon demo
    scope: payments
    resources: ["%[2]s"]
    tls_client_certificate_bound_access_tokens: true
  - id: paper-and-peg
    client_name: Paper & Peg
    token_endpoint_auth_signing_alg: ES256
    jwks_file: paper-and-peg/jwks.json
    grant_types: [authorization_code, refresh_token]
    redirect_uris: ["%[4]s"]
    authorization_details_types: [payment_initiation]
    scope: openid profile payments
    resources: ["%[2]s"]
    dpop_bound_access_tokens: true
`
