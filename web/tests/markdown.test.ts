// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { inline, parse, safeHref } from '../src/lib/markdown'

describe('markdown', () => {
  it('knows blocks', () => {
    const text = '# Title\n\nSome words\nthat go on.\n\n- one\n- two\n  goes on\n\n1. first\n2. second\n\n> quoted\n> - in it\n\n```\n<b>\n```\n---\n'
    expect(parse(text).map(one => one.kind)).toEqual(['heading', 'paragraph', 'list', 'list', 'quote', 'code', 'line'])
    const list = parse(text)[2]
    expect(list?.kind === 'list' && list.items).toEqual([[{ kind: 'text', text: 'one' }], [{ kind: 'text', text: 'two goes on' }]])
  })
  it('knows tables', () => {
    const table = parse('before\n| who | what |\n| --- | :-: |\n| **we** | a \\| b |\n| alone |\n\nafter')
    expect(table.map(one => one.kind)).toEqual(['paragraph', 'table', 'paragraph'])
    const one = table[1]
    expect(one?.kind === 'table' && one.head).toEqual([[{ kind: 'text', text: 'who' }], [{ kind: 'text', text: 'what' }]])
    expect(one?.kind === 'table' && one.rows).toEqual([[[{ kind: 'strong', of: [{ kind: 'text', text: 'we' }] }], [{ kind: 'text', text: 'a | b' }]], [[{ kind: 'text', text: 'alone' }], []]])
    expect(parse('a | b').map(one => one.kind)).toEqual(['paragraph'])
  })
  it('knows words', () => {
    expect(inline('a **b *c*** `d`')).toEqual([
      { kind: 'text', text: 'a ' },
      { kind: 'strong', of: [{ kind: 'text', text: 'b ' }, { kind: 'em', of: [{ kind: 'text', text: 'c' }] }] },
      { kind: 'text', text: ' ' }, { kind: 'code', text: 'd' },
    ])
    expect(inline('![the way](asset:a.svg)')).toEqual([{ kind: 'picture', source: 'asset:a.svg', words: 'the way' }])
  })
  it('makes no link that could run or go astray', () => {
    for (const href of ['javascript:alert(1)', 'data:text/html,x', '//elsewhere.example', 'http://plain.example', 'vbscript:x']) expect(safeHref(href)).toBeNull()
    for (const href of ['https://a.example', 'mailto:a@b.example', '/mine', '#part']) expect(safeHref(href)).toBe(href)
    expect(inline('[x](javascript:alert)')).toEqual([{ kind: 'text', text: '[x](javascript:alert)' }])
  })
  it('leaves HTML as text, and ends on any input', () => {
    expect(inline('<img src=x onerror=y>')).toEqual([{ kind: 'text', text: '<img src=x onerror=y>' }])
    for (const odd of ['*', '**', '***', '[](', '![', '`', '> '.repeat(50), '- ', '1. ', '#', '```', '*a **b* c**'.repeat(200)]) expect(Array.isArray(parse(odd))).toBe(true)
  })
})
