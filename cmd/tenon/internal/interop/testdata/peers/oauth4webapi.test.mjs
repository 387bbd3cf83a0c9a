import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as oauth from 'oauth4webapi'
import { Person, assertionKey, certificateFetch, stage } from './stage.mjs'

async function server(options = {}) {
  const issuer = new URL(stage.issuer)
  return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options))
}

// challenged does a request again when it was refused for want of a nonce, as RFC 9449 §8 says. The library keeps the nonce.
async function challenged(request) {
  try {
    return await request()
  } catch (err) {
    if (!oauth.isDPoPNonceError(err)) throw err
    return request()
  }
}

// withKey is a client that authenticates by a key, and has a fresh one for its proofs.
async function withKey() {
  const { redirect_uri } = stage.clients['dpop-client']
  const client = { client_id: 'dpop-client', redirect_uri, id_token_signed_response_alg: 'ES256' }
  const auth = oauth.PrivateKeyJwt(await assertionKey('dpop-client'))
  return { client, auth, DPoP: oauth.DPoP(client, await oauth.generateKeyPair('ES256')) }
}

// flow goes from the pushed request to the tokens, by the library's own steps.
async function flow(as, client, auth, { DPoP, fetch: custom, scope = 'openid email payments', state = oauth.generateRandomState(), nonce = oauth.generateRandomNonce() } = {}) {
  const options = { DPoP, ...(custom && { [oauth.customFetch]: custom }) }
  const verifier = oauth.generateRandomCodeVerifier()
  const params = new URLSearchParams({
    response_type: 'code', redirect_uri: client.redirect_uri, scope, nonce, resource: stage.api,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  })
  if (state !== oauth.expectNoState) params.set('state', state)
  const pushed = await challenged(async () => oauth.processPushedAuthorizationResponse(
    as, client, await oauth.pushedAuthorizationRequest(as, client, auth, params, options)))
  assert.ok(pushed.expires_in > 0 && pushed.expires_in < 600)
  const url = new URL(as.authorization_endpoint)
  url.searchParams.set('client_id', client.client_id)
  url.searchParams.set('request_uri', pushed.request_uri)
  const back = oauth.validateAuthResponse(as, client, await new Person().consent(url), state)
  const redeem = async () => oauth.processAuthorizationCodeResponse(
    as, client, await oauth.authorizationCodeGrantRequest(as, client, auth, back, client.redirect_uri, verifier, options),
    { expectedNonce: nonce, requireIdToken: true })
  return { tokens: await challenged(redeem), redeem, options }
}

test('DPoP: code, userinfo, protected call, refresh, introspection, revocation', async () => {
  const as = await server()
  const { client, auth, DPoP } = await withKey()
  const { tokens, options } = await flow(as, client, auth, { DPoP })
  const claims = oauth.getValidatedIdTokenClaims(tokens)

  const person = await challenged(async () => oauth.processUserInfoResponse(
    as, client, claims.sub, await oauth.userInfoRequest(as, client, tokens.access_token, options)))
  assert.equal(person.email, 'alice@example.com')
  const call = await challenged(() => oauth.protectedResourceRequest(
    tokens.access_token, 'GET', new URL(stage.api + '/accounts'), undefined, undefined, options))
  assert.equal((await call.json()).sub, claims.sub)

  const fresh = { DPoP: oauth.DPoP(client, await oauth.generateKeyPair('Ed25519')) }
  const again = await challenged(async () => oauth.processRefreshTokenResponse(
    as, client, await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token, fresh)))
  assert.ok(again.access_token)

  const rs = { client_id: 'resource-server' }
  const rsAuth = oauth.PrivateKeyJwt(await assertionKey('resource-server'))
  const told = await oauth.processIntrospectionResponse(as, rs, await oauth.introspectionRequest(as, rs, rsAuth, again.access_token))
  assert.equal(told.active, true)
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, again.access_token))
  const gone = await oauth.processIntrospectionResponse(as, rs, await oauth.introspectionRequest(as, rs, rsAuth, again.access_token))
  assert.deepEqual(gone, { active: false })
})

test('mutual TLS: code, userinfo, protected call, refresh', async () => {
  const custom = certificateFetch('mtls-client')
  const as = await server()
  const { redirect_uri } = stage.clients['mtls-client']
  const client = { client_id: 'mtls-client', redirect_uri, use_mtls_endpoint_aliases: true, id_token_signed_response_alg: 'ES256' }
  const { tokens, options } = await flow(as, client, oauth.TlsClientAuth(), { fetch: custom })
  const claims = oauth.getValidatedIdTokenClaims(tokens)
  const person = await oauth.processUserInfoResponse(as, client, claims.sub, await oauth.userInfoRequest(as, client, tokens.access_token, options))
  assert.equal(person.sub, claims.sub)
  const call = await oauth.protectedResourceRequest(tokens.access_token, 'GET', new URL(stage.api + '/accounts'), undefined, undefined, options)
  assert.equal(call.status, 200)
  const again = await oauth.processRefreshTokenResponse(as, client, await oauth.refreshTokenGrantRequest(as, client, oauth.TlsClientAuth(), tokens.refresh_token, options))
  assert.ok(again.access_token)
})

test('neither state nor scope email; a second use of the code ends what the first gave', async () => {
  const as = await server()
  const { client, auth, DPoP } = await withKey()
  const { tokens, redeem, options } = await flow(as, client, auth, { DPoP, scope: 'payments openid', state: oauth.expectNoState })
  await assert.rejects(redeem, { error: 'invalid_grant' })
  await assert.rejects(async () => oauth.processRefreshTokenResponse(
    as, client, await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token, options)), { error: 'invalid_grant' })
})

test('long state and nonce come back as they went', async () => {
  const as = await server()
  const { client, auth, DPoP } = await withKey()
  const nonce = 'n'.repeat(64)
  const { tokens } = await flow(as, client, auth, { DPoP, state: 's'.repeat(1500), nonce }) // the library compares both
  assert.equal(oauth.getValidatedIdTokenClaims(tokens).nonce, nonce)
})
