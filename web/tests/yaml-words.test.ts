// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest'
import { indentAfter, pieces } from '../src/lib/yaml-words'

const kinds = (line: string) => pieces(line).filter(one => one.kind !== 'plain').map(one => `${one.kind} ${one.text}`)

test('nothing of a line is lost', () => {
  for (const line of ['', '  - name: "a # b" # c', 'match: {class: im, activity: [file]}', 'x#y: \'it', 'a: 10.20.0.0/16', '\t\u00e9: 2027-01-31']) expect(pieces(line).map(one => one.text).join('')).toBe(line)
})
test('what is what', () => {
  expect(kinds('default: alert # until 2027')).toEqual(['key default', 'alert alert', 'comment # until 2027'])
  expect(kinds('match: {class: im}')).toEqual(['key match', 'key class'])
  expect(kinds('edition: "2026-11"')).toEqual(['key edition', 'text "2026-11"'])
  expect(kinds('until: 2099-01-31')).toEqual(['key until', 'number 2099-01-31'])
})
test('a # in a word or a text begins no comment', () => {
  expect(kinds('name: a#b')).toEqual(['key name'])
  expect(kinds('name: "a # b"')).toEqual(['key name', 'text "a # b"'])
})
test('Enter goes on where the line stands', () => {
  expect(indentAfter('rules:')).toBe('  ')
  expect(indentAfter('  - name: x')).toBe('    ')
  expect(indentAfter('    action: block')).toBe('    ')
  expect(indentAfter('version: 1')).toBe('')
})
