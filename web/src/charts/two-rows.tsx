// SPDX-License-Identifier: Apache-2.0
// Two measures over the same days or weeks, one above the other, since their units have nothing in common: what was sent
// on approved channels, and connections of public IM. With the arrow keys one goes from bar to bar.
import { scaleLinear } from 'd3-scale'
import { useState } from 'react'
import { announce } from '../app/announce'
import { number, plural, short } from '../lib/format'
import { Chart, Legend, useWidth } from './frame'

export interface Point { at: string; approved: number | null; flows: number; stopped: number; peers?: number | null; marked?: boolean } // approved null: not brought in
const ROW = 118
const GAP = 30
const LEFT = 46
const HEIGHT = 2 * ROW + GAP + 24

export function TwoRows({ title, summary, unit, points, peers = false }: { title: string; summary: string; unit: 'Day' | 'Week'; points: readonly Point[]; peers?: boolean }) {
  const [box, width] = useWidth(900)
  const [at, setAt] = useState<number | null>(null)
  const top = scaleLinear().domain([0, Math.max(1, ...points.map(one => Math.max(one.approved ?? 0, peers ? one.peers ?? 0 : 0)))]).nice(3).range([ROW, 16])
  const low = scaleLinear().domain([0, Math.max(1, ...points.map(one => one.flows + one.stopped))]).nice(3).range([HEIGHT - 24, ROW + GAP + 12])
  const step = (width - LEFT - 4) / Math.max(1, points.length)
  const bar = Math.max(1, Math.min(30, step * 0.74))
  const x = (i: number) => LEFT + i * step + (step - bar) / 2
  const every = Math.max(1, Math.ceil(points.length / Math.max(2, Math.floor((width - LEFT) / 64))))
  const words = (one: Point) => `${one.at}: ${one.approved === null ? 'nothing was brought in' : `${plural(one.approved, 'approved message')}`}${peers && one.peers != null ? `, ${number(one.peers)} a person of the others` : ''}; ${plural(one.flows, 'connection')} of public IM${one.stopped > 0 ? `, ${number(one.stopped)} stopped` : ''}`
  const move = (next: number) => {
    const i = Math.max(0, Math.min(points.length - 1, next))
    setAt(i)
    const one = points[i]
    if (one) announce(words(one))
  }
  const shown = at === null ? undefined : points[at]
  const ticks = (scale: typeof top) => scale.ticks(3).filter(Number.isInteger).map(tick => <g key={tick}><line className={tick === 0 ? 'axis-line' : 'grid-line'} x1={LEFT} x2={width - 4} y1={scale(tick)} y2={scale(tick)} /><text className="quiet" x={LEFT - 8} y={scale(tick)} dy="0.32em" textAnchor="end">{short(tick)}</text></g>)
  return (
    <Chart title={title} summary={summary}
      table={{ head: [unit, 'Approved messages', ...(peers ? ['A person of the others'] : []), 'Public IM, let through', 'Public IM, stopped'], numbers: peers ? [1, 2, 3, 4] : [1, 2, 3], rows: points.map(one => [one.at, one.approved === null ? 'not brought in' : number(one.approved), ...(peers ? [one.peers == null ? '' : number(one.peers)] : []), number(one.flows), number(one.stopped)]) }}
      legend={<Legend of={[{ name: 'Approved messages', colour: 'var(--chart-1)' }, ...(peers ? [{ name: 'A person of the others', colour: 'var(--text-muted)' }] : []), { name: 'Public IM, let through', colour: 'var(--chart-2)' }, { name: 'Public IM, stopped', colour: 'var(--chart-other)' }]} />}>
      <div className="chart-area" ref={box}>
        <svg viewBox={`0 0 ${width} ${HEIGHT}`} role="slider" tabIndex={0} aria-label={`${title}: arrow keys go from ${unit.toLowerCase()} to ${unit.toLowerCase()}`} aria-valuemin={1} aria-valuemax={Math.max(1, points.length)} aria-valuenow={(at ?? 0) + 1} aria-valuetext={shown ? words(shown) : 'none chosen'}
          onKeyDown={event => {
            if (event.key === 'ArrowRight') move((at ?? -1) + 1)
            else if (event.key === 'ArrowLeft') move((at ?? points.length) - 1)
            else if (event.key === 'Home') move(0)
            else if (event.key === 'End') move(points.length - 1)
            else if (event.key === 'Escape') setAt(null)
            else return
            event.preventDefault()
          }}
          onBlur={() => setAt(null)} onPointerLeave={() => setAt(null)}
          onPointerMove={event => {
            const rect = event.currentTarget.getBoundingClientRect()
            const i = Math.floor((((event.clientX - rect.left) / rect.width) * width - LEFT) / step)
            setAt(i >= 0 && i < points.length ? i : null)
          }}>
          <text className="quiet" x={LEFT} y={9}>Messages on approved channels</text>
          <text className="quiet" x={LEFT} y={ROW + GAP + 2}>Connections of public IM</text>
          {points.map((one, i) => one.marked && <rect key={one.at} x={LEFT + i * step} width={step} y={14} height={HEIGHT - 38} fill="var(--accent-soft)" />)}
          {at !== null && <rect x={LEFT + at * step} width={step} y={14} height={HEIGHT - 38} fill="var(--accent-soft)" />}
          {ticks(top)}
          {ticks(low)}
          {points.map((one, i) => (
            <g key={one.at} opacity={at === null || at === i ? 1 : 0.6}>
              {one.approved !== null && <rect className="mark" x={x(i)} width={bar} y={top(one.approved)} height={Math.max(0, top(0) - top(one.approved))} fill="var(--chart-1)" />}
              {peers && one.peers != null && one.approved !== null && <line x1={x(i) - step * 0.1} x2={x(i) + bar + step * 0.1} y1={top(one.peers)} y2={top(one.peers)} stroke="var(--text-muted)" strokeWidth={2} />}
              <rect className="mark" x={x(i)} width={bar} y={low(one.flows)} height={Math.max(0, low(0) - low(one.flows))} fill="var(--chart-2)" />
              {one.stopped > 0 && <rect className="mark" x={x(i)} width={bar} y={low(one.flows + one.stopped)} height={Math.max(0, low(one.flows) - low(one.flows + one.stopped))} fill="var(--chart-other)" />}
              {i % every === 0 && <text className="quiet" x={x(i) + bar / 2} y={HEIGHT - 6} textAnchor={i === 0 ? 'start' : 'middle'} dx={i === 0 ? -bar / 2 : 0}>{one.at.slice(5)}</text>}
            </g>
          ))}
        </svg>
        {shown && at !== null && (
          <div className="chart-tip" style={{ insetBlockStart: 8, ...(x(at) > width / 2 ? { insetInlineEnd: width - x(at) + 8 } : { insetInlineStart: x(at) + bar + 8 }) }}>
            <strong>{unit === 'Week' ? `Week of ${shown.at}` : shown.at}</strong>
            <div className="tip-line"><span className="swatch mark" style={{ background: 'var(--chart-1)' }} /><span>Approved messages</span><span>{shown.approved === null ? '—' : number(shown.approved)}</span></div>
            {peers && shown.peers != null && <div className="tip-line"><span /><span>A person of the others</span><span>{number(shown.peers)}</span></div>}
            <div className="tip-line"><span className="swatch mark" style={{ background: 'var(--chart-2)' }} /><span>Let through</span><span>{number(shown.flows)}</span></div>
            <div className="tip-line"><span className="swatch mark" style={{ background: 'var(--chart-other)' }} /><span>Stopped</span><span>{number(shown.stopped)}</span></div>
          </div>
        )}
      </div>
    </Chart>
  )
}
