// SPDX-License-Identifier: Apache-2.0
// Every page of the router, in both themes: axe finds nothing, the browser complains of nothing; pictures with SHOTS=DIR.
// With PostgreSQL the pages are the same: there they are opened, and what the browser complains of is looked at, once.
// The list is read from src/app/routes.ts, so that a new page is looked at without a line here; one with a part in its
// path needs an example below, or the test says so.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, expect, AUDITED, api, documentInForce, findings, note, settled, shot } from '../lab.js'

const source = readFileSync(join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../../../web/src/app/routes.ts'), 'utf8')
const paths = [...source.matchAll(/\{ path: '([^']+)', permission: (?:'([^']*)'|null)/g)].map(one => one[1])

async function examples(context, employee, { document, version }, paths) {
  const events = (await api(context, 'GET', '/events?limit=200')).events
  const flow = note('flow') ?? events.find(one => one.kind === 'flow' && one.flow_id !== null)?.flow_id
  const policies = (await api(context, 'GET', '/policies')).policies
  if (policies.length === 0) policies.push(await api(context, 'POST', '/policies', { text: 'version: 1\ndefault: alert\nrules:\n  - name: no files over public messaging\n    match: {class: im, activity: [file]}\n    action: block\n' }))
  const incidents = (await api(context, 'GET', '/incidents?limit=1')).incidents
  const people = (await api(context, 'GET', '/people?limit=1').catch(() => ({ people: [] }))).people
  const departments = (await api(context, 'GET', '/departments')).departments
  const courses = (await api(context, 'GET', '/courses')).courses
  const assessments = (await api(context, 'GET', '/assessments')).assessments
  if (assessments.length === 0) assessments.push(await api(context, 'POST', '/assessments', { service: 'whatsapp' }))
  return {
    '/exceptions/:id': note('exception'), '/mine/exceptions/:id': note('exception'), '/courses/:id': courses[0]?.id, // of 04-compliance, 08-training
    '/events/:id': events.find(one => one.kind === 'alert')?.id ?? events[0]?.id, '/flows/:id': flow, '/people/:who': events.find(one => one.who)?.who.id,
    '/incidents/:id': incidents[0]?.id, '/policy/:id': policies[0]?.id, '/catalog/:service': events.find(one => one.service)?.service,
    '/directory/:id': people[0]?.id, '/departments/:id': departments[0]?.id,
    '/documents/:id': document, '/documents/:id/versions/:version': [document, version], '/mine/documents/:id': document, '/signatures/:id': paths.includes('/signatures/:id') ? await signature(employee, document) : undefined,
    '/clients/:product': 'pidgin', '/advisories/:id': (await api(context, 'GET', '/clients/advisories?limit=1')).advisories[0]?.id,
    '/risks/:id': assessments[0].id, '/mine/training/:course': note('course'), '/mine/training/attempts/:id': note('attempt'), // of 08-training
  }
}
/** A signature: the employee's, who gives it here if nobody has yet. */
async function signature(employee, document) {
  const mine = await api(employee, 'GET', `/mine/documents/${document}`)
  if (mine.signature) return mine.signature.id
  const { name } = await api(employee, 'GET', '/mine/documents')
  return (await api(employee, 'POST', `/mine/documents/${document}/sign`, { version: mine.version, sha256: mine.sha256, name })).id
}
/** The page as it is, in this theme. */
async function look(page, theme, name, wrong) {
  await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
  await expect(page.locator('html')).toHaveAttribute('data-theme', theme)
  await shot(page, `${theme}-${name}`)
  for (const one of await findings(page, theme)) wrong.push(`${name} ${theme}: ${one}`)
}

test.describe.configure({ mode: 'parallel' })
const half = Math.ceil(paths.length / 2)
for (const [name, some] of [['the first half', paths.slice(0, half)], ['the second half', paths.slice(half)]]) test(`every page, in both themes: ${name}`, async ({ as, client }) => {
  test.setTimeout(600_000) // thirty pages, each looked at twice, on a machine that has other work
  const root = await as('root', { colorScheme: 'light' }), employee = await as('employee', { colorScheme: 'light' }) // who learns is a person
  const example = await examples(root.context(), employee.context(), await documentInForce(client), some)
  const wrong = []
  const hash = note('overview') ?? ''
  expect(some.length).toBeGreaterThan(15)
  for (const path of some) {
    const page = /^\/mine\/(training|exceptions|documents)/.test(path) ? employee : root
    let at = path
    if (path.includes(':')) {
      if (example[path] === undefined) { wrong.push(`${path}: no example of it`); continue }
      at = [example[path]].flat().reduce((sum, one) => sum.replace(/:\w+/, String(one)), path)
    }
    const name = at.replace(/\W+/g, '-').replace(/^-|-$/g, '') || 'overview'
    const span = ['/', '/events', '/people', '/spread'].includes(path) ? hash || '?range=..' : /^\/people\/:/.test(path) ? hash : ''
    await page.goto(at + span)
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
    await settled(page)
    for (const theme of AUDITED ? ['light', 'dark'] : []) await look(page, theme, name, wrong)
    if (await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)) wrong.push(`${path}: wider than its window`)
    if (!AUDITED) continue
    await page.setViewportSize({ width: 390, height: 844 })
    if (await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)) wrong.push(`${path}: wider than the window of a telephone`)
    await shot(page, `narrow-${name}`)
    await page.setViewportSize({ width: 1440, height: 900 })
  }
  expect(wrong).toEqual([])
})
test('signed out, in both themes', async ({ as }) => {
  const page = await as(null, { colorScheme: 'light' })
  await page.goto('/events?range=..')
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
  const wrong = []
  for (const theme of AUDITED ? ['light', 'dark'] : []) await look(page, theme, 'sign-in', wrong)
  expect(wrong).toEqual([])
})
