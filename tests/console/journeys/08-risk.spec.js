// SPDX-License-Identifier: Apache-2.0
// What a service risks: filled in with what was seen, written by one, signed off by another, and a rule of the policy document.
import { test, expect, PASSWORD, accessible, api, choose, confirmIdentity, open, shot, settled, toast } from '../lab.js'

test.describe.configure({ timeout: 180_000 })
test('risk: a service is assessed, another person signs it off, and its rule is drafted', async ({ as, allowed }) => {
  allowed.push(/status of 403 .*\/decision$/) // one's own sign-off
  const page = await as('compliance')
  await open(page, '/risks')
  await shot(page, 'register-of-risks')
  await page.getByRole('button', { name: 'Assess Telegram', exact: true }).click()
  const beginning = page.getByRole('dialog', { name: 'Assess a service' })
  await expect(beginning.getByRole('button', { name: /Service/ })).toContainText('Telegram')
  await beginning.getByRole('button', { name: 'Begin' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Telegram' })).toBeVisible()
  await settled(page)
  const at = new URL(page.url()).pathname
  const id = Number(at.split('/').pop())

  // What was seen is filled in: as many as the events that are stored.
  const { facts } = await api(page.context(), 'GET', `/assessments/${id}`)
  const seen = page.getByRole('region', { name: 'What was seen' })
  const { events } = await api(page.context(), 'GET', `/events?kind=flow&service=telegram&from=${facts.from}&limit=200`)
  expect(facts.flows).toBe(events.length)
  expect(facts.people).toBe(new Set(events.map(one => one.who.id)).size)
  await expect(seen.locator('dt:text-is("Flows") + dd')).toHaveText(String(facts.flows))
  await expect(seen.locator('dt:text-is("People") + dd')).toHaveText(String(facts.people))
  await shot(page, 'an-assessment-begun')

  // What lowers a risk, then the scores; what is not saved is not lost when the answers above are.
  await page.getByRole('button', { name: 'Add a control …' }).click()
  const adding = page.getByRole('dialog', { name: 'Add a control' })
  await adding.getByLabel(/^What it is/).fill('Files are scanned')
  await adding.getByRole('button', { name: 'Add', exact: true }).click()
  await expect(page.getByRole('region', { name: 'Controls' })).toContainText('Files are scanned')
  await page.getByRole('button', { name: 'Take what is suggested' }).click()
  const groups = page.getByRole('region', { name: 'Questions' }).locator('details')
  for (const group of await groups.all()) if (await group.getAttribute('open') === null) await group.locator('summary').click()
  const questions = page.getByRole('region', { name: 'Questions' }).locator('button.select')
  const count = await questions.count()
  expect(count).toBeGreaterThan(30)
  for (let i = 0; i < count; i++) { // by keys: the first letter chooses
    await questions.nth(i).focus()
    await page.keyboard.press(i % 3 === 0 ? 'y' : 'p')
  }
  await page.getByRole('button', { name: 'Save answers' }).click()
  await expect(page.getByText('all answered', { exact: true })).toBeVisible()
  await page.getByRole('button', { name: 'Take what is suggested' }).click()
  await choose(page, page.getByRole('region', { name: 'Scores' }).first(), /Impact with controls: Viruses/, /^2 /)
  await page.getByRole('button', { name: 'Save scores' }).click()
  await expect(page.getByRole('button', { name: 'Save scores' })).toBeDisabled()
  const decision = page.getByRole('region', { name: 'Benefit and decision' })
  await expect(page.getByRole('button', { name: 'Put forward' })).toBeDisabled()
  await decision.getByLabel('What the business gains').fill('Customers abroad answer within the hour')
  await choose(page, decision, /How much/, /^3 /)
  await choose(page, decision, /^.*Decision/, /^Block/)
  await decision.getByLabel('Reason').fill('What is agreed there is kept by nobody.')
  await decision.getByLabel('Looked at again on').fill(new Date(Date.now() + 180 * 86_400_000).toISOString().slice(0, 10))
  await decision.getByRole('button', { name: 'Save decision' }).click()
  await toast(page, 'Saved.')
  await expect(page.getByText('Before it can be put forward:')).toHaveCount(0)
  await accessible(page, 'an assessment written')
  await page.getByRole('button', { name: 'Put forward' }).click()
  await expect(page.locator('.page-head .badge').first()).toHaveText('Waits for sign-off')

  // Nobody signs off what they wrote: there is no button, and around the page it is refused.
  await expect(page.getByRole('button', { name: /^Sign off/ })).toHaveCount(0)
  await api(page.context(), 'POST', '/session/confirm', { password: PASSWORD })
  const own = await page.evaluate(async id => {
    const me = await (await fetch('/api/v1/session')).json()
    const { sha256 } = await (await fetch(`/api/v1/assessments/${id}`)).json()
    const answer = await fetch(`/api/v1/assessments/${id}/decision`, { method: 'POST', headers: { 'X-CSRF-Token': me.csrf, 'Content-Type': 'application/json' }, body: JSON.stringify({ sign: true, why: '', sha256 }) })
    return [answer.status, (await answer.json()).detail]
  }, id)
  expect(own).toEqual([403, expect.stringContaining('another person signs it off')])

  const second = await as('second')
  await open(second, '/risks?state=proposed')
  await second.getByRole('table', { name: 'Register of risks' }).getByRole('link', { name: /Telegram/ }).click()
  await second.getByRole('button', { name: 'Sign off …' }).click()
  const signing = second.getByRole('dialog', { name: 'Sign off' })
  await expect(signing).toContainText('Telegram: block, residual risk')
  await accessible(second, 'dialog sign off a risk')
  await signing.getByRole('button', { name: 'Sign off', exact: true }).click()
  await confirmIdentity(second, second.locator('.toast').getByText('Signed off.'))
  await expect(second.locator('.page-head .badge').first()).toHaveText('Signed off')

  // It stands in the register and in its field of the matrix.
  const { residual } = await api(page.context(), 'GET', `/assessments/${id}`)
  await open(page, '/risks?state=signed')
  await expect(page.getByRole('table', { name: 'Register of risks' }).getByRole('row', { name: /Telegram.*Block.*Signed off/ })).toBeVisible()
  const field = page.getByRole('region', { name: 'Risk matrix' }).getByRole('link')
  await expect(field).toHaveCount(1)
  await field.click()
  await expect(page).toHaveURL(new RegExp(`likelihood=${residual.likelihood}&impact=${residual.impact}`))
  await expect(page.getByRole('table', { name: 'Register of risks' }).locator('tbody tr')).toHaveCount(1)
  await settled(page)
  await shot(page, 'register-with-a-risk')

  // The decision drafts the rule, which is reached in the document that carries it.
  await open(page, at)
  await page.getByRole('button', { name: 'Draft the rule' }).click()
  await toast(page, /^The rule is drafted/)
  await shot(page, 'an-assessment-in-force')
  await page.getByRole('region', { name: 'The rule of this decision' }).getByRole('link', { name: /^the document/ }).click()
  await expect(page).toHaveURL(/\/documents\/\d+\/versions\/\d+$/)
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Public messaging')
  await expect(page.getByRole('textbox', { name: /^Text of the document/ })).toHaveValue(/telegram/)
})
