// SPDX-License-Identifier: Apache-2.0
// Who infected whom, on an axis of time: each line of the drawing is one machine, under the one that reached it first.
import { scaleLinear } from 'd3-scale'
import { useMemo } from 'react'
import type { Propagation } from '../api/types'
import { clock, listed, number, plural, time } from '../lib/format'
import { Chart, useWidth } from './frame'
import { spreadOf, timeTicks } from './layout'

const ROW = 24
const TOP = 26
export function SpreadGraph({ graph, chosen, onChoose }: { graph: Propagation; chosen: string | null; onChoose: (id: string) => void }) {
  const [box, width] = useWidth(900)
  const spread = useMemo(() => spreadOf(graph), [graph])
  const label = Math.min(190, width * 0.34)
  const x = scaleLinear().domain([spread.from, spread.to]).range([14, width - label])
  const height = TOP + spread.nodes.length * ROW + 10
  const rows = useMemo(() => new Map(spread.nodes.map(one => [one.node.id, one])), [spread])
  const y = (id: string) => TOP + (rows.get(id)?.row ?? 0) * ROW + ROW / 2
  const tree = new Set(spread.nodes.filter(one => one.parent !== null).map(one => `${one.parent} ${one.node.id}`))
  const later = graph.edges.filter(edge => !tree.has(`${edge.from} ${edge.to}`) && rows.has(edge.from) && rows.has(edge.to) && edge.from !== edge.to)
  const origins = spread.nodes.filter(one => one.parent === null && one.victims > 0)
  const minutes = Math.max(1, Math.round((spread.to - spread.from) / 60_000))
  const summary = `${plural(spread.nodes.length, 'machine')} within ${minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`}, ${plural(spread.depth, 'step')} deep${origins.length > 0 ? `; it began at ${listed(origins.slice(0, 3).map(one => one.node.label))}` : ''}.`
  return (
    <Chart title="How it spread" summary={summary}
      table={{ head: ['Machine', 'Reached', 'From', 'What', 'Passed on to', 'Alerts'], numbers: [4, 5], rows: spread.nodes.map(one => { const edge = graph.edges.find(edge => edge.to === one.node.id && edge.from === one.parent); return [one.node.label, time(new Date(one.at).toISOString()), one.parent === null ? (one.node.origin ? 'the beginning' : '') : (rows.get(one.parent)?.node.label ?? ''), edge ? `${edge.what} (${edge.service})` : '', number(one.victims), number(one.node.alerts)] }) }}
      legend={<ul className="legend plain" aria-label="Legend"><li><svg width="14" height="14" aria-hidden="true"><rect x="2" y="2" width="10" height="10" fill="var(--block)" /></svg>began it</li><li><svg width="14" height="14" aria-hidden="true"><circle cx="7" cy="7" r="5" fill="var(--alert)" /></svg>passed it on</li><li><svg width="14" height="14" aria-hidden="true"><circle cx="7" cy="7" r="4" fill="var(--surface)" stroke="var(--line-strong)" strokeWidth="2" /></svg>was reached</li></ul>}>
      <div className="chart-area spread" ref={box}>
        <svg viewBox={`0 0 ${width} ${height}`} role="group" aria-label="Machines in the order in which they were reached">
          {timeTicks(spread.from, spread.to, Math.max(2, Math.floor((width - label) / 90))).map(tick => <g key={tick.at}><line className="grid-line" x1={x(tick.at)} x2={x(tick.at)} y1={TOP - 6} y2={height - 6} /><text className="quiet" x={x(tick.at)} y={12} textAnchor="middle">{tick.text}</text></g>)}
          <g fill="none">
            {later.map((edge, i) => <path key={i} d={`M${x(rows.get(edge.from)?.at ?? 0)} ${y(edge.from)}L${x(Math.min(spread.to, Math.max(spread.from, Date.parse(edge.time))))} ${y(edge.to)}`} stroke="var(--line)" strokeDasharray="2 3" />)}
            {spread.nodes.map(one => {
              if (one.parent === null) return null
              const up = rows.get(one.parent)
              const lit = chosen === one.node.id || chosen === one.parent
              const x0 = x(up?.at ?? one.at)
              return <path key={one.node.id} className="mark" d={`M${x0} ${y(one.parent)}V${y(one.node.id) - 6}Q${x0} ${y(one.node.id)} ${Math.min(x0 + 6, x(one.at))} ${y(one.node.id)}H${x(one.at)}`} stroke={lit ? 'var(--accent)' : 'var(--line-strong)'} strokeWidth={lit ? 2 : 1.2} />
            })}
          </g>
          {spread.nodes.map(one => {
            const at = x(one.at)
            const here = chosen === one.node.id
            return (
              <g key={one.node.id} role="button" tabIndex={0} aria-pressed={here} aria-label={`${one.node.label}${one.victims > 0 ? `→ ${one.victims}` : ''}, reached ${clock(new Date(one.at).toISOString())}${one.victims > 0 ? `, passed it on to ${one.victims}` : ''}`}
                onClick={() => onChoose(one.node.id)} onKeyDown={event => { if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); onChoose(one.node.id) } }}>
                <rect className="target" x={at - 9} y={y(one.node.id) - ROW / 2 + 1} width={label + 8} height={ROW - 2} rx={4} fill={here ? 'var(--accent-soft)' : 'transparent'} />
                {one.node.origin || (one.parent === null && one.victims > 0) ? <rect className="mark" x={at - 5} y={y(one.node.id) - 5} width={10} height={10} fill="var(--block)" /> : <circle className="mark" cx={at} cy={y(one.node.id)} r={one.victims > 0 ? 5 : 4} fill={one.victims > 0 ? 'var(--alert)' : 'var(--surface)'} stroke={one.victims > 0 ? 'none' : 'var(--line-strong)'} strokeWidth={2} />}
                <text x={at + 11} y={y(one.node.id)} dy="0.34em">{one.node.label}{one.victims > 0 && <tspan className="count" dx="5" aria-hidden="true">→ {one.victims}</tspan>}</text>
              </g>
            )
          })}
        </svg>
      </div>
    </Chart>
  )
}
