// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { browserName, endOfDay, firstPassword, ROLE_MAY, ROLE_ORDER, SCOPES, scopesOf, tooMuch } from '../src/lib/permissions'

const table = [...readFileSync('../src/program/permissions.def', 'utf8').matchAll(/^P\(\w+, "([^"]+)", "([^"]+)", (true|false)\)/gm)].map(([, name, roles, token]) => ({ name, roles, token }))

describe('permissions', () => {
  test('scopes of tokens are those of the server', () => {
    expect(table.length).toBeGreaterThan(15)
    expect(Object.keys(SCOPES).sort()).toEqual(table.filter(one => one.token === 'true').map(one => one.name).sort())
  })
  test('every role of the server is explained', () => {
    expect(table.find(one => one.name === 'self')?.roles).toHaveLength(ROLE_ORDER.length)
    for (const role of ROLE_ORDER) expect(ROLE_MAY[role]).toMatch(/\.$/)
  })
  test('nobody is offered a scope that they do not have', () => expect(scopesOf(['self', 'import', 'account:write'])).toEqual(['import']))
  test('duties that belong apart are told', () => {
    expect(tooMuch(['compliance', 'administrator'])).toMatch(/somebody else/)
    expect(tooMuch(['engineer', 'administrator'])).toBeNull()
  })
})
describe('a first password', () => {
  test('is long, in groups, and another each time', () => {
    expect(firstPassword()).toMatch(/^([A-Za-z2-9]{5}-){3}[A-Za-z2-9]{5}$/)
    expect(new Set(Array.from({ length: 200 }, () => firstPassword())).size).toBe(200)
  })
  test('takes no octet that would make a letter likelier', () => {
    let calls = 0
    expect(firstPassword(into => into.fill(calls++ === 0 ? 255 : 0))).toBe('AAAAA-AAAAA-AAAAA-AAAAA')
  })
})
describe('words', () => {
  test('browsers by name', () => {
    expect(browserName('Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0')).toBe('Firefox on Linux')
    expect(browserName('Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0')).toBe('Edge on Windows')
    expect(browserName('curl/8.5.0')).toBe('curl/8.5.0')
    expect(browserName('')).toBe('Not told')
  })
  test('the end of a day', () => {
    expect(Date.parse(endOfDay('2026-12-31') ?? '')).toBe(new Date(2026, 11, 31, 23, 59, 59).getTime())
    expect(endOfDay('soon')).toBeNull()
  })
})
