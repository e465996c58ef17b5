// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test, vi } from 'vitest'
import { address, ApiError, call, problemOf, route, setHooks } from '../src/api/client'

describe('addresses', () => {
  test('the same question is the same key', () => expect(route('/events', { b: ['x', 'y'], a: 1 })).toBe(route('/events', { a: '1', b: 'x,y' })))
  test('what is empty is not asked', () => expect(route('/events', { a: '', b: null, c: undefined, d: [], e: false, f: true })).toBe('/events?f=1'))
  test('values cannot break out', () => expect(route('/events', { q: 'a&b=c#d' })).toBe('/events?q=a%26b%3Dc%23d'))
  test('a range becomes from and to as of now', () => {
    const url = new URL(address('/events?q=x&range=1h', Date.parse('2026-11-23T12:00:00Z')), 'https://x')
    expect([url.pathname, url.searchParams.get('q'), url.searchParams.get('from'), url.searchParams.get('to'), url.searchParams.get('range')]).toEqual(['/api/v1/events', 'x', '2026-11-23T11:00:00.000Z', '2026-11-23T12:00:00.000Z', null])
  })
})

describe('problems', () => {
  test('the words of the server are shown', () => {
    const error = problemOf(422, { type: 'about:blank', title: 'Not valid', status: 422, detail: 'Give a name.', field: 'name' })
    expect([error.title, error.message, error.field, error.status]).toEqual(['Not valid', 'Give a name.', 'name', 422])
  })
  test('without any, there are our own that say what to do', () => {
    expect(problemOf(409, null).message).toContain('Reload')
    expect(problemOf(418, 'tea').title).toBe('Error 418')
  })
})

describe('what the session asks', () => {
  const answer = (status: number, body: unknown) => new Response(status === 204 ? null : JSON.stringify(body), { status, headers: { 'Content-Type': status >= 400 ? 'application/problem+json' : 'application/json' } })
  test('the CSRF token goes with changes, not with questions', async () => {
    const sent: Headers[] = []
    vi.stubGlobal('fetch', async (_at: string, init: RequestInit) => { sent.push(new Headers(init.headers)); return answer(200, {}) })
    setHooks({ csrf: () => 'secret', ended: () => {}, confirm: async () => false })
    await call('GET', '/x')
    await call('PATCH', '/x', { body: {} })
    expect(sent.map(headers => headers.get('X-CSRF-Token'))).toEqual([null, 'secret'])
  })
  test('a proof of identity is asked for once, then the change is sent again', async () => {
    let calls = 0
    const confirm = vi.fn(async () => true)
    const ended = vi.fn()
    vi.stubGlobal('fetch', async () => (++calls === 1 ? answer(401, { field: 'reauthenticate' }) : answer(204, null)))
    setHooks({ csrf: () => null, ended, confirm })
    await call('POST', '/policies/1/publish')
    expect([calls, confirm.mock.calls.length, ended.mock.calls.length]).toEqual([2, 1, 0])
  })
  test('who gives up changed nothing', async () => {
    let calls = 0
    vi.stubGlobal('fetch', async () => { calls++; return answer(401, { field: 'reauthenticate' }) })
    setHooks({ csrf: () => null, ended: () => {}, confirm: async () => false })
    await expect(call('POST', '/x')).rejects.toBeInstanceOf(ApiError)
    expect(calls).toBe(1)
  })
  test('a session that has ended is told of; a sign-in that fails is not one', async () => {
    const ended = vi.fn()
    vi.stubGlobal('fetch', async () => answer(401, {}))
    setHooks({ csrf: () => null, ended, confirm: async () => true })
    await expect(call('GET', '/x')).rejects.toMatchObject({ status: 401 })
    await expect(call('POST', '/session', { quiet: true })).rejects.toMatchObject({ status: 401 })
    expect(ended).toHaveBeenCalledTimes(1)
  })
  test('no network is said in words', async () => {
    vi.stubGlobal('fetch', async () => { throw new TypeError('failed') })
    await expect(call('GET', '/x')).rejects.toMatchObject({ status: 0, title: 'No answer' })
  })
})
