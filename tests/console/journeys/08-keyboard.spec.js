// SPDX-License-Identifier: Apache-2.0
// By the keyboard alone: after each key something on the page has the focus, and it is seen which.
import { test, expect, PASSWORD, note, settled, shot, signIn } from '../lab.js'

test.describe.configure({ timeout: 150_000 })

/** What has the focus: its name, and whether somebody sees that it has. */
const focus = page => page.evaluate(() => {
  const one = document.activeElement
  if (!one || one === document.body || one === document.documentElement) return { name: null, seen: false, inside: false }
  const ringed = element => { const style = getComputedStyle(element); return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1) || style.boxShadow.includes('inset') }
  const marks = [one, one.closest('.check, .switch')?.querySelector('.check-box, .switch-track'), one.closest('.editor-scroll'), one.querySelector?.('.target')].filter(Boolean)
  const box = one.getBoundingClientRect()
  return {
    name: (one.getAttribute('aria-label') ?? one.textContent ?? '').trim().slice(0, 60) || one.tagName, tag: one.tagName, html: one.outerHTML.slice(0, 160),
    seen: marks.some(ringed) || one.matches('h1, main, [role=dialog], [role=menu], [role=listbox]') || (one.matches('[role^=menuitem], [role=option]') && getComputedStyle(one).backgroundColor !== 'rgba(0, 0, 0, 0)') || [...one.querySelectorAll('.target')].some(mark => getComputedStyle(mark).strokeWidth === '2.5px'),
    inside: one.matches('.skip') || one.closest('[role=dialog]') !== null || box.width <= 2 || (box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth),
  }
})
const press = async (page, key) => {
  await page.keyboard.press(key)
  let now
  await expect.poll(async () => { now = await focus(page); return now.name !== null && now.seen && now.inside ? '' : JSON.stringify(now) }, { message: `the focus after ${key}` }).toBe('')
  return now
}
/** Tab until the one of this name is reached. */
const tabTo = async (page, name, most = 60, key = 'Tab') => {
  for (let i = 0; i < most; i++) {
    const now = await press(page, key)
    if (name.test(now.name)) return now
  }
  throw new Error(`${name} is not reached by ${most} times ${key}`)
}

test('by keys alone: sign in, find an event, open it, dialogs, menus, the editor', async ({ as }) => {
  test.setTimeout(120_000)
  const page = await as(null)
  await page.goto('/')
  await expect(page.getByLabel('Name')).toBeFocused()
  await page.keyboard.type('engineer')
  await press(page, 'Tab')
  await page.keyboard.type(PASSWORD)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible({ timeout: 40_000 })
  await settled(page)

  // The skip link is first, and leads past the navigation.
  await page.goto('/' + note('overview'))
  await settled(page)
  await press(page, 'Tab')
  await expect(page.getByRole('link', { name: 'Skip to content' })).toBeFocused()
  await shot(page, 'keys-skip', { fullPage: false })
  await press(page, 'Enter')
  await expect(page.locator('#main')).toBeFocused()
  await tabTo(page, /Export/, 3) // the first of the page, not of the navigation

  // Every stop of the overview once around: each is seen.
  for (let i = 0; i < 45; i++) await press(page, 'Tab')
  await shot(page, 'keys-chart', { fullPage: false })

  // The palette: find a page, go to it; its head has the focus.
  await page.keyboard.press('Control+k')
  await expect(page.getByRole('searchbox', { name: 'Find a page or an action' })).toBeFocused()
  await page.keyboard.type('events')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/\/events/)
  await expect(page.locator('#page-title')).toBeFocused()

  // The search of the page by '/', all of time by its menu, a row by arrows.
  await page.goto('/events' + note('overview'))
  await settled(page)
  await page.keyboard.press('/')
  await expect(page.getByRole('searchbox', { name: 'Search servers, files, accounts, rules' })).toBeFocused()
  await page.keyboard.type('whatsapp')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/q=whatsapp/)
  await settled(page)
  await tabTo(page, /Filter by kind/)
  await press(page, 'Enter')
  await expect(page.getByRole('dialog', { name: 'Filter by kind' })).toBeVisible()
  await press(page, 'Tab')
  await page.keyboard.press('Escape')
  await expect(page.getByRole('button', { name: 'Filter by kind' })).toBeFocused() // where it was opened
  await tabTo(page, /^Events, table/)
  const first = await tabTo(page, /^\d{4}-\d\d-\d\d/)
  const second = await press(page, 'ArrowDown')
  expect(second.html).not.toBe(first.html)
  await press(page, 'ArrowUp')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/\/(flows|events)\/\d+/)
  await expect(page.locator('#page-title')).toBeFocused()

  // A menu: opened, walked, left; the focus is back on its button.
  await tabTo(page, /^Theme/, 60, 'Shift+Tab')
  await press(page, 'Enter')
  await expect(page.getByRole('menu')).toBeVisible()
  await press(page, 'ArrowDown')
  await page.keyboard.press('Escape')
  await expect(page.getByRole('button', { name: 'Theme' })).toBeFocused()

  // A dialog: the focus stays in it, Escape leaves it, the focus is back where it was.
  await tabTo(page, /^Keyboard shortcuts/, 3)
  await press(page, 'Enter')
  const keys = page.getByRole('dialog', { name: 'Keyboard' })
  await expect(keys).toBeVisible()
  for (let i = 0; i < 4; i++) {
    await page.keyboard.press('Tab')
    expect(await keys.evaluate(dialog => dialog.contains(document.activeElement))).toBe(true)
  }
  await shot(page, 'keys-help', { fullPage: false })
  await page.keyboard.press('Escape')
  await expect(page.getByRole('button', { name: 'Keyboard shortcuts' })).toBeFocused()

  // The editor: reached by g y, its text changed, and left by Tab, which it does not keep.
  await page.keyboard.press('g')
  await page.keyboard.press('y')
  await expect(page.locator('#page-title')).toBeFocused()
  await expect(page.getByRole('heading', { level: 1, name: 'Policy' })).toBeVisible()
  await tabTo(page, /^Draft a /, 4)
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/\/policy\/\d+/)
  await expect(page.locator('#page-title')).toBeFocused()
  const text = page.getByRole('textbox', { name: 'Text of the policy' })
  for (let i = 0; i < 12 && !(await text.evaluate(field => field === document.activeElement)); i++) await press(page, 'Tab')
  await expect(text).toBeFocused()
  await page.keyboard.press('Control+End')
  await page.keyboard.type('# by keys')
  await expect(page.getByText('No errors')).toBeVisible()
  await shot(page, 'keys-editor', { fullPage: false })
  await press(page, 'Tab')
  await expect(text).not.toBeFocused()
  await tabTo(page, /^Save the draft/, 20, 'Shift+Tab')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('button', { name: 'Saved', exact: true })).toBeVisible()
})

test('a session that ends on a page leads to the sign-in, and back to the page', async ({ as, allowed }) => {
  allowed.push(/status of 401 /)
  const page = await as(null)
  await signIn(page.context(), 'engineer')
  await page.goto('/events?service=irc&' + note('overview').slice(1))
  await settled(page)
  const here = page.url()
  const { csrf } = await (await page.context().request.get('/api/v1/session')).json()
  expect((await page.context().request.delete('/api/v1/session', { headers: { 'X-CSRF-Token': csrf } })).ok()).toBe(true) // as if from elsewhere
  await page.getByRole('button', { name: 'Saved views' }).click()
  await page.keyboard.press('Escape')
  await page.getByRole('searchbox', { name: 'Search servers, files, accounts, rules' }).fill('chat.example')
  await expect(page.getByRole('heading', { level: 1, name: 'Sign in' })).toBeVisible()
  await expect(page.getByText('Your session has ended.')).toBeVisible()
  await shot(page, 'keys-session-ended')
  await page.getByLabel('Name').fill('engineer')
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Events' })).toBeVisible({ timeout: 40_000 })
  expect(new URL(page.url()).searchParams.get('service')).toBe('irc')
  expect(here).toContain('service=irc')
})
