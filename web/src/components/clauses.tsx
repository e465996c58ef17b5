// SPDX-License-Identifier: Apache-2.0
// A document clause by clause: its words, and at each clause what the network does by it, told in words.
import type { Clause } from '../api/types'
import { plural } from '../lib/format'
import { Icon } from './icon'
import { Markdown } from './markdown'
import { ActionBadge } from './page'

export const clauseId = (line: number) => `clause-${line}`
export const clauseName = (one: Clause) => (one.number !== '' ? `${one.number} ${one.title}` : one.title)

/** `plain`: for whoever is to keep to it: without names and texts of rules. `onLine`: leads to the line in the editor. */
export function Clauses({ of, plain, onLine }: { of: readonly Clause[]; plain?: boolean; onLine?: (line: number) => void }) {
  return (
    <div className="clauses">
      {of.map(one => {
        const Title = `h${Math.min(6, Math.max(2, one.level))}` as 'h2'
        return (
          <section key={one.line} className={`clause level-${one.level}`} id={clauseId(one.line)} aria-label={clauseName(one)}>
            {one.title !== '' && <Title>{one.number !== '' && <span className="clause-number">{one.number}</span>}{onLine ? <button type="button" className="narrow" title="Go to it in the text" onClick={() => onLine(one.line)}>{one.title}</button> : one.title}</Title>}
            {one.text !== '' && <Markdown text={one.text} />}
            {one.rules.map((rule, i) => (
              <aside key={i} className={`clause-rule ${rule.action}`} aria-label={`What the network does: ${rule.name}`}>
                <p><Icon name="shield" /><span><strong>What the network does.</strong> {rule.words}</span></p>
                {!plain && (
                  <details>
                    <summary><span className="small">The rule “{rule.name}”, line {rule.line}</span> <ActionBadge action={rule.action} /></summary>
                    <pre className="code" tabIndex={0}>{rule.yaml}</pre>
                  </details>
                )}
              </aside>
            ))}
          </section>
        )
      })}
    </div>
  )
}

/** The way to each clause; those with rules are marked. */
export function ClauseList({ of }: { of: readonly Clause[] }) {
  return (
    <ul className="plain clause-list">
      {of.filter(one => one.title !== '').map(one => (
        <li key={one.line} className={one.level > 2 ? 'deeper' : ''}>
          <a href={`#${clauseId(one.line)}`} onClick={event => { event.preventDefault(); document.getElementById(clauseId(one.line))?.scrollIntoView({ block: 'start' }) }}>{clauseName(one)}</a>
          {one.rules.length > 0 && <span className="muted small nowrap"> {plural(one.rules.length, 'rule')}</span>}
        </li>
      ))}
    </ul>
  )
}
