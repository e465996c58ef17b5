// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest'
import { filterQuery, formatFilter, parseFilter, rangeAround, resolveSpan, spanRange, withOnly, withoutValue, withValue } from '../src/lib/filter'

const parse = (text: string) => parseFilter(new URLSearchParams(text))

describe('filters in addresses', () => {
  test('commas and repetition are alternatives, each once', () => {
    expect(parse('service=irc,oscar&service=irc&action=block')).toEqual({ service: ['irc', 'oscar'], action: ['block'] })
  })
  test('words that are searched keep their commas', () => expect(parse('q=a, b')).toEqual({ q: ['a, b'] }))
  test('empty values and names of the page are none', () => expect(parse('service=&q=&sort=time&tab=x')).toEqual({}))
  test('there and back', () => {
    for (const text of ['?range=24h&service=irc,oscar', '?q=a%20b%26c%3Dd', '?sha256=ab&stopped=1', '?q=%C3%A9%25', '']) expect(formatFilter(parse(text))).toBe(text)
  })
  test('own words of a page are carried over', () => {
    expect(formatFilter({ service: ['irc'] }, new URLSearchParams('sort=time&service=old'))).toBe('?service=irc&sort=time')
  })
  test('values are added and taken away without changing what was given', () => {
    const filter = { service: ['irc'] }
    expect(withValue(filter, 'service', 'irc')).toBe(filter)
    expect(withValue(filter, 'service', 'oscar')).toEqual({ service: ['irc', 'oscar'] })
    expect(withoutValue(filter, 'service', 'irc')).toEqual({})
    expect(withOnly(filter, 'service', '')).toEqual({})
    expect(filter).toEqual({ service: ['irc'] })
  })
  test('where no span is set, the usual one is asked for', () => {
    expect(filterQuery({})).toEqual({ range: '7d' })
    expect(filterQuery({ range: ['24h'], service: ['irc'] })).toEqual({ range: '24h', service: ['irc'] })
  })
})

describe('spans', () => {
  const now = Date.parse('2026-11-23T12:00:30Z')
  test('known ones end with the minute', () => expect(resolveSpan('24h', now)).toEqual({ from: '2026-11-22T12:01:00.000Z', to: '2026-11-23T12:01:00.000Z' }))
  test('own ones may be open', () => {
    expect(resolveSpan('2026-11-01T00:00:00Z..', now)).toEqual({ from: '2026-11-01T00:00:00.000Z', to: null })
    expect(resolveSpan('..', now)).toEqual({ from: null, to: null })
  })
  test('what is no time is none', () => expect(resolveSpan('yesterday..<b>', now)).toEqual({ from: null, to: null }))
  test('a span is read back as it was written', () => {
    const span = spanRange(new Date('2026-11-01T00:00:00Z'), null)
    expect(resolveSpan(span, now).from).toBe('2026-11-01T00:00:00.000Z')
  })
  test('the days around the last event hold it', () => {
    const span = resolveSpan(rangeAround('2026-11-20T08:56:10Z'), now)
    expect(span).toEqual({ from: '2026-11-14T00:00:00.000Z', to: '2026-11-21T00:00:00.000Z' })
    expect(resolveSpan(rangeAround('2026-11-21T00:00:00Z'), now).to).toBe('2026-11-22T00:00:00.000Z')
  })
})
