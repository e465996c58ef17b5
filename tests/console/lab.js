// SPDX-License-Identifier: Apache-2.0
// What all journeys share: a page that tells of every error, violation and request to elsewhere; accounts; screenshots.
import { test as base, expect } from '@playwright/test'
import { execFileSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

export const PASSWORD = 'correct horse battery 27'
export const WORK = process.env.IMWARD_JOURNEY_WORK ?? '/tmp/imward-journeys'
export const SHOTS = process.env.SHOTS ?? ''
export const DEMO_DAY = '2026-01-14'
mkdirSync(WORK, { recursive: true })
/** Who is signed in, by worker: a proof of identity renews a session, and would end that of a journey beside it. */
const stateFile = role => join(WORK, `session-${process.env.TEST_PARALLEL_INDEX}-${role}.json`)

/** Notes that one journey leaves for a later one. */
export function note(name, value) {
  const file = join(WORK, `note-${name}.json`)
  if (value !== undefined) writeFileSync(file, JSON.stringify(value))
  return value ?? (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined)
}

/** Watches a context: whatever a browser complains about makes the test fail. What is expected is put in `allowed`. */
function watch(context, wrong, allowed) {
  const usual = [/status of 401 .*\/api\/v1\/session$/, /status of 401 .*\/(decision|publish|sign)$/] // nobody is signed in yet: the browser itself says that the answer was no
  const tell = text => { if (![...usual, ...allowed].some(one => one.test(text))) wrong.push(text) }
  const origin = new URL(process.env.IMWARD_CONSOLE ?? 'https://127.0.0.1:8443').origin
  context.on('console', message => { if (['error', 'warning'].includes(message.type())) tell(`${message.type()} at ${new URL(message.page()?.url() ?? 'about:blank').pathname}: ${message.text()} ${message.location().url ?? ''}`) })
  context.on('weberror', error => tell(`thrown at ${error.page()?.url()}: ${error.error().stack}`))
  context.on('request', request => { const url = request.url(); if (!url.startsWith(origin) && !/^(blob|data|about):/.test(url)) tell(`asked another host: ${url}`) })
  context.on('response', response => { if (response.status() >= 500) tell(`${response.status()} of ${response.request().method()} ${response.url()}`) })
}

export const test = base.extend({
  allowed: async ({}, use) => { await use([]) },
  complaints: async ({}, use) => { await use([]) },
  /** Somebody of one role without a page, to ask the API: `await api(await client('root'), 'GET', '/people')`. */
  client: async ({ browser, allowed, complaints }, use) => {
    const contexts = []
    await use(async (role, options = {}) => {
      const known = role && existsSync(stateFile(role))
      const context = await browser.newContext({ ...(known && { storageState: stateFile(role) }), ...options })
      context.role = role
      watch(context, complaints, allowed)
      contexts.push(context)
      if (role && !known) await signIn(context, role)
      return context
    })
    // What a proof of identity renewed is the session from now on.
    for (const context of contexts) {
      if (context.role && (await context.request.get('/api/v1/session')).ok()) await keep(context, context.role)
      await context.close()
    }
    expect(complaints, 'what browsers complained about').toEqual([])
  },
  /** A browser of one role: `const page = await as('engineer')`. Several at once are several people. */
  as: async ({ client }, use) => use(async (role, options) => (await client(role, options)).newPage()),
})
export { expect }

/** A session of the API in this context: the cookie is the browser's too. */
export async function signIn(context, name, password = PASSWORD, more = {}) {
  const answer = await context.request.post('/api/v1/session', { data: { name, password, ...more }, timeout: 60_000 })
  expect(answer.status(), `${name} signs in: ${await answer.text()}`).toBe(200)
  return answer.json()
}
export async function keep(context, role) {
  await context.storageState({ path: stateFile(role) })
}
/** Ask the API as the one who is signed in in this context. Who it is, is said again where that is asked. */
export async function api(context, method, path, data) {
  const ask = async (method, path, data) => {
    const me = await (await context.request.get('/api/v1/session')).json()
    return context.request.fetch('/api/v1' + path, { method, timeout: 60_000, headers: { 'X-CSRF-Token': me.csrf }, ...(data !== undefined && { data }) })
  }
  let answer = await ask(method, path, data)
  if (answer.status() === 401 && (await answer.json()).field === 'reauthenticate') {
    await ask('POST', '/session/confirm', { password: PASSWORD })
    answer = await ask(method, path, data)
  }
  expect(answer.ok(), `${method} ${path}: ${answer.status()} ${await answer.text()}`).toBe(true)
  return answer.status() === 204 ? null : answer.json()
}

/** Say again who one is, as before what is grave; the session has another token of CSRF then, and maybe another name. */
export async function confirm(context, password = PASSWORD) {
  const me = await (await context.request.get('/api/v1/session')).json()
  const answer = await context.request.post('/api/v1/session/confirm', { headers: { 'X-CSRF-Token': me.csrf }, data: { password }, timeout: 60_000 })
  expect(answer.status(), await answer.text()).toBe(200)
}

/** Nothing loads any more: what is being read has come. */
export async function settled(page) {
  await page.waitForFunction(() => !document.querySelector('.loading, .skeleton, [aria-busy="true"]') && document.querySelector('h1'))
  await page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))))
}
/** Goes to a page, and waits until it is there. */
export async function open(page, path) {
  await page.goto(path)
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
  await settled(page)
}
export const toast = (page, text) => expect(page.locator('.toasts').getByText(text).last()).toBeVisible()
export async function choose(page, from, label, option) {
  await from.getByRole('button', { name: label }).click()
  await page.getByRole('option', { name: option }).click()
}
export async function shot(page, name, options = {}) {
  if (SHOTS === '') return
  mkdirSync(SHOTS, { recursive: true })
  await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true, animations: 'disabled', ...options })
}

/** The code of an authenticator (RFC 6238: SHA-1, 30 seconds, six digits) for a secret in base 32. */
export function otp(secret, at = Date.now()) {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...secret.replace(/=+$/, '')].map(letter => letters.indexOf(letter).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map(one => parseInt(one, 2)))
  const count = Buffer.alloc(8)
  count.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)))
  const mac = createHmac('sha1', key).update(count).digest()
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

/** Drop a file from this machine on a place of the page, as the mouse of a person does (Chromium's own drag events). */
export async function drop(page, place, file) {
  const box = await place.boundingBox()
  const at = { x: box.x + box.width / 2, y: box.y + 20, data: { items: [], files: [file], dragOperationsMask: 1 } }
  const devtools = await page.context().newCDPSession(page)
  for (const type of ['dragEnter', 'dragOver', 'drop']) await devtools.send('Input.dispatchDragEvent', { type, ...at })
  await devtools.detach()
}
/** End a program that a journey started, and wait for its end. */
export async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise(done => child.once('exit', done))
  child.kill('SIGTERM')
  const hard = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await ended
  clearTimeout(hard)
}

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']
// What depends on the theme; all else of axe looks at the same elements, which are there in both.
const COLOURS = ['color-contrast', 'link-in-text-block']
/** What a page is made of does not depend on the database: axe and the camera look at it once. */
export const AUDITED = process.env.IMWARD_DATABASE !== 'postgresql'
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** What axe finds on the page in this theme. Of a page behind a dialog or a menu nothing: it is looked at by itself. */
export async function findings(page, theme) {
  if (!await page.evaluate(() => 'axe' in window)) await page.evaluate(AXE) // once in a page, for both themes
  return page.evaluate(async runOnly => {
    const above = document.querySelector('.modal, .popover')
    const { violations } = await window.axe.run(above ? { include: [['.modal, .popover']] } : document, { runOnly, resultTypes: ['violations'] })
    return violations.map(one => `${one.id}: ${one.help}: ${one.nodes.slice(0, 4).map(node => `${node.target.join(' ')} ${node.any[0]?.message ?? ''}`).join(' | ')}`)
  }, theme === 'dark' ? { type: 'rule', values: COLOURS } : { type: 'tag', values: TAGS })
}

/** Axe finds nothing on the page as it is, with its dialogs and menus, in both themes. */
export async function accessible(page, what) {
  if (!AUDITED) return
  const found = []
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' }) // nothing to wait for
    await page.evaluate(() => Promise.all(document.getAnimations().filter(one => one.effect?.getTiming().iterations !== Infinity).map(one => one.finished.catch(() => {}))))
    for (const one of await findings(page, colorScheme)) found.push(`${what}, ${colorScheme}: ${one}`)
    await shot(page, `${what.replace(/\W+/g, '-')}-${colorScheme}`)
  }
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: null })
  expect(found, 'what axe finds').toEqual([])
}

/** Opens something, which takes the focus; looks at it; closes it again, and the focus is back where it was. */
export async function look(page, what, opener) {
  await opener.click()
  const opened = page.locator('[role=dialog], [role=menu], [role=listbox]').last()
  await expect(opened).toBeVisible()
  await expect.poll(() => opened.evaluate(one => one.contains(document.activeElement)), { message: `${what} has the focus` }).toBe(true)
  await accessible(page, what)
  await page.keyboard.press('Escape')
  await expect(page.locator('.modal, .popover')).toHaveCount(0)
  if (await opener.count() > 0) await expect(opener, `the focus after ${what}`).toBeFocused()
}

/** A document of ours in force, which everybody is to sign: that of the compliance officer's journey, or one made here. Its ids. */
export async function documentInForce(client) {
  const clara = await client('compliance')
  const there = (await api(clara, 'GET', '/documents')).documents.find(one => one.in_force !== null)
  if (there) return { document: there.id, version: there.in_force.version }
  const made = await api(clara, 'POST', '/documents', { title: 'Public messaging', template: 'public-im', edition: '2026-12' })
  const at = `/documents/${made.id}/versions/${made.open.id}`
  await api(clara, 'POST', `${at}/propose`)
  for (const one of ['second', 'manager']) await api(await client(one), 'POST', `${at}/decision`, { approve: true, sha256: made.open.sha256 })
  await api(clara, 'POST', `${at}/publish`, {})
  return { document: made.id, version: made.open.id }
}

/** What a sensor kept of the bundled capture: {events, message: its number in the vault, text}; tests/check/console-journeys made it. */
export const kept = () => JSON.parse(readFileSync(process.env.IMWARD_KEPT, 'utf8'))
/** Brings events in, as a file of them, and waits until they are there. */
export async function bring(context, name, events) {
  const me = await api(context, 'GET', '/session')
  const answer = await context.request.post(`/api/v1/imports?name=${name}`, { headers: { 'X-CSRF-Token': me.csrf, 'Content-Type': 'application/octet-stream' }, data: Buffer.from(events.map(one => JSON.stringify(one) + '\n').join('')) })
  expect(answer.ok(), await answer.text()).toBe(true)
  const { id } = await answer.json()
  await expect.poll(async () => (await api(context, 'GET', `/imports/${id}`)).state, { timeout: 30_000 }).toBe('done')
  expect((await api(context, 'GET', `/imports/${id}`)).events).toBe(events.length)
}
/** Says once more who it is, where that is asked: it is not within minutes of signing in. `done`: what is seen then. */
export async function confirmIdentity(page, done) {
  const dialog = page.getByRole('dialog', { name: 'Confirm that it is you' })
  await expect(dialog.or(done)).toBeVisible()
  if (await dialog.isVisible()) {
    await dialog.getByLabel(/^Password/).fill(PASSWORD)
    await dialog.getByRole('button', { name: 'Confirm' }).click()
    await expect(dialog).toBeHidden({ timeout: 60_000 })
  }
  await expect(done).toBeVisible({ timeout: 60_000 }) // a password is hashed slowly on purpose
}
/** Lets time pass for what is stored: a deadline is weeks away, and nobody waits for it here. */
export function age(statement) {
  const store = process.env.IMWARD_STORE
  if (store.startsWith('postgresql:')) execFileSync('psql', ['-q', '-X', '-d', store, '-c', statement])
  else execFileSync('python3', ['-c', 'import sqlite3, sys\nwith sqlite3.connect(sys.argv[1], timeout=20) as db: db.execute(sys.argv[2])', store, statement])
}
