// SPDX-License-Identifier: Apache-2.0
// Colours for the editor of documents: headings, the fences of blocks, and the YAML within those that hold rules.
import { pieces, type Piece } from './yaml-words'

export function markdownPieces(lines: readonly string[]): Piece[][] {
  let block: null | 'rules' | 'other' = null
  return lines.map(line => {
    if (line.startsWith('```')) {
      block = block !== null ? null : /^```\s*imward\s*$/.test(line) ? 'rules' : 'other'
      return [{ kind: 'comment', text: line }]
    }
    if (block === 'rules') return pieces(line)
    if (block === null && /^#{1,6}\s/.test(line)) return [{ kind: 'key', text: line }]
    return line === '' ? [] : [{ kind: 'plain', text: line }]
  })
}
