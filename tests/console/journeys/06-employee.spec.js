// SPDX-License-Identifier: Apache-2.0
// An employee with a telephone: a password of one's own, what is known about oneself, a second factor, where one is signed in.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test, expect, accessible, api, confirmIdentity, documentInForce, otp, PASSWORD, settled, signIn } from '../lab.js'

test.describe.configure({ timeout: 180_000 }) // axe takes its time on a loaded machine
const SLOW = { timeout: 60_000 } // a password is hashed slowly on purpose
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 }
const FIRST = 'given by the administrator 9'
const fits = async page => expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 'wider than the telephone').toBe(0)
/** Everything to be touched is 24 px large at least (WCAG 2.2, 2.5.8), links in a sentence aside. */
const touchable = page => page.evaluate(() => [...document.querySelectorAll('main button, main a.button, main input, header button')].filter(one => one.checkVisibility() && !one.closest('.hidden-text') && getComputedStyle(one).clipPath === 'none' && getComputedStyle(one).position !== 'absolute' && !one.closest('label')).map(one => [one.getBoundingClientRect(), one.textContent.trim() || one.getAttribute('aria-label')]).filter(([box]) => box.width > 1 && (box.width < 24 || box.height < 24)).map(([box, name]) => `${name}: ${Math.round(box.width)}×${Math.round(box.height)}`))

test('employee: at a telephone', async ({ as, client, allowed }) => {
  allowed.push(/status of 40[013] .*\/api\/v1\/session/, /status of 422 .*\/sign$/, /status of 422 .*\/session\/totp$/) // a code is asked for, a wrong one is refused, an ended session
  const root = await client('root')
  const name = `paul${Date.now() % 100_000}`
  const { people } = await api(root, 'GET', '/people?q=Paul')
  await api(root, 'POST', '/accounts', { name, full_name: 'Paul Ammann', roles: ['employee'], password: FIRST, person: people[0].id })

  const { document } = await documentInForce(client)

  const page = await as(null, PHONE)
  await page.goto('/')
  await page.getByLabel(/^Name/).fill(name)
  await page.getByLabel(/^Password/).fill(FIRST)
  await fits(page)
  await page.getByRole('button', { name: 'Sign in' }).tap()
  await expect(page.getByRole('heading', { name: 'Choose a password of your own' })).toBeVisible(SLOW)
  await accessible(page, 'phone first password')
  await page.getByLabel(/^Password now/).fill(FIRST)
  await page.getByLabel(/^New password(?!,)/).fill(PASSWORD)
  await page.getByLabel(/^New password, once more/).fill(PASSWORD)
  await page.getByRole('button', { name: 'Change it' }).tap()

  await expect(page.getByRole('heading', { level: 1, name: 'What is known about me' })).toBeVisible(SLOW)
  await settled(page)
  const main = page.getByRole('main')
  await expect(main).toContainText('Paul Ammann')
  await expect(main).toContainText('Martha Keller')
  await expect(main.getByRole('table', { name: 'Services you used' })).toContainText(/signal/i)
  await fits(page)
  expect(await touchable(page)).toEqual([])
  await accessible(page, 'phone mine')

  // The document that the institution asks to sign: read, signed, and a receipt to keep.
  await page.getByRole('link', { name: 'Read and sign' }).tap()
  await expect(page).toHaveURL(new RegExp(`/mine/documents/${document}$`))
  await settled(page)
  await expect(main.getByRole('region', { name: 'What it means for you' })).toContainText('Stopped: instant messaging')
  await fits(page)
  expect(await touchable(page)).toEqual([])
  await accessible(page, 'phone document to sign')
  const sign = main.getByRole('button', { name: 'Sign', exact: true })
  await main.getByLabel(/^Your name/).fill('Paula Ammann')
  await expect(sign).toBeDisabled()
  await main.getByText('I have read it, and will keep to it.').tap()
  await sign.tap()
  await confirmIdentity(page, main.locator('.field-error').filter({ hasText: /name/ }))
  await main.getByLabel(/^Your name/).fill(' paul  AMMANN')
  await sign.tap()
  await expect(main.getByRole('heading', { name: 'You have signed. This is your receipt' })).toBeVisible(SLOW)
  await fits(page)
  await accessible(page, 'phone signed')
  const saving = page.waitForEvent('download')
  await main.getByRole('button', { name: 'Save the receipt' }).tap()
  const receipt = readFileSync(await (await saving).path())
  await expect(main.getByLabel('SHA-256 of the receipt', { exact: true })).toHaveText(createHash('sha256').update(receipt).digest('hex'))
  const found = await api(await client('compliance'), 'POST', '/signatures/verify', { receipt: receipt.toString() })
  expect(found).toMatchObject({ valid: true, signature: { person: { label: 'Paul Ammann' } } })
  await page.goto('/mine/documents')
  await expect(page.getByText('There is nothing to sign.')).toBeVisible()
  await fits(page)

  await page.getByRole('button', { name: 'Navigation' }).tap()
  await expect(page.getByRole('navigation', { name: 'Main' }).getByRole('link')).toHaveText(['imward', 'What is known about me', 'My documents', 'My training', 'My exceptions', 'My account'])
  await accessible(page, 'phone navigation')

  // What the policy stops is asked for.
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'My exceptions' }).tap()
  await page.getByRole('button', { name: 'Ask for an exception …' }).tap()
  const asking = page.getByRole('dialog', { name: 'Ask for an exception' })
  await asking.getByRole('button', { name: /Service/ }).tap()
  await page.getByRole('option', { name: 'WhatsApp', exact: true }).tap()
  await expect(asking.getByRole('region', { name: 'What is known of the risk' })).toContainText('encrypted from end to end')
  await asking.getByLabel(/^Purpose/).fill('A supplier of the advice desk uses nothing else')
  await asking.getByLabel(/^Benefit/).fill('Orders are confirmed within the hour')
  await fits(page)
  expect(await touchable(page)).toEqual([])
  await accessible(page, 'phone ask for an exception')
  await asking.getByRole('button', { name: 'Ask', exact: true }).tap()
  await expect(page.getByRole('heading', { level: 1, name: 'Exception: WhatsApp' })).toBeVisible()
  await expect(page.locator('.page-head .badge')).toHaveText('Asked')
  await fits(page)
  await page.getByRole('button', { name: 'Navigation' }).tap()

  // Another browser, to be ended from the telephone.
  const other = await client(null)
  await signIn(other, name)
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'My account' }).tap()
  await expect(page.getByRole('heading', { level: 1, name: 'My account' })).toBeVisible()
  await settled(page)
  await fits(page)
  expect(await touchable(page)).toEqual([])
  await accessible(page, 'phone account')
  await page.getByRole('button', { name: /^End the session of/ }).tap()
  await page.getByRole('dialog', { name: 'End this session' }).getByRole('button', { name: 'End it' }).tap()
  await expect(page.getByRole('button', { name: /^End the session of/ })).toHaveCount(0)
  expect((await other.request.get('/api/v1/session')).status()).toBe(401)

  await page.getByRole('button', { name: 'Set it up …' }).tap()
  const setting = page.getByRole('dialog', { name: 'Set up a second factor' })
  await setting.getByRole('link', { name: 'On this telephone: open the authenticator' }).waitFor()
  const secret = new URL(await setting.getByRole('link', { name: /^On this telephone/ }).getAttribute('href')).searchParams.get('secret')
  await accessible(page, 'phone second factor')
  await fits(page)
  const wrong = otp(secret) === '000000' ? '111111' : '000000'
  await setting.getByLabel(/^The code that it shows now/).fill(wrong)
  await setting.getByRole('button', { name: 'Turn it on' }).tap()
  await expect(setting.locator('.field-error, [role=alert]')).toBeVisible()
  await setting.getByLabel(/^The code that it shows now/).fill(otp(secret))
  await setting.getByRole('button', { name: 'Turn it on' }).tap()
  await expect(setting).toBeHidden()
  await expect(page.getByText('On', { exact: true })).toBeVisible()

  await page.getByRole('button', { name: /^Your account/ }).tap()
  await page.getByRole('menuitem', { name: 'Sign out' }).tap()
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
  await page.getByLabel(/^Name/).fill(name)
  await page.getByLabel(/^Password/).fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).tap()
  await expect(page.getByRole('heading', { name: 'Second factor' })).toBeVisible(SLOW)
  await page.getByLabel(/^Code/).fill(wrong)
  await page.getByRole('button', { name: 'Sign in' }).tap()
  await expect(page.locator('.field-error')).toBeVisible(SLOW)
  await accessible(page, 'phone wrong code')
  await page.getByLabel(/^Code/).fill(otp(secret, Date.now() + 30_000)) // each code opens once: the next one
  await page.getByRole('button', { name: 'Sign in' }).tap()
  await expect(page.getByRole('heading', { level: 1, name: 'My account' })).toBeVisible(SLOW)
  await expect(page.getByRole('button', { name: 'Another device …' })).toBeVisible()
})
