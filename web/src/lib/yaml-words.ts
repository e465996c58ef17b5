// SPDX-License-Identifier: Apache-2.0
// Colours for the policy editor: a line of YAML as pieces, each of one kind. It does not understand YAML (the server
// checks it); it knows comments, keys, quoted texts, numbers, dates and the four actions. What it does not know is plain.
export type Piece = { kind: 'plain' | 'comment' | 'key' | 'text' | 'number' | 'allow' | 'alert' | 'block' | 'scan'; text: string }

const TOKEN = /(#.*$)|("(?:[^"\\]|\\.)*"?|'[^']*'?)|([A-Za-z_][\w-]*)(?=\s*:(?:\s|$|[[{"]))|\b(\d{4}-\d\d-\d\d|\d+(?:\.\d+)?[A-Za-z]{0,3})\b|\b(allow|alert|block|scan)\b/g

export function pieces(line: string): Piece[] {
  const list: Piece[] = []
  let at = 0
  for (const match of line.matchAll(TOKEN)) {
    const [whole, comment, text, key, digits, action] = match
    if (comment !== undefined && match.index > 0 && !/\s/.test(line[match.index - 1] ?? '')) continue // a '#' inside a word
    if (match.index > at) list.push({ kind: 'plain', text: line.slice(at, match.index) })
    list.push({ kind: comment !== undefined ? 'comment' : text !== undefined ? 'text' : key !== undefined ? 'key' : digits !== undefined ? 'number' : (action as Piece['kind']), text: whole })
    at = match.index + whole.length
    if (comment !== undefined) break
  }
  if (at < line.length) list.push({ kind: 'plain', text: line.slice(at) })
  return list
}

/** What Enter adds: the indent of the line before, and of a list's item that of its keys. */
export function indentAfter(line: string): string {
  const indent = /^\s*/.exec(line)?.[0] ?? ''
  return /^\s*- \S+.*:/.test(line) ? `${indent}  ` : /:\s*$/.test(line) ? `${indent}  ` : indent
}
