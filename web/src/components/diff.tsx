// SPDX-License-Identifier: Apache-2.0
// Two versions of a text, line by line; what is the same is folded away but for some lines around each change.
import { useMemo, useState } from 'react'
import type { Diff } from '../api/types'
import { foldSame } from '../lib/fold'
import { number, plural } from '../lib/format'
import { Empty } from './page'

export function DiffView({ of, label }: { of: Diff; label: string }) {
  const parts = useMemo(() => foldSame(of.lines), [of])
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set())
  if (of.added === 0 && of.removed === 0) return <Empty title="The same text">There is no difference between the two.</Empty>
  return (
    <div className="diff-frame" tabIndex={0} role="region" aria-label={label}>
      <p className="small pad"><span className="good-text">{plural(of.added, 'line')} added</span>, <span className="bad-text">{number(of.removed)} removed</span></p>
      <table className="diff">
        <caption className="hidden-text">{label}</caption>
        <thead className="hidden-text"><tr><th scope="col">Line before</th><th scope="col">Line after</th><th scope="col">Change</th><th scope="col">Text</th></tr></thead>
        {parts.map((part, i) => part.kind === 'fold' && !open.has(i) ? (
          <tbody key={i}><tr><td colSpan={4}><button type="button" className="fold" onClick={() => setOpen(new Set([...open, i]))}>{plural(part.lines.length, 'line')} that are the same</button></td></tr></tbody>
        ) : (
          <tbody key={i}>
            {part.lines.map((line, k) => (
              <tr key={k} className={line.sign === '+' ? 'added' : line.sign === '-' ? 'removed' : ''}>
                <td className="diff-number">{line.old ?? ''}</td><td className="diff-number">{line.new ?? ''}</td>
                <td className="diff-sign">{line.sign === '=' ? '' : line.sign}{line.sign !== '=' && <span className="hidden-text">{line.sign === '+' ? ' added' : ' removed'}</span>}</td>
                <td className="diff-text">{line.text}</td>
              </tr>
            ))}
          </tbody>
        ))}
      </table>
    </div>
  )
}
