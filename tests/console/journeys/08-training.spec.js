// SPDX-License-Identifier: Apache-2.0
// Training: compliance takes over our course, publishes and assigns it; an employee learns it on a telephone, fails, passes, and
// has a certificate; compliance and the manager see who is trained.
import { test, expect, api, keep, note, settled, shot, signIn } from '../lab.js'

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }
let answers = {}

test('compliance publishes and assigns the course', async ({ as }) => {
  const page = await as('compliance')
  const context = page.context()
  await signIn(context, 'compliance') // publishing asks for a proof of identity
  await keep(context, 'compliance')
  const course = await api(context, 'POST', '/courses', { template: 'public-im' })
  await api(context, 'PATCH', `/courses/${course.id}`, { rules: { asked: 5 } })
  const published = await api(context, 'POST', `/courses/${course.id}/publish`)
  answers = Object.fromEntries(published.questions.map(one => [one.text, one.options.filter(o => o.right).map(o => o.text)]))
  note('course', course.id)
  await page.goto('/training')
  await page.getByRole('button', { name: 'Assign a course' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: /Course/ }).click()
  await page.getByRole('option', { name: 'Public instant messaging at work' }).click()
  await dialog.getByRole('button', { name: 'Assign', exact: true }).click()
  await expect(dialog).toBeHidden()
  await expect(async () => {
    expect((await api(context, 'GET', '/training/people?state=open&limit=1')).people).toHaveLength(1)
  }).toPass({ timeout: 60_000 })
})

test('an employee learns it on a telephone', async ({ as }) => {
  test.setTimeout(120_000)
  const page = await as('employee', PHONE)
  await page.goto('/mine/training')
  await expect(page.getByRole('heading', { name: 'Public instant messaging at work' })).toBeVisible()
  await shot(page, 'phone-my-training')
  await page.getByRole('link', { name: 'Begin' }).click()
  await expect(page.getByRole('button', { name: 'Begin the test' })).toBeDisabled()
  await shot(page, 'phone-course')
  await page.getByRole('link', { name: 'Begin' }).click()
  for (let module = 1; module <= 9; module++) {
    await expect(page.getByText(`Module ${module} of 9`)).toBeVisible()
    for (const picture of await page.locator('.lesson-picture').all()) {
      await picture.scrollIntoViewIfNeeded()
      await expect.poll(() => picture.evaluate(one => one.complete && one.naturalWidth)).toBeGreaterThan(100)
    }
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), `module ${module} is wider than the telephone`).toBe(true)
    if (module === 2 || module === 8) await shot(page, `phone-module-${module}`)
    await page.getByRole('button', { name: 'I have read it' }).click()
  }
  await expect(page.getByText('9 of 9 read')).toBeVisible()
  for (const right of [false, true]) {
    await page.getByRole('button', { name: 'Begin the test' }).click()
    await expect(page.getByRole('button', { name: 'Hand in' })).toBeVisible()
    await shot(page, `phone-test-${right}`)
    expect(await page.content()).not.toContain('your answer')
    for (const question of await page.getByRole('group').all()) {
      const text = (await question.locator('legend').textContent()).replace(/^\d+\. /, '')
      expect(answers[text], `a question that nobody wrote: ${text}`).toBeTruthy()
      for (const label of await question.locator('label').all()) if (answers[text].includes(await label.textContent()) === right) { await label.click(); if (!right) break }
    }
    await page.getByRole('button', { name: 'Hand in' }).click()
    const over = page.getByRole('heading', { level: 1, name: right ? 'Passed' : 'Not passed this time' }), sure = page.getByRole('dialog', { name: 'Hand it in as it is?' })
    await expect(over.or(sure)).toBeVisible()
    if (await sure.isVisible()) await sure.getByRole('button', { name: 'Hand in' }).click() // one was asked of which all answers are right
    await expect(over).toBeVisible()
    await shot(page, `phone-result-${right}`)
    note('attempt', Number(page.url().split('/').pop()))
    if (!right) await page.getByRole('link', { name: 'Back to the course' }).click()
  }
  await page.getByRole('link', { name: 'My training', exact: true }).first().click()
  await expect(page.getByText('Done', { exact: true })).toBeVisible()
  await page.getByRole('button', { name: 'Show the document' }).click()
  await expect(page.getByRole('dialog')).toContainText('"imward": "certificate 1"')
  await shot(page, 'phone-certificate')
})

test('who is trained', async ({ as }) => {
  const page = await as('compliance')
  await page.goto('/training?state=done')
  await settled(page)
  await expect(page.getByRole('table', { name: 'People and their courses' })).toContainText('Nina Frei')
  await shot(page, 'training')
  const manager = await as('manager')
  await manager.goto('/training')
  await settled(manager)
  await expect(manager.getByText('Your team: who is trained')).toBeVisible()
  await expect(manager.getByRole('button', { name: 'Assign a course' })).toHaveCount(0)
  await shot(manager, 'training-team')
})
