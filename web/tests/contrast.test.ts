// SPDX-License-Identifier: Apache-2.0
// WCAG 2.2, 1.4.3 and 1.4.11, computed from style/tokens.css: text 4.5 : 1, marks and borders of controls 3 : 1.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const css = readFileSync(new URL('../src/style/tokens.css', import.meta.url), 'utf8')
const tokens = (block: string) => new Map([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map(match => [match[1] as string, match[2] as string]))
const split = css.indexOf(":root[data-theme='dark']")
const themes = { light: tokens(css.slice(0, split)), dark: tokens(css.slice(split)) }

function luminance(colour: string): number {
  const part = (at: number) => {
    const value = parseInt(colour.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }
  return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
}
function contrast(a: string, b: string): number {
  const [x, y] = [luminance(a), luminance(b)]
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05)
}

const TEXT: [string, string[]][] = [
  ['text', ['page', 'surface', 'sunken', 'raised', 'accent-soft']],
  ['text-muted', ['page', 'surface', 'sunken', 'raised', 'accent-soft']],
  ['accent', ['page', 'surface', 'sunken', 'raised']],
  ['accent-strong', ['surface', 'accent-soft', 'sunken']],
  ['on-accent', ['accent', 'accent-strong']],
  ...['allow', 'alert', 'block', 'scan'].map((tone): [string, string[]] => [tone, ['surface', `${tone}-soft`, 'raised']]),
  ['heat-ink-low', ['heat-1', 'heat-2']],
  ['heat-ink-middle', ['heat-3']],
  ['heat-ink-high', ['heat-4', 'heat-5']],
]
const MARKS: [string, string[]][] = [
  ['line-strong', ['surface', 'page', 'raised']],
  ['focus', ['surface', 'page', 'raised', 'sunken']],
  ...['chart-1', 'chart-2', 'chart-3', 'chart-4', 'chart-5', 'chart-6', 'chart-other'].map((name): [string, string[]] => [name, ['surface']]),
]

describe.each(Object.entries(themes))('%s', (_name, theme) => {
  const colour = (name: string) => {
    const value = theme.get(name)
    if (value === undefined) throw new Error(`no token --${name}`)
    return value
  }
  test.each(TEXT.flatMap(([ink, grounds]) => grounds.map(ground => [ink, ground] as const)))('text %s on %s', (ink, ground) => {
    expect(contrast(colour(ink), colour(ground))).toBeGreaterThanOrEqual(4.5)
  })
  test.each(MARKS.flatMap(([mark, grounds]) => grounds.map(ground => [mark, ground] as const)))('mark %s on %s', (mark, ground) => {
    expect(contrast(colour(mark), colour(ground))).toBeGreaterThanOrEqual(3)
  })
})
