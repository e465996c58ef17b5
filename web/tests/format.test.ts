// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest'
import { ago, bytes, change, duration, listed, number, plural, short, time } from '../src/lib/format'

describe('numbers', () => {
  test('whole numbers are grouped', () => expect(number(1234567)).toBe('1,234,567'))
  test('short ones keep three digits', () => {
    expect(short(0)).toBe('0')
    expect(short(9999)).toBe('9,999')
    expect(short(12_345)).toBe('12.3 k')
    expect(short(99_960)).toBe('100 k')
    expect(short(999_600)).toBe('1.0 M')
    expect(short(3_140_000_000)).toBe('3.1 G')
  })
  test('sizes change their unit before they are 1024', () => {
    expect(bytes(0)).toBe('0 B')
    expect(bytes(1023)).toBe('1,023 B')
    expect(bytes(1024)).toBe('1.0 KiB')
    expect(bytes(1024 * 1024 - 1)).toBe('1.0 MiB')
    expect(bytes(250 * 1024 * 1024)).toBe('250 MiB')
  })
  test('one is not many', () => {
    expect(plural(1, 'flow')).toBe('1 flow')
    expect(plural(0, 'flow')).toBe('0 flows')
    expect(plural(2, 'person', 'people')).toBe('2 people')
  })
})

describe('compared with the span before', () => {
  test('nothing to compare with', () => expect(change(5, undefined)).toBeNull())
  test('none before', () => expect(change(5, 0)).toEqual({ text: 'none before', direction: 1 }))
  test('none at all', () => expect(change(0, 0)).toEqual({ text: 'as before', direction: 0 }))
  test('more, less, far more', () => {
    expect(change(112, 100)).toEqual({ text: '+12 %', direction: 1 })
    expect(change(60, 100)).toEqual({ text: '−40 %', direction: -1 })
    expect(change(1042, 1000)).toEqual({ text: '+4.2 %', direction: 1 })
    expect(change(5000, 100)).toEqual({ text: '× 50', direction: 1 })
    expect(change(1001, 1000)).toEqual({ text: 'as before', direction: 0 })
  })
})

describe('times', () => {
  const now = Date.parse('2026-11-23T12:00:00Z')
  test('how long ago', () => {
    expect(ago('2026-11-23T11:59:50Z', now)).toBe('just now')
    expect(ago('2026-11-23T11:59:00Z', now)).toBe('1 min ago')
    expect(ago('2026-11-23T09:00:00Z', now)).toBe('3 h ago')
    expect(ago('2026-11-22T12:00:00Z', now)).toBe('a day ago')
    expect(ago('2026-11-20T12:00:00Z', now)).toBe('3 days ago')
    expect(ago('no time', now)).toBe('')
  })
  test('the order is that of ISO 8601', () => expect(time('2026-11-20T08:56:10')).toBe('2026-11-20 08:56:10'))
  test('durations', () => {
    expect(duration(42)).toBe('42 s')
    expect(duration(3700)).toBe('1 h 1 min')
    expect(duration(90_000)).toBe('1 d 1 h')
  })
})

test('lists read as a sentence', () => {
  expect(listed([])).toBe('')
  expect(listed(['a'])).toBe('a')
  expect(listed(['a', 'b', 'c'])).toBe('a, b and c')
})
