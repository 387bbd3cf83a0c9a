// The demo's web shop, as a person in a browser meets it.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'

const { shop, user, password, shots } = JSON.parse(readFileSync(process.env.TENON_STAGE, 'utf8'))
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
let browser

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
})

after(() => browser?.close())

async function look(page, name) {
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [1280, 320]) {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize({ width, height: 800 })
      await page.screenshot({ path: join(shots, `${name}-${colorScheme}-${width}.png`), fullPage: true })
      const { violations } = await page.evaluate(`(() => { const module = undefined; ${axe}; return axe.run() })()`)
      assert.deepEqual(violations.filter((v) => ['serious', 'critical'].includes(v.impact)).map((v) => `${v.id}: ${v.nodes.map((n) => n.html)}`), [], name)
    }
  }
  await page.setViewportSize({ width: 1280, height: 800 })
}

test('a person pays, sees the token, its binding and its entry, and the thief gets nothing', async () => {
  const page = await (await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-GB' })).newPage()
  await page.goto(shop)
  await look(page, 'demo-shop')
  await page.click('#buy')
  await page.fill('#username', user)
  await page.fill('#password', password)
  await page.click('#login')
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
  await look(page, 'demo-paid')
  await page.context().close()
})

test('a person who refuses pays nothing', async () => {
  const page = await (await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-GB' })).newPage()
  await page.goto(shop)
  await page.click('#buy')
  await page.fill('#username', user)
  await page.fill('#password', password)
  await page.click('#login')
  await page.click('#deny')
  await page.waitForSelector('[role=alert]')
  assert.match(await page.textContent('[role=alert]'), /Nothing was paid/)
  await page.context().close()
})
