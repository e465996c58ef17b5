// SPDX-License-Identifier: Apache-2.0
// What the later journeys need: the directory of the demonstration, and an account for each of the people in them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, expect, PASSWORD, api, keep, signIn } from '../lab.js'

const FIRST = 'first ' + PASSWORD
test('people and accounts', async ({ as, client }) => {
  test.setTimeout(300_000) // a password is hashed slowly on purpose, and twenty of them are
  const page = await as('root')
  const admin = page.context()
  const me = await api(admin, 'GET', '/session')
  await admin.request.post('/api/v1/session/confirm', { headers: { 'X-CSRF-Token': me.csrf }, data: { password: PASSWORD }, timeout: 60_000 })
  await keep(admin, 'root')
  await api(admin, 'PATCH', '/settings', { second_factor: [] })
  const csv = readFileSync(join(process.env.IMWARD_ROOT, 'scripts/demo-people.csv'))
  const fresh = await api(admin, 'GET', '/session')
  const imported = await admin.request.post('/api/v1/people/import', { headers: { 'X-CSRF-Token': fresh.csrf, 'Content-Type': 'text/csv' }, data: csv })
  expect(imported.status(), await imported.text()).toBe(200)
  const people = (await api(admin, 'GET', '/people?limit=100')).people
  const person = number => people.find(one => one.number === number)?.id
  expect(person('1001')).toBeTruthy()
  const accounts = [
    ['engineer', 'Eva Engineer', ['engineer']], ['compliance', 'Carl Compliance', ['compliance']], ['second', 'Sara Second', ['compliance']],
    ['manager', 'Martha Keller', ['manager'], person('1001')], ['employee', 'Nina Frei', ['employee'], person('1003')],
  ]
  const next = accounts.values()
  const some = async () => { // two at a time: so many passwords does the server hash at once
    for (const [name, full_name, roles, of] of next) {
      await api(admin, 'POST', '/accounts', { name, full_name, roles, password: FIRST, ...(of && { person: of }) })
      const own = await client(null)
      await signIn(own, name, FIRST)
      await api(own, 'PUT', '/session/password', { old: FIRST, new: PASSWORD })
      await keep(own, name)
    }
  }
  await Promise.all([some(), some()])
  await keep(admin, 'root') // a proof of identity renews the session
})
