// SPDX-License-Identifier: Apache-2.0
// Differences to be read: what is the same is folded away but for some lines around each change.
import type { Diff } from '../api/types'

const AROUND = 3
type Line = Diff['lines'][number]
export type Part = { kind: 'lines'; lines: Line[] } | { kind: 'fold'; lines: Line[] }

export function foldSame(lines: readonly Line[], around = AROUND): Part[] {
  const near = lines.map(() => false)
  lines.forEach((line, i) => { if (line.sign !== '=') for (let k = Math.max(0, i - around); k <= Math.min(lines.length - 1, i + around); k++) near[k] = true })
  const parts: Part[] = []
  lines.forEach((line, i) => {
    const kind = near[i] ? 'lines' : 'fold'
    const last = parts[parts.length - 1]
    if (last?.kind === kind) last.lines.push(line)
    else parts.push({ kind, lines: [line] })
  })
  return parts
}
