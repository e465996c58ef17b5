// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import type { Diff } from '../src/api/types'
import { foldSame } from '../src/lib/fold'
import { markdownPieces } from '../src/lib/markdown-words'
import { filled } from '../src/lib/template'

describe('documents', () => {
  it('folds what is the same, but for some lines around each change', () => {
    const lines: Diff['lines'] = Array.from({ length: 20 }, (_, i) => ({ sign: i === 10 ? '+' : '=', old: i, new: i, text: String(i) }))
    expect(foldSame(lines).map(one => [one.kind, one.lines.length])).toEqual([['fold', 7], ['lines', 7], ['fold', 6]])
    expect(foldSame(lines.map(one => ({ ...one, sign: '=' as const }))).map(one => one.kind)).toEqual(['fold'])
    expect(foldSame([])).toEqual([])
  })
  it('colours rules in their blocks, and no other text', () => {
    const kinds = markdownPieces(['# Files', '', 'match: me', '```imward', 'action: block', '```', '```', 'action: block', '```']).map(line => line.map(one => one.kind))
    expect(kinds).toEqual([['key'], [], ['plain'], ['comment'], ['key', 'plain', 'block'], ['comment'], ['comment'], ['plain'], ['comment']])
  })
  it('fills in what is known of a template', () => {
    expect(filled('[institution]: https://console.bank.example/mine/documents', 'Example Bank', 'https://a:8443')).toBe('Example Bank: https://a:8443/mine/documents')
    expect(filled('[institution]', '', 'https://a')).toBe('[institution]')
  })
})
