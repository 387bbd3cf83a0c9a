// What the scripts in a browser share: the browser, and a hard look at a page.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const looks = [
  { name: 'light', colorScheme: 'light', viewport: { width: 1280, height: 900 } },
  { name: 'dark', colorScheme: 'dark', viewport: { width: 1280, height: 900 } },
  { name: 'phone', colorScheme: 'light', viewport: { width: 320, height: 640 } },
  { name: 'phone-dark', colorScheme: 'dark', viewport: { width: 320, height: 640 } },
]

export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})

// A visitor is a browser that nobody has used before.
export async function visitor(browser, options = {}) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-GB', viewport: looks[0].viewport, ...options })
  return context.newPage()
}

// look takes a picture of a page in every look and holds it to axe-core. Nothing serious may be wrong, and nothing may need to
// be scrolled sideways.
export async function look(page, shots, name) {
  for (const { name: how, colorScheme, viewport } of looks) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize(viewport)
    await page.screenshot({ path: join(shots, `${name}-${how}.png`), fullPage: true })
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    assert.ok(wide <= 0, `${name} in ${how} is ${wide} px too wide`)
    const { violations } = await page.evaluate(`(() => { const module = undefined; ${axe}; return axe.run() })()`)
    const serious = violations.filter((v) => v.impact === 'serious' || v.impact === 'critical')
    assert.deepEqual(serious.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html).join(' ')}`), [], `${name} in ${how}`)
  }
  await page.emulateMedia({ colorScheme: 'light' })
  await page.setViewportSize(looks[0].viewport)
}

// logIn fills in the login page.
export async function logIn(page, username, password) {
  await page.fill('#username', username)
  await page.fill('#password', password)
  await page.click('#login')
}
