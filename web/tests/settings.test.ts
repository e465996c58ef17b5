// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest'
import { actWord, brief } from '../src/lib/acts'
import { issuerProblem, ldapProblem, mapOf, rowsOf, shellWord } from '../src/lib/settings'

describe('settings', () => {
  test('maps to rows and back; empty rows are nothing', () => {
    const map = { 'cn=a,dc=b': 'compliance engineer', staff: 'employee' }
    expect(mapOf(rowsOf(map))).toEqual(map)
    expect(mapOf([{ key: ' x ', value: ' employee ' }, { key: '', value: 'manager' }, { key: 'y', value: '' }])).toEqual({ x: 'employee' })
  })
  const ldap = { on: true, url: '', start_tls: false, plain: false }
  test('a directory without TLS is refused unless that is said', () => {
    expect(ldapProblem({ ...ldap, url: 'ldaps://d.example' })).toBeNull()
    expect(ldapProblem({ ...ldap, url: 'ldap://d.example' })).toMatch(/unprotected/)
    expect(ldapProblem({ ...ldap, url: 'ldap://d.example', start_tls: true })).toBeNull()
    expect(ldapProblem({ ...ldap, url: 'ldap://d.example:3389', plain: true })).toBeNull()
    expect(ldapProblem({ ...ldap, url: 'd.example' })).toMatch(/ldaps:/)
    expect(ldapProblem(ldap)).not.toBeNull()
    expect(ldapProblem({ ...ldap, on: false })).toBeNull()
  })
  test('a provider is asked by https only', () => {
    expect(issuerProblem({ on: true, issuer: 'http://p.example' })).toMatch(/https/)
    expect(issuerProblem({ on: true, issuer: 'https://p.example/realms/bank' })).toBeNull()
    expect(issuerProblem({ on: false, issuer: '' })).toBeNull()
  })
  test('words of a command', () => {
    expect(shellWord('/var/lib/imward')).toBe('/var/lib/imward')
    expect(shellWord("/o'neil x")).toBe(`'/o'\\''neil x'`)
  })
  test('acts by words, unknown ones by their own', () => {
    expect(actWord('policy.publish')).toBe('published a policy')
    expect(actWord('loop.plan-made')).toBe('loop plan made')
  })
  test('details in short: what changed with an arrow, lists as words', () => {
    expect(brief({ act: 'account.change', detail: { roles: ['compliance', 'engineer'], locked: [true, false] } })).toBe('roles: compliance → engineer, locked: yes → no')
    expect(brief({ act: 'account.create', detail: { roles: ['compliance', 'administrator'], expires: null } })).toBe('roles: compliance administrator, expires: none')
    expect(brief({ act: 'person.change', detail: ['name', 'state'] })).toBe('name, state')
    expect(brief({ act: 'session.end', detail: null })).toBe('')
  })
})
