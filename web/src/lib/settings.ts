// SPDX-License-Identifier: Apache-2.0
// Maps of settings as rows to edit, and what can be said against an address before it is sent.
export interface MapRow { key: string; value: string }
export const rowsOf = (map: Readonly<Record<string, string>>): MapRow[] => Object.entries(map).map(([key, value]) => ({ key, value }))
/** Rows that say nothing are left out. */
export const mapOf = (rows: readonly MapRow[]): Record<string, string> => Object.fromEntries(rows.map(row => [row.key.trim(), row.value.trim()] as const).filter(([key, value]) => key !== '' && value !== ''))

export function ldapProblem(of: { on: boolean; url: string; start_tls: boolean; plain: boolean }): string | null {
  if (of.url === '') return of.on ? 'Where is it? ldaps://NAME' : null
  if (!/^ldaps?:\/\/[^\s/]+\/?$/.test(of.url)) return 'It is ldaps://NAME, or ldap://NAME with StartTLS'
  if (of.url.startsWith('ldap://') && !of.start_tls && !of.plain) return 'Passwords would cross the network unprotected: take ldaps://, or StartTLS'
  return null
}
export function issuerProblem(of: { on: boolean; issuer: string }): string | null {
  if (of.issuer === '') return of.on ? 'Who is the provider? Its address begins with https.' : null
  return /^https:\/\/[^\s]+$/.test(of.issuer) ? null : 'It begins with https://'
}

/** A word of a command line, quoted where a shell would take it apart. */
export const shellWord = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`)
