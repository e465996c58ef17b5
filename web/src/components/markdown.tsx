// SPDX-License-Identifier: Apache-2.0
// A Markdown text as elements (lib/markdown.ts). `asset`: where a picture "asset:NAME" is; other pictures are not shown.
import { useMemo, type ReactNode } from 'react'
import { Link } from '../app/router'
import { parse, type Block, type Inline } from '../lib/markdown'

interface How { level: number; asset: ((name: string) => string) | undefined }

function Words({ of, how }: { of: readonly Inline[]; how: How }): ReactNode {
  return of.map((one, i) => {
    if (one.kind === 'text') return one.text
    if (one.kind === 'code') return <code key={i}>{one.text}</code>
    if (one.kind === 'strong') return <strong key={i}><Words of={one.of} how={how} /></strong>
    if (one.kind === 'em') return <em key={i}><Words of={one.of} how={how} /></em>
    if (one.kind === 'link') return one.href.startsWith('/') ? <Link key={i} href={one.href}><Words of={one.of} how={how} /></Link> : <a key={i} href={one.href} rel="noreferrer noopener"><Words of={one.of} how={how} /></a>
    if (!one.source.startsWith('asset:') || !how.asset) return <em key={i}>{one.words}</em>
    const name = one.source.slice('asset:'.length)
    return /\.(mp4|webm)$/.test(name)
      ? <video key={i} className="lesson-film" controls preload="metadata" aria-label={one.words} src={how.asset(name)} />
      : <img key={i} className="lesson-picture" src={how.asset(name)} alt={one.words} loading="lazy" />
  })
}

function Part({ block, how }: { block: Block; how: How }): ReactNode {
  if (block.kind === 'heading') {
    const Title = `h${Math.min(6, how.level + Math.max(0, block.level - 2))}` as 'h3'
    return <Title><Words of={block.of} how={how} /></Title>
  }
  if (block.kind === 'paragraph') return <p><Words of={block.of} how={how} /></p>
  if (block.kind === 'list') {
    const items = block.items.map((one, i) => <li key={i}><Words of={one} how={how} /></li>)
    return block.ordered ? <ol>{items}</ol> : <ul>{items}</ul>
  }
  if (block.kind === 'table') return (
    <div className="text-table" tabIndex={0} role="region" aria-label="Table">
      <table className="plain-table">
        <thead><tr>{block.head.map((one, i) => <th key={i} scope="col"><Words of={one} how={how} /></th>)}</tr></thead>
        <tbody>{block.rows.map((row, i) => <tr key={i}>{row.map((one, k) => <td key={k}><Words of={one} how={how} /></td>)}</tr>)}</tbody>
      </table>
    </div>
  )
  if (block.kind === 'quote') return <blockquote>{block.of.map((one, i) => <Part key={i} block={one} how={how} />)}</blockquote>
  if (block.kind === 'code') return <pre className="code" tabIndex={0}>{block.text}</pre>
  return <hr />
}

/** `level`: of the heading that "##" becomes. */
export function Markdown({ text, level = 3, asset }: { text: string; level?: number; asset?: (name: string) => string }) {
  const blocks = useMemo(() => parse(text), [text])
  return <div className="prose lesson">{blocks.map((one, i) => <Part key={i} block={one} how={{ level, asset }} />)}</div>
}
