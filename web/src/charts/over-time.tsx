// SPDX-License-Identifier: Apache-2.0
// Flows by service over time, as stacked bars. With the arrow keys one goes from bar to bar; Enter, or a click, shows
// the events of that time.
import { scaleLinear } from 'd3-scale'
import { useMemo, useState } from 'react'
import type { Overview } from '../api/types'
import { announce } from '../app/announce'
import { go } from '../app/router'
import { formatFilter, spanRange, withOnly, type Filter } from '../lib/filter'
import { number, short, time } from '../lib/format'
import { Chart, colours, Legend, useWidth } from './frame'
import { buckets, serviceOrder, timeTicks } from './layout'

const HEIGHT = 250
const EDGE = { top: 8, right: 4, bottom: 24, left: 44 }

export function OverTime({ overview, names, filter }: { overview: Overview; names: ReadonlyMap<string, string>; filter: Filter }) {
  const [box, width] = useWidth(900)
  const [at, setAt] = useState<number | null>(null)
  const order = useMemo(() => serviceOrder(overview.over_time), [overview])
  const colour = useMemo(() => colours(order), [order])
  const bars = useMemo(() => buckets(overview.over_time, overview.from, overview.to, overview.step, order, Math.max(12, Math.min(96, Math.floor(width / 9)))), [overview, order, width])
  const name = (service: string) => (service === 'other' ? 'Other services' : (names.get(service) ?? service))

  const x = scaleLinear().domain([bars[0]?.start ?? 0, bars[bars.length - 1]?.end ?? 1]).range([EDGE.left, width - EDGE.right])
  const most = Math.max(1, ...bars.map(bar => bar.total))
  const y = scaleLinear().domain([0, most]).nice(4).range([HEIGHT - EDGE.bottom, EDGE.top])
  const gap = x((bars[0]?.end ?? 1)) - x(bars[0]?.start ?? 0) > 6 ? 1.5 : 0.5
  const open = (i: number) => {
    const bar = bars[i]
    if (bar) go(`/events${formatFilter(withOnly({ ...filter, kind: ['flow'] }, 'range', spanRange(new Date(bar.start), new Date(bar.end))))}`)
  }
  const busiest = bars.reduce((a, b) => (b.total > a.total ? b : a), bars[0] ?? { start: 0, end: 0, total: 0, parts: [] })
  const first = order[0]
  const summary = overview.totals.flows === 0 ? 'No flows in this span.' : `${number(overview.totals.flows)} flows${first ? `, most of them ${name(first)}` : ''}; busiest around ${time(new Date(busiest.start).toISOString(), false)}.`
  const shown = at === null ? undefined : bars[at]
  const move = (next: number) => {
    const i = Math.max(0, Math.min(bars.length - 1, next))
    setAt(i)
    const bar = bars[i]
    if (bar) announce(`${time(new Date(bar.start).toISOString(), false)}: ${number(bar.total)} flows. ${[...bar.parts].sort((a, b) => b.value - a.value).slice(0, 3).map(part => `${name(part.service)} ${number(part.value)}`).join(', ')}`)
  }
  return (
    <Chart title="Use by service over time" summary={summary}
      table={{ head: ['Time', ...order.map(name), 'All'], numbers: [...order.keys(), order.length].map(i => i + 1), rows: bars.map(bar => [time(new Date(bar.start).toISOString(), false), ...order.map(service => number(bar.parts.find(part => part.service === service)?.value ?? 0)), number(bar.total)]) }}
      legend={<Legend of={order.map(service => ({ name: name(service), colour: colour.get(service) ?? '', ...(service !== 'other' && { onChoose: () => go(`/events${formatFilter({ ...filter, service: [service] })}`) }) }))} />}>
      <div className="chart-area" ref={box}>
        <svg viewBox={`0 0 ${width} ${HEIGHT}`} role="slider" tabIndex={0} aria-label="Bars of flows over time: arrow keys go from bar to bar, Enter shows the events" aria-valuemin={1} aria-valuemax={bars.length} aria-valuenow={(at ?? 0) + 1}
          aria-valuetext={shown ? `${time(new Date(shown.start).toISOString(), false)}, ${number(shown.total)} flows` : 'none chosen'}
          onKeyDown={event => {
            if (event.key === 'ArrowRight') move((at ?? -1) + 1)
            else if (event.key === 'ArrowLeft') move((at ?? bars.length) - 1)
            else if (event.key === 'Home') move(0)
            else if (event.key === 'End') move(bars.length - 1)
            else if (event.key === 'Enter' && at !== null) open(at)
            else if (event.key === 'Escape') setAt(null)
            else return
            event.preventDefault()
          }}
          onBlur={() => setAt(null)}
          onPointerLeave={() => setAt(null)}
          onPointerMove={event => {
            const rect = event.currentTarget.getBoundingClientRect()
            const time = x.invert(((event.clientX - rect.left) / rect.width) * width)
            const i = bars.findIndex(bar => time >= bar.start && time < bar.end)
            setAt(i < 0 ? null : i)
          }}
          onClick={() => at !== null && open(at)}>
          {y.ticks(4).filter(Number.isInteger).map(tick => (
            <g key={tick}>
              <line className={tick === 0 ? 'axis-line' : 'grid-line'} x1={EDGE.left} x2={width - EDGE.right} y1={y(tick)} y2={y(tick)} />
              <text className="quiet" x={EDGE.left - 8} y={y(tick)} dy="0.32em" textAnchor="end">{short(tick)}</text>
            </g>
          ))}
          {timeTicks(bars[0]?.start ?? 0, bars[bars.length - 1]?.end ?? 1, Math.max(3, Math.floor(width / 80))).map(tick => (
            <g key={tick.at}>
              <line className="axis-line" x1={x(tick.at)} x2={x(tick.at)} y1={HEIGHT - EDGE.bottom} y2={HEIGHT - EDGE.bottom + 4} />
              <text className="quiet" x={x(tick.at)} y={HEIGHT - 6} textAnchor={x(tick.at) < EDGE.left + 14 ? 'start' : x(tick.at) > width - 20 ? 'end' : 'middle'}>{tick.text}</text>
            </g>
          ))}
          {at !== null && shown && <rect x={x(shown.start)} width={x(shown.end) - x(shown.start)} y={EDGE.top} height={HEIGHT - EDGE.top - EDGE.bottom} fill="var(--accent-soft)" />}
          {bars.map((bar, i) => (
            <g key={bar.start} opacity={at === null || at === i ? 1 : 0.55}>
              {bar.parts.map(part => <rect key={part.service} className="mark" x={x(bar.start) + gap / 2} width={Math.max(1, x(bar.end) - x(bar.start) - gap)} y={y(part.y1)} height={Math.max(0, y(part.y0) - y(part.y1))} fill={colour.get(part.service)} />)}
            </g>
          ))}
        </svg>
        {shown && (
          <div className="chart-tip" style={{ insetBlockStart: 8, ...(x(shown.start) > width / 2 ? { insetInlineEnd: width - x(shown.start) + 8 } : { insetInlineStart: x(shown.end) + 8 }) }}>
            <strong>{time(new Date(shown.start).toISOString(), false)}</strong>
            {[...shown.parts].reverse().map(part => <div key={part.service} className="tip-line"><span className="swatch mark" style={{ background: colour.get(part.service) }} /><span>{name(part.service)}</span><span>{number(part.value)}</span></div>)}
            <div className="tip-line all"><span /><span>All</span><span>{number(shown.total)}</span></div>
          </div>
        )}
      </div>
    </Chart>
  )
}
