// SPDX-License-Identifier: Apache-2.0
// A user's first five minutes: the token, the first administrator, the bundled example, and an overview with data.
import { readFileSync } from 'node:fs'
import { test, expect, PASSWORD, keep, note, settled, shot } from '../lab.js'

test('first run: from the token to an overview with data', async ({ as, allowed }) => {
  allowed.push(/status of 4\d\d .*\/api\/v1\/start$/) // the wrong token
  const page = await as(null)
  const token = readFileSync(process.env.IMWARD_TOKEN_FILE, 'utf8').trim()
  await page.goto('/')
  await expect(page.getByRole('heading', { level: 1, name: 'Welcome' })).toBeVisible()
  await shot(page, 'first-run-1')

  const make = page.getByRole('button', { name: 'Make the account and go on' })
  await expect(make).toBeDisabled()
  await page.getByLabel('Token').fill('WRONG')
  await page.getByLabel('Institution').fill('Example Bank')
  await page.getByLabel('Your name').fill('Ada Root')
  await page.getByLabel('Name of the account').fill('root')
  await page.getByLabel(/^Password( \*)?$/).fill(PASSWORD)
  await page.getByLabel('Password, once more').fill(PASSWORD + 'x')
  await expect(page.getByText('The two are not the same')).toBeVisible()
  await page.getByLabel('Password, once more').fill(PASSWORD)
  await make.click()
  await expect(page.getByText(/token/i).last()).toBeVisible()
  await shot(page, 'first-run-2-wrong-token')
  await page.getByLabel('Token').fill(token)
  await make.click()

  // The wizard goes on where it was: bring in data, the bundled example is at hand.
  await expect(page.getByRole('heading', { level: 1, name: 'Bring in data' })).toBeVisible()
  await settled(page)
  await shot(page, 'first-run-4-data')
  await page.getByRole('button', { name: 'Take the bundled example' }).click()
  await expect(page.getByText(/gave [\d ,]+ events/)).toBeVisible({ timeout: 40_000 })
  await shot(page, 'first-run-5-imported')
  await page.getByRole('button', { name: 'Show the overview' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible()
  await expect(page.getByRole('region', { name: 'Department, service, verdict' })).toBeVisible()
  await settled(page)
  await expect(page.getByRole('link', { name: /^Flows\b.*[1-9]/ })).toBeVisible()
  await shot(page, 'first-run-6-overview')
  note('overview', new URL(page.url()).search)
  await keep(page.context(), 'root')
})
