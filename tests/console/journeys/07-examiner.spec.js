// SPDX-License-Identifier: Apache-2.0
// The examiner: an account with a last day reads what it may, by pseudonyms; proves the audit trail without trust in
// the console; finds nothing that changes anything, on the pages or in the API; and is out when its day has come.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, expect, PASSWORD, WORK, accessible, api, confirm, keep, note, settled, shot, signIn } from '../lab.js'

test.describe.configure({ timeout: 150_000 })

const names = readFileSync(join(process.env.IMWARD_ROOT, 'scripts/demo-people.csv'), 'utf8').trim().split('\n').slice(1).map(line => line.split(','))
const secret = new RegExp(names.flatMap(([, name, mail,,,, login]) => [name, mail, `\\b${login}\\b`]).join('|').replaceAll('.', '\\.'))
const verify = of => execFileSync(process.env.IMWARD_PROGRAM, ['evidence', 'verify', of, '--key', process.env.IMWARD_AUDIT_KEY], { encoding: 'utf8', stdio: 'pipe' })

test('an examiner comes in until a day, and everything is by pseudonym', async ({ as, client, allowed }) => {
  const admin = await client('root')
  await confirm(admin)
  await keep(admin, 'root')
  allowed.push(/status of 422 .*\/api\/v1\/accounts$/)
  const me = await api(admin, 'GET', '/session')
  const wanted = { name: 'examiner', full_name: 'Erika Examiner', roles: ['examiner'], password: 'first ' + PASSWORD }
  const endless = await admin.request.post('/api/v1/accounts', { headers: { 'X-CSRF-Token': me.csrf }, data: wanted })
  expect(endless.status(), 'an account without a last day').toBe(422)
  expect((await endless.json()).field).toBe('expires')
  const day = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10)
  const made = await api(admin, 'POST', '/accounts', { ...wanted, expires: day + 'T22:59:59Z' })
  note('examiner', made.id)

  // The first sign-in asks for a password of one's own.
  const page = await as(null)
  await page.goto('/')
  await page.getByLabel('Name').fill('examiner')
  await page.getByLabel('Password').fill('first ' + PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('heading', { level: 1 })).toContainText(/password/i, { timeout: 40_000 })
  await shot(page, 'examiner-password')
  const fresh = page.locator('input[type=password]')
  await expect(fresh).toHaveCount(3)
  await fresh.nth(0).fill('first ' + PASSWORD)
  await fresh.nth(1).fill(PASSWORD)
  await fresh.nth(2).fill(PASSWORD)
  await page.locator('main button[type=submit]').click()
  await expect(page.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible({ timeout: 40_000 })
  await keep(page.context(), 'examiner')

  const navigation = page.getByRole('navigation', { name: 'Main' })
  for (const name of ['Events', 'People', 'Incidents', 'Four eyes', 'Policy', 'Audit trail', 'Evidence', 'Retention', 'Directory']) await expect(navigation.getByRole('link', { name, exact: true })).toBeVisible()
  for (const name of ['Accounts', 'Imports', 'Backup']) await expect(navigation.getByRole('link', { name, exact: true })).toHaveCount(0)
  await page.goto('/account')
  await settled(page)
  await expect(page.locator('main')).toContainText(day) // until when it is good
  await shot(page, 'examiner-account')

  // No page has a name of the directory, and none has a button that would change something.
  const person = (await api(page.context(), 'GET', '/usage/people?from=2026-01-01T00:00:00Z')).people[0]
  const incident = (await api(page.context(), 'GET', '/incidents?limit=1')).incidents[0]
  const policy = (await api(page.context(), 'GET', '/policies')).policies[0]
  const span = note('overview')
  for (const at of ['/' + span, '/events' + span, '/people' + span, `/people/${person.id}${span}`, '/incidents', `/incidents/${incident.id}`, '/policy', ...(policy ? [`/policy/${policy.id}`] : []), '/sensors', '/directory', '/departments', '/settings', '/retention', '/reveals', '/catalog', '/program', '/team', '/documents', '/signatures', '/exceptions', `/exceptions/${note('exception')}`, '/courses']) {
    await page.goto(at)
    await settled(page)
    await expect(page.getByRole('heading', { level: 1 })).not.toHaveText(/Not allowed|failed/)
    expect.soft(await page.locator('main').innerText(), `a name on ${at}`).not.toMatch(secret)
    const change = page.locator('main button:not(.sort)').filter({ hasText: /^(Draft|Publish|Save\b|Add|Remove|Revoke|Assign\b|Take\b|Merge|Ask\b|Bring|Import|Write|New (incident|person|certificate)|Change|Delete|Contain|Close the)/ })
    expect.soft(await change.allInnerTexts(), `what changes something on ${at}`).toEqual([])
    await shot(page, `examiner${at.replace(/\?.*/, '').replace(/\W+/g, '-').replace(/-$/, '') || '-overview'}`)
  }
  for (const at of ['/accounts', '/imports', '/backup']) {
    await page.goto(at)
    await expect(page.getByRole('heading', { level: 1, name: 'Not allowed' })).toBeVisible()
  }
  await shot(page, 'examiner-not-allowed')
})

test('the API refuses an examiner what changes something, and the trail says who tried', async ({ client }) => {
  const context = await client('examiner')
  const { csrf } = await api(context, 'GET', '/session')
  const incident = (await api(context, 'GET', '/incidents?limit=1')).incidents[0]
  const tries = [
    ['POST', '/policies', { text: 'version: 1\ndefault: allow\n' }], ['PUT', '/policies/1', { text: 'version: 1\n' }], ['POST', '/policies/1/publish'],
    ['POST', '/incidents', { title: 'x', severity: 1 }], ['PATCH', `/incidents/${incident.id}`, { version: incident.version, state: 'closed' }], ['POST', `/incidents/${incident.id}/notes`, { text: 'x' }],
    ['POST', '/reveals', { kind: 'person', object: '1', reason: 'to look' }], ['POST', '/sensors', { name: 'x', kind: 'sensor' }], ['DELETE', '/sensors/1'],
    ['POST', '/imports?name=x', undefined], ['POST', '/people', { name: 'x' }], ['PATCH', '/settings', { institution: 'x' }], ['GET', '/accounts'], ['POST', '/accounts', { name: 'x' }], ['PATCH', `/accounts/${note('examiner')}`, { roles: ['administrator'] }],
  ]
  for (const [method, path, data] of tries) {
    const answer = await context.request.fetch('/api/v1' + path, { method, headers: { 'X-CSRF-Token': csrf }, ...(data && { data }) })
    expect.soft(answer.status(), `${method} ${path}: ${await answer.text()}`).toBe(403)
  }
})

test('the trail is verified on the page, and by a program that trusts nobody', async ({ as }) => {
  const page = await as('examiner')
  await page.goto('/audit')
  await settled(page)
  await page.getByRole('button', { name: 'Verify now' }).click()
  await expect(page.getByText(/^Whole: [\d ,]+ records/)).toBeVisible({ timeout: 40_000 })
  await settled(page)
  await shot(page, 'examiner-audit')
  await page.getByRole('searchbox', { name: 'Search the trail' }).fill('examiner')
  await expect(page.getByRole('table', { name: 'Audit trail' })).toContainText('examiner')
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Export all of it' }).click()])
  const file = join(WORK, 'audit.ndjson')
  await download.saveAs(file)
  expect(verify(file)).toMatch(/whole/i)
  // One letter of it, and it is not.
  const text = readFileSync(file, 'utf8')
  const at = text.indexOf('examiner')
  const forged = join(WORK, 'forged.ndjson')
  writeFileSync(forged, text.slice(0, at) + 'E' + text.slice(at + 1))
  expect(() => verify(forged)).toThrow()

  const [csv] = await Promise.all([page.waitForEvent('download'), page.goto('/' + note('overview')).then(() => page.getByRole('link', { name: 'Export', exact: true }).click())])
  const events = readFileSync(await csv.path(), 'utf8')
  expect(events.split('\r\n').length).toBeGreaterThan(20)
  expect(events).not.toMatch(secret)
})

test('evidence: compliance makes a package, the examiner takes it away and proves it', async ({ as }) => {
  const page = await as('compliance')
  await page.goto('/evidence')
  await settled(page)
  await accessible(page, 'evidence without a package')
  await page.getByRole('button', { name: 'Make a package …' }).click()
  const making = page.getByRole('dialog', { name: 'Make an evidence package' })
  await making.getByLabel(/^For whom/).fill('Erika Examiner, FDIC')
  await making.getByLabel(/^What for/).fill('Examination of public messaging')
  await making.getByRole('button', { name: /Period/ }).click()
  await page.getByRole('option', { name: 'This quarter so far' }).click()
  await making.getByRole('button', { name: 'Make it' }).click()
  const row = of => of.getByRole('table', { name: 'Evidence packages' }).getByRole('row', { name: /Erika Examiner, FDIC/ })
  await expect(row(page)).toContainText('Ready', { timeout: 90_000 })
  await settled(page)
  await shot(page, 'evidence-with-a-package')

  const examiner = await as('examiner')
  await examiner.goto('/evidence')
  await settled(examiner)
  await expect(examiner.getByRole('button', { name: 'Make a package …' })).toHaveCount(0)
  const [download] = await Promise.all([examiner.waitForEvent('download'), row(examiner).getByRole('link', { name: 'Download' }).click()])
  const file = join(WORK, 'package.zip')
  await download.saveAs(file)
  const key = readFileSync(process.env.IMWARD_AUDIT_KEY, 'utf8').trim()
  await expect(examiner.getByLabel('the public key', { exact: true })).toContainText(key) // the same that the institution gives by another way
  expect(verify(file)).toMatch(/whole/i)
  const forged = readFileSync(file)
  forged[forged.length >> 1] ^= 1
  writeFileSync(join(WORK, 'forged.zip'), forged)
  expect(() => verify(join(WORK, 'forged.zip'))).toThrow()
  await examiner.getByRole('button', { name: /^Package \d+ in full$/ }).first().click()
  const whole = examiner.getByRole('dialog', { name: /^Package \d+$/ })
  await expect(whole).toContainText(createHash('sha256').update(readFileSync(file)).digest('hex'))
  await expect(whole.getByRole('button', { name: 'Remove …' })).toHaveCount(0)
  await accessible(examiner, 'dialog evidence package')
})

test('its last day ends it, on the page that is open', async ({ as, client, allowed }) => {
  allowed.push(/status of 401 /)
  const admin = await client('root')
  await confirm(admin)
  await keep(admin, 'root')
  const page = await as('examiner')
  await page.goto('/incidents')
  await settled(page)
  const end = Date.now() + 1500
  await api(admin, 'PATCH', `/accounts/${note('examiner')}`, { expires: new Date(end).toISOString() }) // which ends the sessions, too
  await expect.poll(async () => (await page.context().request.get('/api/v1/session')).status(), { timeout: 20_000 }).toBe(401)
  await page.getByRole('link', { name: 'Audit trail', exact: true }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Sign in' })).toBeVisible()
  await shot(page, 'examiner-ended')
  await expect.poll(() => Date.now() > end).toBe(true)
  const again = await page.context().request.post('/api/v1/session', { data: { name: 'examiner', password: PASSWORD }, timeout: 40_000 })
  expect(again.status()).toBe(401)
})
