// What a person sees, in a browser: every page of a login, in both themes and at the width of a phone, with axe-core looking on.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, test } from 'node:test'
import * as client from 'openid-client'
import * as chromium from './chromium.mjs'
import { assertionKey, stage } from './stage.mjs'

let browser, config

before(async () => {
  browser = await chromium.launch()
  config = await client.discovery(new URL(stage.issuer), 'dpop-client', undefined, client.PrivateKeyJwt(await assertionKey('dpop-client')))
})

after(() => browser?.close())

// A visitor ends on a page that says so when it is sent back to the client: nobody is there.
async function visitor(options = {}) {
  const page = await chromium.visitor(browser, options)
  await page.context().route('https://localhost:1/**', (route) => route.fulfill({ status: 200, body: 'back at the client' }))
  return page
}

const look = (page, name) => chromium.look(page, stage.shots, name)
const logIn = (page, password = stage.user.password) => chromium.logIn(page, stage.user.username, password)

// ask pushes an authorization request and gives where to send the person.
async function ask(more = {}) {
  const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
  const verifier = client.randomPKCECodeVerifier()
  const url = await client.buildAuthorizationUrlWithPAR(config, {
    redirect_uri: stage.clients['dpop-client'].redirect_uri, scope: 'openid profile payments', resource: stage.api,
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...more,
  }, { DPoP })
  return { url: url.href, redeem: (back) => client.authorizationCodeGrant(config, new URL(back), { pkceCodeVerifier: verifier, idTokenExpected: true }, undefined, { DPoP }) }
}

const backAtTheClient = (page) => page.waitForURL('https://localhost:1/**')

// A one-time code of RFC 6238, as an app makes it.
function oneTimeCode(secret, at = Date.now()) {
  const bits = [...secret.replace(/[\s=]/g, '')].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30000)))
  const mac = createHmac('sha1', key).update(counter).digest()
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1e6).padStart(6, '0')
}

test('password, consent to a payment, and the tokens of it', async () => {
  const page = await visitor()
  const { url, redeem } = await ask({
    authorization_details: JSON.stringify([{
      type: 'payment_initiation', instructedAmount: { currency: 'EUR', amount: '1234.50' }, creditorName: 'Möbelhaus Adler',
      creditorAccount: { iban: 'DE02100100109307118603' }, remittanceInformationUnstructured: 'Invoice 4711', actions: ['initiate'],
    }]),
  })
  await page.goto(url)
  await look(page, 'login')
  await logIn(page, 'not the password at all')
  await page.waitForSelector('[role=alert]')
  await look(page, 'login-wrong')
  await logIn(page)
  await page.waitForSelector('#approve')
  assert.match(await page.textContent('main'), /1,234\.50/)
  await look(page, 'consent-payment')
  await page.click('#approve')
  await backAtTheClient(page)
  const tokens = await redeem(page.url())
  assert.equal(tokens.claims().acr, 'urn:tenon:acr:password')
  await page.context().close()
})

test('consent without details, and a refusal', async () => {
  const page = await visitor({ locale: 'de-DE' })
  const { url, redeem } = await ask({ prompt: 'consent', ui_locales: 'de' })
  await page.goto(url)
  await logIn(page)
  await page.waitForSelector('#deny')
  assert.equal(await page.getAttribute('html', 'lang'), 'de')
  await look(page, 'consent-scopes-de')
  await page.click('#deny')
  await backAtTheClient(page)
  assert.equal(new URL(page.url()).searchParams.get('iss'), stage.issuer)
  await assert.rejects(redeem(page.url()), { error: 'access_denied' })
  await page.context().close()
})

test('an error page says what happened and never redirects', async () => {
  const page = await visitor()
  const answer = await page.goto(`${stage.issuer}/authorize?client_id=dpop-client&request_uri=urn:ietf:params:oauth:request_uri:nothing`)
  assert.equal(answer.status(), 400)
  assert.match(await page.textContent('#error'), /invalid_request_uri/)
  await look(page, 'error')
  await page.context().close()
})

test('a request_uri that was completed is refused in another browser', async () => {
  const one = await visitor()
  const two = await visitor()
  const { url } = await ask({ prompt: 'consent' })
  await one.goto(url)
  await two.goto(url)
  await logIn(one)
  await one.click('#approve')
  await backAtTheClient(one)
  await logIn(two)
  await two.waitForSelector('#error')
  await one.context().close()
  await two.context().close()
})

test('the own page: a passkey, one-time codes, sessions and grants; then logins with each', async () => {
  const page = await visitor()
  await page.goto(`${stage.issuer}/account`)
  await logIn(page)
  await page.waitForSelector('#passkeys')
  await look(page, 'account')

  const cdp = await page.context().newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  })
  await page.click('#passkey')
  await page.waitForSelector('#name')
  await look(page, 'passkey-name')
  await page.fill('#name', 'Laptop of Alice')
  await page.click('#save')
  await page.waitForSelector('text=Laptop of Alice')

  await page.click('#enroll')
  await page.waitForSelector('.qr')
  await look(page, 'codes-enroll')
  const secret = await page.textContent('#secret')
  await page.fill('#code', oneTimeCode(secret))
  await page.click('#confirm')
  await page.waitForSelector('.codes')
  const recovery = await page.locator('.codes li').first().textContent()
  await look(page, 'recovery-codes')
  await page.click('#done')
  await look(page, 'account-full')

  // The passkey is enough, and is told as what it is.
  const withPasskey = await ask({ acr_values: 'phr', prompt: 'login consent' })
  await page.goto(withPasskey.url) // the browser offers the passkey in the field for the name, and this authenticator takes it at once
  await page.waitForSelector('#approve')
  await page.click('#approve')
  await backAtTheClient(page)
  assert.match((await withPasskey.redeem(page.url())).claims().acr, /^phrh?$/)
  await page.context().close()

  // In another browser, the password alone is not.
  const other = await visitor()
  const withCode = await ask({ prompt: 'consent' })
  await other.goto(withCode.url)
  await logIn(other)
  await other.waitForSelector('#code')
  await look(other, 'second-factor')
  await other.fill('#code', oneTimeCode(secret, Date.now() + 30000)) // this step's code was used to enrol
  await other.click('#login')
  await other.waitForSelector('#approve')
  await other.click('#approve')
  await backAtTheClient(other)
  assert.equal((await withCode.redeem(other.url())).claims().acr, 'urn:tenon:acr:mfa')

  // A grant is ended where it is shown.
  await other.goto(`${stage.issuer}/account`)
  const before = await other.locator('section[aria-labelledby=grants] details.confirm').count()
  await other.locator('section[aria-labelledby=grants] details.confirm summary').first().click()
  await other.locator('section[aria-labelledby=grants] details.confirm button').first().click()
  await other.waitForLoadState()
  assert.equal(await other.locator('section[aria-labelledby=grants] details.confirm').count(), before - 1)
  await other.context().close()

  // A recovery code stands in for the app, once.
  const third = await visitor()
  await third.goto(`${stage.issuer}/account`)
  await logIn(third)
  await third.locator('details.other summary').click()
  await third.fill('#recovery', recovery)
  await third.locator('details.other button').click()
  await third.waitForSelector('#passkeys')
  await third.context().close()
})

test('everything but the passkey works without script, and by keyboard', async () => {
  const page = await visitor({ javaScriptEnabled: false })
  const { url } = await ask({ prompt: 'consent' })
  await page.goto(url)
  await page.keyboard.type(stage.user.username) // the field has the focus
  await page.keyboard.press('Tab')
  await page.keyboard.type('wrong password here')
  await page.keyboard.press('Enter')
  await page.waitForSelector('[role=alert]')
  await page.context().close()
})
