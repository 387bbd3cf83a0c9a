import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as client from 'openid-client'
import { Person, assertionKey, certificateFetch, stage } from './stage.mjs'

const payment = {
  type: 'payment_initiation', instructedAmount: { currency: 'EUR', amount: '123.50' },
  creditorName: 'Merchant A', creditorAccount: { iban: 'DE02100100109307118603' }, actions: ['initiate'],
}

async function discover(name, auth, more = {}, options = {}) {
  return client.discovery(new URL(stage.issuer), name, { ...more }, auth, options)
}

async function withKey(name) {
  return discover(name, client.PrivateKeyJwt(await assertionKey(name)))
}

async function withCertificate(name) {
  return discover(name, client.TlsClientAuth(), { use_mtls_endpoint_aliases: true }, { [client.customFetch]: certificateFetch(name) })
}

// authorize goes from the pushed request to the tokens.
async function authorize(config, name, more = {}, DPoP) {
  const verifier = client.randomPKCECodeVerifier()
  const expected = { pkceCodeVerifier: verifier, expectedState: client.randomState(), expectedNonce: client.randomNonce(), idTokenExpected: true }
  const url = await client.buildAuthorizationUrlWithPAR(config, {
    redirect_uri: stage.clients[name].redirect_uri, scope: 'openid profile payments', resource: stage.api,
    state: expected.expectedState, nonce: expected.expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...more,
  }, { DPoP })
  const back = await new Person().consent(url)
  return client.authorizationCodeGrant(config, back, expected, undefined, { DPoP })
}

test('both metadata documents are the same and name what is used here', async () => {
  const [oidc, oauth] = await Promise.all(['oidc', 'oauth2'].map(async (algorithm) => {
    const config = await client.discovery(new URL(stage.issuer), 'dpop-client', undefined, undefined, { algorithm })
    return config.serverMetadata()
  }))
  assert.deepEqual(JSON.parse(JSON.stringify(oidc)), JSON.parse(JSON.stringify(oauth)))
  assert.equal(oidc.require_pushed_authorization_requests, true)
  assert.equal(oidc.authorization_response_iss_parameter_supported, true)
})

test('code with DPoP, payment details, userinfo, protected call, refresh with a new key, introspection, revocation', async () => {
  const config = await withKey('dpop-client')
  const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
  const tokens = await authorize(config, 'dpop-client', { authorization_details: JSON.stringify([payment]) }, DPoP)
  assert.equal(tokens.token_type.toLowerCase(), 'dpop')
  assert.deepEqual(tokens.authorization_details.map((d) => d.creditorName), ['Merchant A'])
  const { sub } = tokens.claims()

  const person = await client.fetchUserInfo(config, tokens.access_token, sub, { DPoP })
  assert.equal(person.name, 'Alice Adler')
  assert.equal(person.email, undefined, 'the scope email was not asked for')

  const call = await client.fetchProtectedResource(config, tokens.access_token, new URL(stage.api + '/accounts'), 'GET', undefined, undefined, { DPoP })
  assert.deepEqual(await call.json(), { sub, client_id: 'dpop-client' })

  const other = client.getDPoPHandle(config, await client.randomDPoPKeyPair('PS256'))
  const again = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP: other })
  const second = await client.fetchProtectedResource(config, again.access_token, new URL(stage.api + '/accounts'), 'GET', undefined, undefined, { DPoP: other })
  assert.equal(second.status, 200)
  await assert.rejects(client.fetchProtectedResource(config, again.access_token, new URL(stage.api + '/accounts'), 'GET', undefined, undefined, { DPoP }))

  const server = await withKey('resource-server')
  const told = await client.tokenIntrospection(server, again.access_token)
  assert.equal(told.active, true)
  assert.equal(told.token_type, 'DPoP')
  assert.equal(told.sub, sub)
  assert.ok(told.cnf.jkt)

  await client.tokenRevocation(config, tokens.refresh_token)
  assert.deepEqual(await client.tokenIntrospection(server, again.access_token), { active: false })
  await assert.rejects(client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP: other }), { error: 'invalid_grant' })
})

test('code with mutual TLS', async () => {
  const config = await withCertificate('mtls-client')
  const tokens = await authorize(config, 'mtls-client')
  assert.equal(tokens.token_type.toLowerCase(), 'bearer')
  const person = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)
  assert.equal(person.given_name, 'Alice')
  const call = await client.fetchProtectedResource(config, tokens.access_token, new URL(stage.api + '/accounts'), 'GET')
  assert.equal((await call.json()).client_id, 'mtls-client')
  const again = await client.refreshTokenGrant(config, tokens.refresh_token)
  assert.ok(again.access_token)
  await client.tokenRevocation(config, again.access_token)
})

test('client credentials with DPoP', async () => {
  const config = await withKey('dpop-client')
  const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
  const tokens = await client.clientCredentialsGrant(config, { scope: 'payments', resource: stage.api }, { DPoP })
  const call = await client.fetchProtectedResource(config, tokens.access_token, new URL(stage.api + '/accounts'), 'GET', undefined, undefined, { DPoP })
  assert.equal(call.status, 200)
})

test('a person who says no', async () => {
  const config = await withKey('dpop-client')
  const verifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const url = await client.buildAuthorizationUrlWithPAR(config, {
    redirect_uri: stage.clients['dpop-client'].redirect_uri, scope: 'openid', state,
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  })
  const back = await new Person().consent(url, 'deny')
  assert.equal(back.searchParams.get('iss'), stage.issuer)
  await assert.rejects(client.authorizationCodeGrant(config, back, { pkceCodeVerifier: verifier, expectedState: state }), { error: 'access_denied' })
})
