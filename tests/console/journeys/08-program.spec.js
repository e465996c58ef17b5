// SPDX-License-Identifier: Apache-2.0
// The written program beyond its documents: who fell silent where talk is archived; old clients, and who excuses one; what the
// board is told of a quarter. Nobody agrees to what they wrote.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, expect, WORK, accessible, age, api, bring, choose, confirmIdentity, look, open, settled, shot, toast } from '../lab.js'

test.describe.configure({ timeout: 180_000 })
const DAY = 86_400_000
const iso = at => new Date(at).toISOString().slice(0, 10)
const tile = (page, name) => page.locator('.tile').filter({ hasText: name }).locator('.tile-value')

/** Working days before today, oldest first. */
function workingDays(count) {
  const days = []
  for (let at = Date.now() - DAY; days.length < count; at -= DAY) if (![0, 6].includes(new Date(at).getUTCDay())) days.unshift(iso(at))
  return days
}
const SILENT = 5, FLOWS = 4
test('off-channel: who fell silent on the approved channel while active here', async ({ as, client }) => {
  const days = workingDays(32)
  // What a sensor would have written of the teller: Telegram, four times on each of the newest five days, once a day before.
  const talks = days.flatMap((day, i) => Array.from({ length: i < days.length - SILENT ? 1 : FLOWS }, (_, n) => ({
    timestamp: `${day}T0${8 + (n >> 1)}:${10 + n}:00.000000+0000`, flow_id: 6_000_000_000_000 + i * 100 + n, event_type: 'flow',
    src_ip: '10.20.30.13', src_port: 50_000 + n, dest_ip: '149.154.167.51', dest_port: 443, proto: 'TCP', app_proto: 'mtproto',
    flow: { pkts_toserver: 60, pkts_toclient: 70, bytes_toserver: 24_000, bytes_toclient: 31_000, start: `${day}T0${8 + (n >> 1)}:00:00.000000+0000`, end: `${day}T0${8 + (n >> 1)}:${10 + n}:00.000000+0000`, age: 600, reason: 'closed' },
    im: { service: 'telegram', vendor: 'Telegram', class: 'im', protocol: 'mtproto', delivery: 'server-proxy', activity: ['login', 'chat'], confidence: 100, port_agile: false, evidence: [{ kind: 'payload', value: 'mtproto intermediate', catalog: 'telegram' }] },
    verdict: { action: 'alert', rule: 'default' },
  })))
  await bring(await client('root'), 'telegram.json', talks)
  const counts = join(WORK, 'archive.csv')
  const people = [['1001', 25], ['tweber', 40], ['1003', 31], ['paul.ammann@bank.example', 22], ['1005', 18], ['1006', 27]]
  writeFileSync(counts, ['day,person,messages', ...days.flatMap((day, i) => people.map(([who, usual]) => `${day},${who},${who === 'tweber' && i >= days.length - SILENT ? 0 : usual + (i % 3)}`)), `${days[0]},nobody-of-ours,4`].join('\n') + '\n')

  const page = await as('compliance')
  await open(page, '/off-channel')
  await accessible(page, 'off-channel without a channel')
  await page.getByRole('button', { name: 'Name a channel …' }).first().click()
  const naming = page.getByRole('dialog', { name: 'Name an approved channel' })
  await naming.getByLabel(/^Name/).fill('Chat archive')
  await naming.getByLabel('Note').fill('Exported every night')
  await naming.getByRole('button', { name: 'Name it' }).click()
  await expect(naming).toBeHidden()
  await expect(page.getByRole('table', { name: 'Approved channels' })).toContainText('Nothing came yet')
  await page.getByRole('button', { name: 'Bring in counts …' }).click()
  const bringing = page.getByRole('dialog', { name: 'Bring in counts' })
  await expect(bringing.getByRole('button', { name: 'Bring in', exact: true })).toBeDisabled()
  await bringing.locator('input[type=file]').setInputFiles(counts)
  await bringing.getByRole('button', { name: 'Bring in', exact: true }).click()
  await expect(bringing.getByText(/^32 days with /)).toBeVisible()
  await expect(bringing).toContainText('nobody-of-ours')
  await accessible(page, 'dialog counts brought in')
  await bringing.getByRole('button', { name: 'Close', exact: true }).last().click()

  // The clerk judges; the page is told, and has the signal.
  await page.getByRole('tab', { name: 'Signals' }).click()
  const row = page.getByRole('table', { name: 'Signals' }).locator('tbody tr')
  await expect(row).toHaveCount(1, { timeout: 90_000 })
  await expect(row).toContainText('Strong')
  await expect(page.locator('main')).not.toContainText('Tom Weber') // whom it is about is asked for by four eyes
  await settled(page)
  await shot(page, 'off-channel-with-a-signal')
  await row.getByRole('link').first().click()
  await expect(page.getByRole('heading', { level: 1, name: /^Signal \d+: / })).toBeVisible()
  await settled(page)
  const { signals: [signal] } = await api(page.context(), 'GET', '/signals')
  expect(signal).toMatchObject({ seen: 0, first: days[days.length - SILENT], last: days.at(-1) })
  const { events } = await api(page.context(), 'GET', `/events?kind=flow&service=telegram&from=${signal.first}T00:00:00Z&to=${iso(Date.now())}T00:00:00Z&limit=200`)
  const theirs = events.filter(one => one.who?.label === signal.label).length
  expect(theirs).toBeGreaterThanOrEqual(SILENT * FLOWS)
  await expect(page.getByRole('table', { name: 'Public IM in these days' }).getByRole('row', { name: /^Telegram/ })).toContainText(String(theirs))
  await accessible(page, 'a signal')

  // Looked at, with what was found; then it is an incident, which decides it.
  await look(page, 'dialog dismiss a signal', page.getByRole('button', { name: 'Dismiss …' }))
  await page.getByRole('button', { name: 'Looked at …' }).click()
  const looking = page.getByRole('dialog', { name: 'Say what you found' })
  await expect(looking.getByRole('button', { name: 'Looked at' })).toBeDisabled()
  await looking.getByLabel(/^Reason/).fill('The desk says that its customers moved to Telegram.')
  await looking.getByRole('button', { name: 'Looked at' }).click()
  await toast(page, 'Looked at')
  await expect(page.getByRole('region', { name: 'What was done' })).toContainText('its customers moved to Telegram')
  await look(page, 'dialog open a signal again', page.getByRole('button', { name: 'Open again …' }))
  await look(page, 'dialog take up as an incident', page.getByRole('button', { name: 'Take up as an incident …' }))
  await page.getByRole('button', { name: 'Take up as an incident …' }).click()
  const taking = page.getByRole('dialog', { name: 'Take up as an incident' })
  await taking.getByLabel(/^Reason/).fill('Business on a channel that nobody keeps.')
  await taking.getByRole('button', { name: 'Take it up' }).click()
  await expect(page).toHaveURL(/\/incidents\/\d+$/)
  await expect(page.getByRole('region', { name: 'Time line' })).toContainText('Business on a channel that nobody keeps.')
  await expect(page.getByRole('region', { name: 'Linked' }).getByRole('link', { name: signal.label })).toBeVisible()
  await open(page, `/off-channel?show=${signal.id}`)
  await expect(page.getByRole('region', { name: 'What was done' })).toContainText('Taken up as an incident, compliance')
})

test('clients: an inventory says who runs what, one is overdue, another person excuses it', async ({ as }) => {
  const page = await as('engineer')
  await open(page, '/clients')
  await accessible(page, 'client software without an inventory')
  const inventory = async (file, told) => {
    await page.getByRole('button', { name: 'Bring in an inventory …' }).click()
    const dialog = page.getByRole('dialog', { name: 'Bring in an inventory' })
    await dialog.locator('input[type=file]').setInputFiles(join(process.env.IMWARD_ROOT, 'tests/fixtures/inventory', file))
    await dialog.getByRole('button', { name: 'Bring it in' }).click()
    await expect(dialog).toContainText(told)
    if (file === 'inventory.csv') await accessible(page, 'dialog inventory brought in')
    await dialog.getByRole('button', { name: 'Done' }).click()
  }
  await inventory('inventory.csv', '1 line could not be read')
  const products = page.getByRole('table', { name: 'Products' })
  await expect(products.getByRole('row', { name: /^Pidgin/ })).toContainText('Nobody')
  age("update client_install set known_us = known_us - 1728000000000, due_us = due_us - 1728000000000 where machine = 'desk-0002'") // twenty days
  await inventory('osquery-results.log', 'taken')
  await expect(products.getByRole('row', { name: /^Pidgin/ })).toContainText('2.14.9')
  await expect(tile(page, 'Overdue')).toHaveText('1')
  await expect(page.getByText(/with old clients ha(s|ve) no owner/)).toBeVisible()
  await settled(page)
  await shot(page, 'client-software')

  await products.getByRole('link', { name: 'Pidgin', exact: true }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Pidgin' })).toBeVisible()
  await page.getByRole('button', { name: 'Name an owner …' }).click()
  const owner = page.getByRole('dialog', { name: 'Who sees to Pidgin' })
  await choose(page, owner, /Owner/, /Eva Engineer|engineer/)
  await owner.getByRole('button', { name: 'Save' }).click()
  await toast(page, 'Saved')
  const runs = of => of.getByRole('table', { name: 'Who runs it' }).getByRole('row').filter({ hasText: 'desk-0002' })
  await expect(runs(page)).toContainText('2.10.12')
  await expect(runs(page)).toContainText('Overdue')
  await expect(runs(page).getByRole('button', { name: 'Excuse …' })).toHaveCount(0) // who sees to it excuses none of it
  await shot(page, 'a-client-and-who-runs-it')

  const other = await as('compliance')
  await open(other, '/clients/pidgin?state=overdue')
  const overdue = other.getByRole('table', { name: 'Who runs it' }).locator('tbody tr')
  await expect(overdue).toHaveCount(1)
  await expect(other.locator('main')).not.toContainText('desk-0002') // a machine is an engineer's to know
  await overdue.getByRole('button', { name: 'Excuse …' }).click()
  const excusing = other.getByRole('dialog', { name: 'Excuse an old client' })
  await excusing.getByLabel(/^Why it may stay/).fill('Its archive is read until the audit is over')
  await excusing.getByLabel(/^Until/).fill(iso(Date.now() + 30 * DAY))
  await excusing.getByRole('button', { name: 'Excuse', exact: true }).click()
  await toast(other, 'Excused')
  await expect(other.getByText('No client is in this state')).toBeVisible()
  await open(page, '/clients')
  await expect(tile(page, 'Overdue')).toHaveText('0')
  await expect(tile(page, 'Excused')).toHaveText('1')
  await open(page, '/clients/pidgin')
  await expect(runs(page)).toContainText('Excused')
})

test('board: what it is told of a quarter is written by one, signed off by another, and taken away', async ({ as }) => {
  const page = await as('compliance')
  await open(page, '/reports/board')
  await accessible(page, 'board report without a statement')
  const save = page.getByRole('button', { name: 'Save', exact: true })
  await expect(save).toBeDisabled()
  await page.getByRole('textbox', { name: 'Statement' }).fill('Public messaging is stopped but by exception.\nThe board is asked to go on with it.')
  await save.click()
  await expect(page.getByText('You wrote at it: somebody else')).toBeVisible()
  await expect(page.getByRole('button', { name: /^Sign off/ })).toHaveCount(0)

  const second = await as('second')
  await open(second, '/reports/board')
  await second.getByRole('button', { name: 'Sign off …' }).click()
  await accessible(second, 'dialog sign off a statement')
  await second.getByRole('dialog', { name: 'Sign off this statement?' }).getByRole('button', { name: 'Sign off' }).click()
  await confirmIdentity(second, second.getByText('signed off', { exact: true }))
  await shot(second, 'board-report-signed-off')
  const [download] = await Promise.all([second.waitForEvent('download'), second.getByRole('link', { name: 'Download the page' }).click()])
  const paper = readFileSync(await download.path())
  expect(download.suggestedFilename()).toMatch(/\.pdf$/)
  expect(paper.subarray(0, 5).toString()).toBe('%PDF-')
  expect(paper.toString('latin1').match(/\/Type\s*\/Page\b/g)).toHaveLength(1)

  // A word more, and it is not signed off any longer.
  await open(page, '/reports/board')
  await page.getByRole('textbox', { name: 'Statement' }).fill('Public messaging is stopped.')
  await expect(page.getByText('Saving takes the sign-off away')).toBeVisible()
  await save.click()
  await expect(page.getByText('draft', { exact: true })).toBeVisible()
})
