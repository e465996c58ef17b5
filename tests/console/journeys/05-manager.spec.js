// SPDX-License-Identifier: Apache-2.0
// A manager sees the own team and nobody else, takes no file away, and prints what is on the screen.
import { join } from 'node:path'
import { test, expect, accessible, api, bring, kept, note, settled, shot, SHOTS } from '../lab.js'

test.describe.configure({ timeout: 180_000 }) // axe takes its time on a loaded machine
/** Somebody of another team, with a flow of just now. */
async function another(root) {
  const number = `M${Date.now()}`
  const { id } = await api(root, 'POST', '/people', { name: 'Max Kunz', number, department: 'Treasury' })
  const address = `10.99.${Math.floor(Math.random() * 250)}.${1 + Math.floor(Math.random() * 250)}`
  await api(root, 'POST', `/people/${id}/aliases`, { kind: 'address', value: address })
  const flow = kept().events.find(one => one.event_type === 'flow' && one.im?.service)
  const flow_id = 5_000_000_000_000 + (Date.now() % 1_000_000_000)
  const { src_who: _nobody, src_host: _machine, ...rest } = flow
  await bring(root, 'max.json', [{ ...rest, flow_id, src_ip: address, timestamp: new Date(Date.now() + 1000).toISOString().replace('Z', '000+0000') }])
  const event = (await api(root, 'GET', `/flows/${flow_id}`)).events[0]
  return { flow: flow_id, event: event.id, who: event.who }
}

test('manager: the own team and nobody else', async ({ as, client, allowed }) => {
  allowed.push(/status of 40[34] /) // that is what is tried
  const root = await client('root')
  const max = await another(root)
  expect(max.who.pseudonym).toBeTruthy()
  const page = await as('manager')
  await page.goto('/' + (note('overview') ?? '?range=..'))
  await expect(page.getByText('Use of messaging services by your team.')).toBeVisible()
  await settled(page)
  await expect(page.getByRole('navigation', { name: 'Main' }).getByRole('link')).toHaveText(['imward', 'Overview', 'Events', 'People', 'Spread', 'Policy', 'Catalog', 'My team', 'Documents', 'Signatures', 'Courses', 'Training', 'Exceptions', 'Risks', 'What is known about me', 'My documents', 'My training', 'My exceptions', 'My account'])
  await expect(page.getByRole('link', { name: 'Export' })).toHaveCount(0)
  await expect(page.getByText('kept to its own ports')).toHaveCount(0) // which is not counted by team
  await accessible(page, 'overview of a team')

  await page.goto('/people?range=..')
  await expect(page.getByRole('heading', { level: 1, name: 'Your team' })).toBeVisible()
  await settled(page)
  const team = (await api(page.context(), 'GET', '/usage/people?from=2026-01-01T00:00:00Z&limit=100')).people
  await expect(page.locator('tbody tr')).toHaveCount(team.length)
  await expect(page.getByText(max.who.pseudonym)).toHaveCount(0)
  for (const one of team) expect(one.pseudonym, 'a manager sees pseudonyms').toBe(one.label)

  // The program's state of the team, by name: it is theirs.
  await page.goto('/team')
  await settled(page)
  const people = page.getByRole('table', { name: 'People and what they owe' })
  await expect(people).toContainText('Nina Frei')
  await expect(people).not.toContainText('Max Kunz')
  await page.getByRole('link', { name: 'Exceptions of the team' }).click()
  await expect(page.getByRole('row', { name: /Talks with a client abroad/ }).filter({ hasText: 'Nina Frei' })).toBeVisible()
  await expect(page.getByRole('button', { name: 'Decide …' })).toHaveCount(0)

  // By the address of a page, and by that of the API.
  for (const [path, said] of [[`/people/${max.who.id}`, /./], [`/flows/${max.flow}`, 'This flow is not stored'], [`/events/${max.event}`, /./]]) {
    await page.goto(path)
    await expect(page.locator('.empty-title').filter({ hasText: said })).toBeVisible()
    await expect(page.getByText(max.who.pseudonym)).toHaveCount(0)
    await accessible(page, `refused ${path.split('/')[1]}`)
  }
  for (const path of [`/usage/people/${max.who.id}`, `/flows/${max.flow}`, `/events/${max.event}`]) expect((await page.context().request.get('/api/v1' + path)).status(), path).toBe(404)
  for (const path of ['/events/export?format=csv', '/incidents', '/reveals', '/audit', '/people', '/accounts', '/settings']) expect((await page.context().request.get('/api/v1' + path)).status(), path).toBe(403)
  const events = (await api(page.context(), 'GET', `/events?q=&who=${max.who.id}&limit=10`)).events
  expect(events).toEqual([])
  await page.goto('/incidents')
  await expect(page.getByText('Your roles do not show this page')).toBeVisible()
  await accessible(page, 'not allowed')
  await page.goto('/nothing/here')
  await expect(page.getByText('There is no such page')).toBeVisible()
  await accessible(page, 'not found')
})

test('print: an overview and an incident on paper', async ({ as }) => {
  const manager = await as('manager', { colorScheme: 'dark' })
  await manager.goto('/' + (note('overview') ?? '?range=..'))
  await settled(manager)
  const compliance = await as('compliance', { colorScheme: 'dark' })
  const { incidents } = await api(compliance.context(), 'GET', '/incidents?limit=1')
  await compliance.goto(`/incidents/${incidents[0].id}`)
  await settled(compliance)
  for (const [page, name] of [[manager, 'overview'], [compliance, 'incident']]) {
    await page.emulateMedia({ media: 'print' })
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
    for (const gone of ['nav.side', 'header.head', '.page-actions', '.toasts']) for (const one of await page.locator(gone).all()) await expect(one).toBeHidden()
    for (const control of await page.locator('.button, .icon-button, textarea, main input').all()) await expect(control).not.toBeVisible()
    // On white paper, whatever the theme.
    expect(await page.evaluate(() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('h1')).color])).toEqual(['rgb(255, 255, 255)', 'rgb(0, 0, 0)'])
    const pdf = await page.pdf({ format: 'A4', printBackground: true, ...(SHOTS && { path: join(SHOTS, `print-${name}.pdf`) }) })
    const pages = (pdf.toString('latin1').match(/\/Type\s*\/Page\b/g) ?? []).length
    expect(pages, `${name} on so many sheets`).toBeGreaterThan(0)
    expect(pages, `${name} on so many sheets`).toBeLessThan(6)
    await shot(page, `print-${name}`)
  }
})
