// SPDX-License-Identifier: Apache-2.0
// What roles may do, in words: src/program/permissions.def of the server says the same, a permission a line.
import type { Role } from '../api/types'

export const ROLE_ORDER: readonly Role[] = ['engineer', 'compliance', 'manager', 'employee', 'examiner', 'administrator']
export const ROLE_MAY: Record<Role, string> = {
  engineer: 'Sees all use, by pseudonym, and addresses; works on incidents; writes policies; looks after sensors; brings in files.',
  compliance: 'Sees all use, by pseudonym; works on incidents; asks for names and texts and decides on others’ requests; writes policies; reads the audit trail.',
  manager: 'Sees the use of their own team, by pseudonym; reads policies and the catalog.',
  employee: 'Sees what is known about them, and nothing else.',
  examiner: 'Reads all of it, for a limited time, and changes nothing: use, incidents, requests, policies, settings, the audit trail.',
  administrator: 'Makes accounts; looks after people, sensors and settings; decides on requests to reveal; sees no use.',
}

/** Permissions that a token may have. */
export const SCOPES: Record<string, string> = {
  'usage:read': 'Read use: events, people by pseudonym, sums', 'usage:export': 'Export events', import: 'Bring in captures and events',
  'incident:read': 'Read incidents', 'incident:write': 'Work on incidents', 'policy:read': 'Read policies', 'policy:write': 'Draft and publish policies',
  'catalog:read': 'Read the catalog', 'people:read': 'Read the directory', 'people:write': 'Change the directory', 'sensor:read': 'Read the state of sensors',
  'sensor:write': 'Add and revoke sensors', 'audit:read': 'Read and check the audit trail', 'setting:read': 'Read settings and retention',
  'program:read': 'Read what is open in the program', 'document:read': 'Read policy documents', 'document:write': 'Write policy documents', 'duty:read': 'Read who signed and learnt what, by pseudonym', 'duty:write': 'Assign, remind, excuse',
  'course:read': 'Read courses', 'course:write': 'Write courses', 'exception:read': 'Read exceptions',
  'signal:read': 'Read off-channel signals, by pseudonym', 'signal:write': 'Bring in counts of approved channels',
  'enforcement:read': 'Fetch what gateways enforce', 'risk:read': 'Read risk assessments', 'risk:write': 'Write risk assessments',
  'client:read': 'Read the patch and virus programs', 'client:write': 'Bring in inventories and advisories',
  'evidence:read': 'Read evidence packages',
}
export const scopesOf = (permissions: readonly string[]) => Object.keys(SCOPES).filter(one => permissions.includes(one))

/** Duties that one account should not have at once, where it has: who looks into use must not make accounts. */
export function tooMuch(roles: readonly Role[]): string | null {
  return roles.includes('compliance') && roles.includes('administrator')
    ? 'Compliance and administrator at once: who looks into people’s use could make the accounts that agree to it. Give one of the roles to somebody else.'
    : null
}

const LETTERS = 'ABCDEFGHJKMNPQRSTVWXYZabcdefghjkmnpqrstvwxyz23456789' // none that is taken for another
/** A first password: 20 letters in groups of five, 114 bits. */
export function firstPassword(random: (into: Uint8Array) => Uint8Array = into => crypto.getRandomValues(into)): string {
  const most = 256 - (256 % LETTERS.length)
  let out = ''
  while (out.length < 20) for (const octet of random(new Uint8Array(32))) if (octet < most && out.length < 20) out += LETTERS[octet % LETTERS.length]
  return out.replace(/(.{5})(?=.)/g, '$1-')
}

/** "Firefox on Linux" of what a browser calls itself; what is not known is cut short. */
export function browserName(agent: string): string {
  const program = ([['Edg/', 'Edge'], ['OPR/', 'Opera'], ['Firefox/', 'Firefox'], ['Chrome/', 'Chrome'], ['Safari/', 'Safari']] as const).find(([word]) => agent.includes(word))?.[1]
  const system = ([['Android', 'Android'], ['iPhone', 'iPhone'], ['iPad', 'iPad'], ['Windows', 'Windows'], ['Mac OS X', 'macOS'], ['CrOS', 'ChromeOS'], ['Linux', 'Linux']] as const).find(([word]) => agent.includes(word))?.[1]
  if (program) return system ? `${program} on ${system}` : program
  return agent === '' ? 'Not told' : agent.length > 60 ? `${agent.slice(0, 60)}…` : agent
}

/** The end of a day in the browser's time zone, as ISO 8601; null: no day. And back. */
export function endOfDay(day: string): string | null {
  const end = /^\d{4}-\d\d-\d\d$/.test(day) ? new Date(`${day}T23:59:59`) : null
  return end && !Number.isNaN(end.getTime()) ? end.toISOString().replace(/\.\d+Z$/, 'Z') : null
}
