// SPDX-License-Identifier: Apache-2.0
// Markdown as courses and documents have it: headings, paragraphs, lists, tables, quotes, bold, italic, code, links and pictures. It
// is read into a tree and shown as elements (components/markdown.tsx): no HTML is made of it, so nothing in a text can run.

export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'code'; text: string }
  | { kind: 'strong'; of: Inline[] }
  | { kind: 'em'; of: Inline[] }
  | { kind: 'link'; href: string; of: Inline[] }
  | { kind: 'picture'; source: string; words: string }
export type Block =
  | { kind: 'heading'; level: number; of: Inline[] }
  | { kind: 'paragraph'; of: Inline[] }
  | { kind: 'list'; ordered: boolean; items: Inline[][] }
  | { kind: 'table'; head: Inline[][]; rows: Inline[][][] }
  | { kind: 'quote'; of: Block[] }
  | { kind: 'code'; text: string }
  | { kind: 'line' }

const INLINE = /`([^`]+)`|!\[([^\]]*)\]\(([^)\s]+)\)|\[([^\]]+)\]\(([^)\s]+)\)|\*\*(.+?)\*\*(?!\*)|\*([^*\s](?:.*?[^*\s])?)\*/
/** Links lead into the console, or by https to elsewhere; what is neither stays text. */
export const safeHref = (href: string) => (/^(https:\/\/|mailto:|\/(?!\/)|#)/.test(href) ? href : null)

export function inline(text: string, deep = 0): Inline[] {
  const out: Inline[] = []
  let rest = text
  while (rest !== '') {
    const found = deep < 4 ? INLINE.exec(rest) : null
    if (found === null) {
      out.push({ kind: 'text', text: rest })
      break
    }
    if (found.index > 0) out.push({ kind: 'text', text: rest.slice(0, found.index) })
    const [whole, code, words, source, name, href, strong, em] = found
    if (code !== undefined) out.push({ kind: 'code', text: code })
    else if (source !== undefined) out.push({ kind: 'picture', source, words: words ?? '' })
    else if (href !== undefined && name !== undefined) {
      const safe = safeHref(href)
      out.push(safe === null ? { kind: 'text', text: whole } : { kind: 'link', href: safe, of: inline(name, deep + 1) })
    } else if (strong !== undefined) out.push({ kind: 'strong', of: inline(strong, deep + 1) })
    else if (em !== undefined) out.push({ kind: 'em', of: inline(em, deep + 1) })
    rest = rest.slice(found.index + whole.length)
  }
  return out
}

const HEADING = /^(#{1,6})\s+(.*)$/
const ITEM = /^(?:[-*]|(\d+)\.)\s+(.*)$/

const RULE = /^\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?$/
/** A table begins with its head and a line of dashes; a stroke in a cell is written "\\|". */
const tableAt = (lines: readonly string[], at: number) => (lines[at] ?? '').includes('|') && (lines[at + 1] ?? '').includes('|') && RULE.test((lines[at + 1] ?? '').trim())
const cells = (line: string) => line.trim().replace(/^\||(?<!\\)\|$/g, '').split(/(?<!\\)\|/).map(one => inline(one.trim().replace(/\\\|/g, '|')))

export function parse(text: string, deep = 0): Block[] {
  const lines = text.replace(/\r\n?/g, '\n').split('\n')
  const out: Block[] = []
  let at = 0
  const words = (part: string[]) => inline(part.join(' '))
  while (at < lines.length) {
    const line = (lines[at] ?? '').trimEnd()
    if (line.trim() === '') { at++; continue }
    if (line.startsWith('```')) {
      const from = ++at
      while (at < lines.length && !(lines[at] ?? '').startsWith('```')) at++
      out.push({ kind: 'code', text: lines.slice(from, at).join('\n') })
      at++
      continue
    }
    const heading = HEADING.exec(line)
    if (heading) { out.push({ kind: 'heading', level: (heading[1] ?? '#').length, of: inline(heading[2] ?? '') }); at++; continue }
    if (/^(---+|\*\*\*+)$/.test(line)) { out.push({ kind: 'line' }); at++; continue }
    if (tableAt(lines, at)) {
      const head = cells(line)
      const rows: Inline[][][] = []
      at += 2
      while (at < lines.length && (lines[at] ?? '').includes('|')) rows.push(cells(lines[at++] ?? ''))
      out.push({ kind: 'table', head, rows: rows.map(row => head.map((_, i) => row[i] ?? [])) })
      continue
    }
    if (line.startsWith('>') && deep < 4) {
      const part: string[] = []
      while (at < lines.length && (lines[at] ?? '').startsWith('>')) part.push((lines[at++] ?? '').replace(/^> ?/, ''))
      out.push({ kind: 'quote', of: parse(part.join('\n'), deep + 1) })
      continue
    }
    const first = ITEM.exec(line)
    if (first) {
      const items: Inline[][] = []
      const ordered = first[1] !== undefined
      while (at < lines.length) {
        const item = ITEM.exec((lines[at] ?? '').trimEnd())
        if (!item || (item[1] !== undefined) !== ordered) break
        const part = [item[2] ?? '']
        at++
        while (at < lines.length && /^\s+\S/.test(lines[at] ?? '')) part.push((lines[at++] ?? '').trim()) // goes on, indented
        items.push(words(part))
      }
      out.push({ kind: 'list', ordered, items })
      continue
    }
    const part: string[] = []
    while (at < lines.length) {
      const one = (lines[at] ?? '').trimEnd()
      if (one.trim() === '' || HEADING.test(one) || (ITEM.test(one) && part.length > 0) || one.startsWith('```') || (part.length > 0 && tableAt(lines, at)) || (one.startsWith('>') && deep < 4)) break
      part.push(one.trim())
      at++
    }
    out.push({ kind: 'paragraph', of: words(part) })
  }
  return out
}
