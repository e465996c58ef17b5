// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest'
import type { RiskFacts } from '../src/api/types'
import { levelOf, seenOf } from '../src/lib/risk-words'

const facts: RiskFacts = { from: '', until: '', taken: '', people: 1, flows: 48, messages: 0, files: 2, scanned: 1, alerts: 0, stopped: 0, agile: 3, bytes_out: 0, bytes_in: 0, incidents: [], services: ['telegram'], catalog: [], end_to_end: null }
test('what was seen has its unit', () => {
  expect(seenOf(facts, 'people')).toBe('1 person')
  expect(seenOf(facts, 'files')).toBe('2 files')
  expect(seenOf(facts, 'scanned')).toBe('1 file scanned')
  expect(seenOf(facts, 'agile')).toBe('3 flows on odd ports')
  expect(seenOf(facts, 'messages')).toBe('0 messages')
})
test('incidents are told by their kind: a question about worms is not answered by one about ports', () => {
  expect(seenOf(facts, 'incidents')).toBe('incidents: none')
  expect(seenOf({ ...facts, incidents: [{ detector: 'port-agility', incidents: 1, alerts: 4 }] }, 'incidents')).toBe('incidents: port-agility 1')
})
test('a question that no fact speaks of says nothing', () => {
  expect(seenOf(facts, null)).toBe('')
  expect(seenOf(facts, 'catalog')).toBe('')
})
test('levels begin where the method says', () => {
  expect([1, 4, 5, 9, 10, 14, 15, 25].map(levelOf)).toEqual(['low', 'low', 'medium', 'medium', 'high', 'high', 'critical', 'critical'])
})
