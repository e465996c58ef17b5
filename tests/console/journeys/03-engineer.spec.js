// SPDX-License-Identifier: Apache-2.0
// The engineer: brings in files, narrows the events, exports them, reads a flow, follows a worm, enrols a sensor that
// really runs, and writes a policy that is tried on the days before it is published.
import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, expect, PASSWORD, WORK, api, drop, keep, note, settled, shot, stop } from '../lab.js'

test.describe.configure({ timeout: 150_000 })

const ALL = 'range=..'
const row = (page, table, text) => page.getByRole('table', { name: table }).getByRole('row').filter({ hasText: text })
const confirmed = async page => {
  const ask = page.getByRole('dialog', { name: 'Confirm that it is you' })
  await expect(ask).toBeVisible()
  await ask.getByLabel('Password').fill(PASSWORD)
  await ask.getByRole('button', { name: 'Confirm' }).click()
  await expect(ask).toBeHidden({ timeout: 40_000 })
}
const saved = async (page, act) => {
  const [download] = await Promise.all([page.waitForEvent('download'), act()])
  return { name: download.suggestedFilename(), text: readFileSync(await download.path(), 'utf8') }
}

test('signs in, and the overview is there within a second', async ({ as }) => {
  const page = await as(null)
  await page.goto('/')
  await page.getByLabel('Name').fill('engineer')
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible({ timeout: 40_000 })
  await expect(page.getByRole('link', { name: 'Accounts' })).toHaveCount(0) // an administrator's
  await keep(page.context(), 'engineer')

  // From the navigation until figures, charts and tables are drawn and a frame has come after them: one's clock is the page's.
  const drawn = async of => {
    await of.goto('/' + (note('overview') ?? '?' + ALL), { waitUntil: 'commit' })
    const at = await of.waitForFunction(() => document.querySelector('.tile-value') && document.querySelector('.heat a') && document.querySelectorAll('.chart svg path').length > 5 &&
      !document.querySelector('main .loading, main [aria-busy="true"]') && performance.now(), null, { polling: 'raf' })
    return Math.round(await at.jsonValue())
  }
  const first = await drawn(await as('engineer')) // nothing is kept in this browser yet
  const again = Math.min(await drawn(page), await drawn(page))
  console.log(`      overview drawn: ${first} ms in a new browser, ${again} ms in one that was here before`)
  expect(again).toBeLessThan(8000) // of a machine that has other work; the figure above is what is looked at
})

test('a capture and a file of events, dropped on the page', async ({ as }) => {
  const page = await as('engineer')
  await page.goto('/imports')
  await settled(page)
  const before = await api(page.context(), 'GET', '/imports')
  await drop(page, page.locator('.drop-zone'), join(process.env.IMWARD_ROOT, 'tests/fixtures/content-yahoo.pcap'))
  await expect(page.getByText(/content-yahoo\.pcap .* gave [1-9]\d* events/)).toBeVisible({ timeout: 40_000 })
  await expect(row(page, 'Imports', 'content-yahoo.pcap')).toContainText('Done')
  await shot(page, 'engineer-import-done')

  // What a sensor would have written of a worm that sends itself on as a file: ten machines in four minutes.
  const at = (of, seconds) => new Date(Date.parse('2026-11-20T10:15:00Z') + seconds * 1000).toISOString().replace('Z', '000+0000')
  const spread = [[0, 1], [0, 2], [1, 3], [1, 4], [2, 5], [4, 6], [4, 7], [7, 8], [7, 9]]
  const lines = spread.flatMap(([from, to], i) => ['out', 'in'].map(direction => JSON.stringify({
    timestamp: at(i, i * 25 + (direction === 'in' ? 1 : 0)), flow_id: 9_000_000_000 + i * 2 + (direction === 'in' ? 1 : 0), event_type: 'fileinfo',
    src_ip: `10.20.31.${10 + (direction === 'out' ? from : to)}`, src_port: 40000 + i, dest_ip: '203.0.113.77', dest_port: 5050, proto: 'TCP', app_proto: 'yahoo',
    fileinfo: { filename: 'photos2026.zip.exe', state: 'CLOSED', sha256: 'ab'.repeat(32), size: 48_640 },
    im: { service: 'yahoo', vendor: 'Yahoo', class: 'im', protocol: 'yahoo', activity: ['file'], direction, from: `clerk${from}`, to: `clerk${to}` },
    scan: { state: 'infected', name: 'Eicar-Test-Signature' }, verdict: { action: 'alert', rule: 'default' },
  })))
  const file = join(WORK, 'worm.json')
  writeFileSync(file, lines.join('\n') + '\n')
  await page.getByRole('button', { name: 'Another file' }).click()
  await drop(page, page.locator('.drop-zone'), file)
  await expect(page.getByText(/worm\.json .* gave 18 events/)).toBeVisible({ timeout: 40_000 })

  // What is neither is said to be, and the page goes on.
  const broken = join(WORK, 'letter.txt')
  writeFileSync(broken, 'Dear Sir or Madam,\n')
  await page.getByRole('button', { name: 'Another file' }).click()
  await drop(page, page.locator('.drop-zone'), broken)
  await expect(page.getByText(/letter\.txt could not be read|neither/).first()).toBeVisible({ timeout: 40_000 })
  await expect(page.getByRole('button', { name: 'Choose a file' })).toBeVisible()
  await shot(page, 'engineer-import-refused')
  expect((await api(page.context(), 'GET', '/imports')).imports.length).toBeGreaterThanOrEqual(before.imports.length + 2)
})

test('events: filters, a saved view, an export, and a flow with its evidence', async ({ as }) => {
  const page = await as('engineer')
  const context = page.context()
  await page.goto('/events?' + ALL)
  await settled(page)
  const rows = page.getByRole('table', { name: 'Events' }).locator('tbody tr')
  const found = async query => (await api(context, 'GET', `/events?limit=200&${query}`)).events
  const count = async query => expect(rows).toHaveCount(Math.min(100, (await found(query)).length))
  await page.getByRole('button', { name: 'Filter by kind' }).click()
  await page.getByRole('dialog', { name: 'Filter by kind' }).getByText('Flow', { exact: true }).click()
  await page.keyboard.press('Escape')
  await expect(page).toHaveURL(/kind=flow/)
  await page.getByRole('button', { name: 'Filter by service' }).click()
  const services = page.getByRole('dialog', { name: 'Filter by service' })
  const facet = (await api(context, 'GET', '/events/facets?from=2026-01-01T00:00:00Z')).service.find(one => one.value === 'oscar')
  await expect(services.locator('.option-line').filter({ hasText: 'AIM and ICQ' })).toContainText(String(facet.count))
  await shot(page, 'engineer-events-facet')
  await services.getByText('AIM and ICQ').click()
  await page.keyboard.press('Escape')
  await expect(page).toHaveURL(/service=oscar/)
  await count('kind=flow&service=oscar&from=2026-01-01T00:00:00Z')
  const flows = await rows.count()
  expect(flows).toBeGreaterThan(1)
  for (const one of await rows.all()) await expect(one).toContainText('AIM and ICQ')

  // Words: a server that there is, then one that there is not.
  const search = page.getByRole('searchbox', { name: 'Search servers, files, accounts, rules' })
  await search.fill('no-such-server.example')
  await expect(page.getByText('No event fits')).toBeVisible()
  await shot(page, 'engineer-events-none')
  await search.fill('')
  await expect(rows).toHaveCount(flows)

  // The view is kept, and found again from another page.
  await page.getByRole('button', { name: 'Saved views' }).click()
  await page.getByRole('menuitem', { name: 'Save this view …' }).click()
  const dialog = page.getByRole('dialog', { name: 'Save this view' })
  await dialog.getByLabel('Name').fill('AIM, all of it')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await expect(dialog).toBeHidden()
  await page.goto('/events')
  await page.getByRole('button', { name: 'Saved views' }).click()
  await shot(page, 'engineer-views', { fullPage: false })
  await page.getByRole('menuitem', { name: 'AIM, all of it' }).click()
  await expect(page).toHaveURL(/service=oscar/)
  await expect(rows).toHaveCount(flows)

  // Both exports hold what the page shows.
  const query = 'kind=flow&service=oscar&from=2026-01-01T00:00:00Z'
  const listed = (await found(query)).map(one => one.id).sort((a, b) => a - b)
  for (const [name, ids] of [['CSV', text => text.trim().split('\r\n').slice(1).map(line => Number(line.split(',')[0]))], ['JSON', text => JSON.parse(text).map(one => one.id)]]) {
    const file = await saved(page, async () => {
      await page.getByRole('button', { name: 'Export these events' }).click()
      await page.getByRole('menuitem', { name }).click()
    })
    expect(file.name).toMatch(name === 'CSV' ? /\.csv$/ : /\.json$/)
    expect(ids(file.text).sort((a, b) => a - b), `${name}: ${file.text.slice(0, 300)}`).toEqual(listed)
  }

  const odd = (await found(query + '&port_agile=1'))[0]
  await page.locator(`a.row-link[href="/flows/${odd.flow_id}"]`).first().click()
  await expect(page.getByRole('heading', { level: 1 })).toContainText('AIM and ICQ')
  await expect(page.getByText('port-agile').first()).toBeVisible()
  const told = (await api(context, 'GET', `/flows/${odd.flow_id}`)).told
  expect(told.length).toBeGreaterThan(1)
  for (const one of told.slice(0, 3)) await expect(page.getByRole('region', { name: 'What this is, and why' })).toContainText(one.text)
  await expect(page.getByRole('region', { name: 'What happened' })).toBeVisible()
  note('flow', odd.flow_id)
  await settled(page)
  await shot(page, 'engineer-flow')
})

test('how a worm went from machine to machine', async ({ as }) => {
  const page = await as('engineer')
  await page.goto('/spread?' + ALL)
  await settled(page)
  const graph = await api(page.context(), 'GET', '/usage/propagation?from=2026-01-01T00:00:00Z')
  expect(graph.edges.length).toBeGreaterThanOrEqual(9)
  const machines = page.getByRole('group', { name: 'Machines in the order in which they were reached' }).getByRole('button')
  await expect(machines).toHaveCount(graph.nodes.length)
  await shot(page, 'engineer-spread')
  await machines.filter({ hasText: '→ 2' }).first().click()
  await expect(page.getByText('photos2026.zip.exe').first()).toBeVisible()
  await expect(page.getByRole('heading', { name: 'Passed on to' })).toBeVisible()
  await settled(page)
  await shot(page, 'engineer-spread-chosen')
})

test('the catalog: a service is found, and what is known of it', async ({ as }) => {
  const page = await as('engineer')
  await page.goto('/catalog')
  await settled(page)
  await page.getByRole('searchbox', { name: 'Search services and vendors' }).fill('yahoo')
  const list = page.getByRole('table', { name: 'Services' }).locator('tbody tr')
  await expect.poll(() => list.count()).toBeLessThan(10)
  await list.filter({ hasText: 'Yahoo Messenger' }).getByRole('link').click()
  await expect(page.getByRole('heading', { level: 1, name: 'Yahoo Messenger' })).toBeVisible()
  await expect(page.getByRole('region', { name: 'Ports' })).toContainText('5050')
  await settled(page)
  await page.getByRole('link', { name: 'Its events' }).click()
  await expect(page).toHaveURL(/service=yahoo/)
})

test('a sensor is enrolled, and really connects', async ({ as }) => {
  test.skip(process.getuid() !== 0, 'a sensor needs root here')
  const page = await as('engineer')
  await page.goto('/sensors')
  await settled(page)
  await page.getByRole('button', { name: 'Add a sensor …' }).first().click()
  const add = page.getByRole('dialog', { name: 'Add a sensor' })
  await add.getByLabel('Name of the sensor').fill('hq-1')
  await add.getByRole('button', { name: 'Make its certificate' }).click()
  if (await page.getByRole('dialog', { name: /What hq-1|Confirm that/ }).getByRole('heading', { level: 2 }).textContent() === 'Confirm that it is you') await confirmed(page)
  const made = page.getByRole('dialog', { name: 'What hq-1 is given' })
  const bundle = await saved(page, () => made.getByRole('button', { name: 'Save hq-1.pem' }).click())
  expect(bundle.text).toMatch(/PRIVATE KEY/)
  await shot(page, 'engineer-sensor-waits', { fullPage: false })
  const command = (await made.locator('code').first().textContent()).trim()
  const folder = join(WORK, 'sensor')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'hq-1.pem'), bundle.text)
  chmodSync(join(folder, 'hq-1.pem'), 0o600)
  // The command as it stands there, with the interface and the path that the page says to put in.
  expect(command).toMatch(/^imward watch -i \S+ -o collector:127\.0\.0\.1:\d+,bundle=\S+$/)
  const words = command.replace(/-i \S+/, '-i lo').replace(/bundle=\S+/, `bundle=${join(folder, 'hq-1.pem')}`).split(' ').slice(1)
  const sensor = spawn(process.env.IMWARD_PROGRAM, [...words, '--user', 'root', '--control', ''], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const pipe of [sensor.stdout, sensor.stderr]) pipe.on('data', data => { said += data })
  try {
    await expect(made.getByText('hq-1 is connected.'), said).toBeVisible({ timeout: 40_000 })
    await shot(page, 'engineer-sensor-connected', { fullPage: false })
    await made.getByRole('button', { name: 'Done' }).click()
    await expect(row(page, 'Sensors', 'hq-1')).toContainText('Well', { timeout: 40_000 })
    await settled(page)
    await shot(page, 'engineer-sensors')
  } catch (error) {
    throw new Error(`${error.message}\nthe sensor said: ${said}`)
  } finally {
    await stop(sensor)
  }
})

const WRONG = 'version: 1\ndefault: alert\nrules:\n  - name: no files by messenger\n    match: {class: im, activity: [files]}\n    action: block\n'
test('a policy: a mistake is shown at its place, last week is tried, it is published', async ({ as }) => {
  const page = await as('engineer')
  await page.goto('/policy')
  await settled(page)
  await page.getByRole('button', { name: 'Draft a ' }).first().click()
  await expect(page).toHaveURL(/\/policy\/\d+/)
  const text = page.getByRole('textbox', { name: 'Text of the policy' })
  await text.fill(WRONG)
  const problem = page.getByRole('region', { name: 'Problems' }).getByRole('button').first()
  await expect(problem).toContainText('Line 5')
  await expect(page.locator('.editor-lines .line-error')).toHaveText('5')
  await expect(page.getByRole('button', { name: 'Publish …' })).toBeDisabled()
  await shot(page, 'engineer-policy-wrong')
  await problem.click()
  expect(await text.evaluate(field => field.value.slice(0, field.selectionStart).split('\n').length)).toBe(5)
  await text.fill(WRONG.replace('[files]', '[file]'))
  await expect(page.getByText('No errors')).toBeVisible()
  await page.getByRole('tab', { name: 'What if' }).click()
  await page.getByRole('button', { name: 'Try it' }).click()
  await expect(page.getByText(/would have been decided otherwise/)).toBeVisible({ timeout: 40_000 })
  await settled(page)
  await shot(page, 'engineer-policy-what-if')
  await page.getByRole('button', { name: 'Save the draft' }).click()
  await expect(page.getByRole('button', { name: 'Saved' })).toBeDisabled()
  await page.getByRole('button', { name: 'Publish …' }).click()
  const publish = page.getByRole('dialog', { name: 'Publish this policy' })
  await shot(page, 'engineer-policy-publish', { fullPage: false })
  await publish.getByRole('button', { name: 'Publish' }).click()
  if (await Promise.race([publish.waitFor({ state: 'hidden', timeout: 40_000 }).then(() => false), page.getByRole('dialog', { name: 'Confirm that it is you' }).waitFor({ timeout: 40_000 }).then(() => true)])) await confirmed(page)
  await expect(page.getByText('In force').first()).toBeVisible({ timeout: 40_000 })
  await page.goto('/policy')
  await expect(page.getByRole('table', { name: 'Versions of the policy' })).toContainText('In force')
})
