// What the scripts share: where the server is, and a person who fills in its pages without a browser.
import { readFileSync } from 'node:fs'
import { importJWK } from 'jose'
import { Agent, fetch as undiciFetch } from 'undici'

export const stage = JSON.parse(readFileSync(process.env.TENON_STAGE, 'utf8'))
const ca = readFileSync(stage.ca)

export async function assertionKey(name) {
  const jwk = stage.clients[name].key
  return { key: await importJWK(jwk, 'ES256'), kid: jwk.kid }
}

// A fetch that shows a client certificate.
export function certificateFetch(name) {
  const { cert, cert_key } = stage.clients[name]
  const dispatcher = new Agent({ connect: { ca, cert: readFileSync(cert), key: readFileSync(cert_key) } })
  return (url, options) => undiciFetch(url, { ...options, dispatcher })
}

// A person with a cookie jar. It reads the forms of a page and sends one of them back.
export class Person {
  cookies = new Map()

  async visit(url, options = {}) {
    for (let hops = 0; hops < 10; hops++) {
      const answer = await fetch(url, {
        ...options, redirect: 'manual',
        headers: { ...options.headers, cookie: [...this.cookies].map(([k, v]) => `${k}=${v}`).join('; ') },
      })
      for (const line of answer.headers.getSetCookie()) {
        const [pair] = line.split(';')
        const at = pair.indexOf('=')
        const [name, value] = [pair.slice(0, at), pair.slice(at + 1)]
        if (value === '' || /max-age=0/i.test(line)) this.cookies.delete(name)
        else this.cookies.set(name, value)
      }
      if (answer.status !== 303) return { url, status: answer.status, text: await answer.text() }
      url = new URL(answer.headers.get('location'), url).href
      options = {}
      if (!url.startsWith(stage.issuer + '/')) return { url, status: 303, text: '' }
    }
    throw new Error('too many redirects')
  }

  // submit sends the form that has a submit button with this id.
  async submit(page, button, fields = {}) {
    for (const [form] of page.text.matchAll(/<form[\s\S]*?<\/form>/g)) {
      const pressed = form.match(new RegExp(`<button[^>]*id="?${button}"?[^>]*>`))
      if (!pressed) continue
      const body = new URLSearchParams()
      for (const [input] of form.matchAll(/<input[^>]*>/g)) {
        const name = attribute(input, 'name')
        if (name && attribute(input, 'type') !== 'checkbox') body.set(name, fields[name] ?? attribute(input, 'value') ?? '')
      }
      if (attribute(pressed[0], 'name')) body.set(attribute(pressed[0], 'name'), attribute(pressed[0], 'value') ?? '')
      const action = attribute(pressed[0], 'formaction') ?? attribute(form, 'action') ?? page.url
      return this.visit(new URL(action, page.url).href, {
        method: 'POST', body, headers: { origin: new URL(stage.issuer).origin, 'sec-fetch-site': 'same-origin' },
      })
    }
    throw new Error(`no form with a button ${button} in a page of status ${page.status}: ${page.text.slice(0, 2000)}`)
  }

  // consent goes from the authorization request to the client: logs in when asked, and says yes or no.
  async consent(url, answer = 'approve') {
    let page = await this.visit(String(url))
    if (page.text.includes('id="password"')) {
      page = await this.submit(page, 'login', { username: stage.user.username, password: stage.user.password })
    }
    if (page.status !== 303) page = await this.submit(page, answer)
    if (page.status !== 303) throw new Error(`the person ended on a page of status ${page.status}: ${page.text.slice(0, 2000)}`)
    return new URL(page.url)
  }
}

function attribute(tag, name) {
  const found = tag.match(new RegExp(`\\s${name}="([^"]*)"`))
  return found?.[1].replaceAll('&amp;', '&').replaceAll('&#43;', '+').replaceAll('&#34;', '"').replaceAll('&#39;', "'")
}
