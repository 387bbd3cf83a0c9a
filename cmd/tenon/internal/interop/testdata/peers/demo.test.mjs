// The demo's web shop, as a person in a browser meets it.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { launch, logIn, look, visitor } from './chromium.mjs'

const { shop, user, password, shots } = JSON.parse(readFileSync(process.env.TENON_STAGE, 'utf8'))
let browser

before(async () => { browser = await launch() })

after(() => browser?.close())

test('a person pays, sees the token, its binding and its entry, and the thief gets nothing', async () => {
  const page = await visitor(browser)
  await page.goto(shop)
  await look(page, shots, 'demo-shop')
  await page.click('#buy')
  await logIn(page, user, password)
  await page.waitForSelector('#approve')
  assert.match(await page.textContent('main'), /12\.50/)
  await page.click('#approve')
  await page.waitForSelector('#paid')
  assert.match(await page.textContent('#paid'), /^201/)
  const jkt = await page.textContent('#jkt')
  assert.match(await page.textContent('#token'), new RegExp(`"jkt": "${jkt}"`))
  assert.match(await page.textContent('#token'), new RegExp(`"i": ${await page.textContent('#index')}`))
  assert.match(await page.textContent('#entry'), /token\.issued/)
  await page.click('#steal')
  await page.waitForSelector('#thief table')
  assert.deepEqual((await page.locator('#thief strong').allTextContents()).map((s) => s.trim()), ['401 invalid_token', '401 invalid_dpop_proof'])
  await look(page, shots, 'demo-paid')
  await page.context().close()
})

test('a person who refuses pays nothing', async () => {
  const page = await visitor(browser)
  await page.goto(shop)
  await page.click('#buy')
  await logIn(page, user, password)
  await page.click('#deny')
  await page.waitForSelector('[role=alert]')
  assert.match(await page.textContent('[role=alert]'), /Nothing was paid/)
  await page.context().close()
})
