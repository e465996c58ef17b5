// SPDX-License-Identifier: Apache-2.0
// From department through service to verdict. Nodes lead to the events behind them.
import { useMemo, useState } from 'react'
import type { Action, Overview } from '../api/types'
import { go, Link } from '../app/router'
import { formatFilter, type Filter } from '../lib/filter'
import { number, short } from '../lib/format'
import { ACTIONS } from '../lib/words'
import { Chart, useWidth } from './frame'
import { sankeyOf, type FlowNode } from './layout'

const SIDE = 118
export function DepartmentSankey({ overview, names, filter }: { overview: Overview; names: ReadonlyMap<string, string>; filter: Filter }) {
  const [box, width] = useWidth(640)
  const [over, setOver] = useState<string | null>(null)
  const count = Math.max(new Set(overview.sankey.map(row => row.service)).size, new Set(overview.sankey.map(row => row.department)).size)
  const height = Math.max(240, Math.min(420, 60 + Math.min(count, 10) * 36))
  // On a telephone departments are named in the drawing, not beside it: else there is no room for the drawing.
  const narrow = width < 480
  const left = narrow ? 0 : SIDE
  const right = narrow ? 84 : SIDE
  const inner = Math.max(160, width - left - right)
  const { nodes, links } = useMemo(() => sankeyOf(overview.sankey, names, action => ACTIONS[action] ?? action, inner, height), [overview, names, inner, height])
  const total = nodes.filter(node => node.kind === 'action').reduce((sum, node) => sum + node.value, 0)
  const part = (action: Action) => nodes.find(node => node.id === `a:${action}`)?.value ?? 0
  const percent = (n: number) => (total === 0 ? 0 : Math.round((n / total) * 100))
  const said = ([['block', 'to be blocked'], ['alert', 'reported'], ['scan', 'scanned'], ['allow', 'allowed']] as const).filter(([action]) => part(action) > 0).map(([action, word]) => ({ word, text: `${percent(part(action))}\u00a0% ${word}` }))
  const summary = total === 0 ? 'No flows in this span.' : said.length === 1 ? `All ${number(total)} flows were ${said[0]?.word}.` : `Of ${number(total)} flows: ${said.map(one => one.text).join(', ')}.`
  const leads = (node: FlowNode) => `/events${formatFilter({ ...filter, kind: ['flow'], ...(node.kind === 'department' ? { department: [node.key] } : node.kind === 'action' ? { action: [node.key] } : { service: [node.key] }) })}`
  const lit = (from: string, to: string) => over === null || over === from || over === to
  const colour = (node: FlowNode) => (node.kind === 'action' ? `var(--${node.key})` : 'var(--line-strong)')
  const clip = (node: FlowNode) => {
    const room = narrow ? Math.floor((node.kind === 'action' ? right - 6 : inner / 2 - 22) / 6.8) - short(node.value).length - 1 : Math.floor(SIDE / 6.6)
    return node.name.length > room ? `${node.name.slice(0, room - 1)}…` : node.name
  }
  return (
    <Chart title="Department, service, verdict" summary={summary}
      table={{ head: ['Department', 'Service', 'Verdict', 'Flows'], numbers: [3], rows: [...overview.sankey].sort((a, b) => b.flows - a.flows).map(row => [row.department || 'Not known', names.get(row.service) ?? row.service, ACTIONS[row.action] ?? row.action, number(row.flows)]) }}>
      <div className="chart-area" ref={box}>
        {nodes.length > 0 && (
          <svg viewBox={`${-left} 0 ${width} ${height}`} role="group" aria-label="Flows from departments through services to verdicts">
            <g fill="none">
              {links.map(link => (
                <path key={link.id} className="mark" d={link.path} strokeWidth={link.width} stroke={link.action ? `var(--${link.action})` : 'var(--chart-other)'} strokeOpacity={lit(link.from, link.to) ? (over === null ? 0.34 : 0.6) : 0.1}>
                  <title>{`${link.fromName} → ${link.toName}: ${number(link.value)} flows`}</title>
                </path>
              ))}
            </g>
            {nodes.map(node => {
              const before = node.kind === 'department' && !narrow
              const middle = node.kind === 'service'
              const tall = node.y1 - node.y0
              return (
                <Link key={node.id} href={node.key === 'other' && middle ? '/events' : leads(node)} aria-label={`${clip(node)} ${short(node.value)} flows: show those of ${node.name}`} onClick={event => { if (node.key === 'other' && middle) { event.preventDefault(); go('/catalog') } }}
                  onPointerEnter={() => setOver(node.id)} onPointerLeave={() => setOver(null)} onFocus={() => setOver(node.id)} onBlur={() => setOver(null)}>
                  <rect className="target mark" x={node.x0} y={node.y0} width={node.x1 - node.x0} height={Math.max(2, tall)} fill={colour(node)} rx={1} />
                  <rect x={before ? node.x0 - left : node.x0} y={(node.y0 + node.y1) / 2 - 12} width={(narrow && node.kind !== 'action' ? inner / 2 - 16 : right) + 10} height={24} fill="transparent" />
                  <text x={before ? node.x0 - 6 : node.x1 + 6} y={(node.y0 + node.y1) / 2} dy="0.34em" textAnchor={before ? 'end' : 'start'} className={middle || (narrow && node.kind === 'department') ? 'halo' : ''}>
                    <tspan>{clip(node)}</tspan>{' '}<tspan className="count">{short(node.value)}</tspan>
                  </text>
                </Link>
              )
            })}
          </svg>
        )}
      </div>
    </Chart>
  )
}
