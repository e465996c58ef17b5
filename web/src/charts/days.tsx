// SPDX-License-Identifier: Apache-2.0
// One bar a day, and a mark on days with alerts.
import { scaleLinear } from 'd3-scale'
import { number, plural, short } from '../lib/format'
import { Chart, useWidth } from './frame'

const HEIGHT = 130
export function Days({ days, title }: { days: { day: string; flows: number; alerts: number }[]; title: string }) {
  const [box, width] = useWidth(640)
  const most = Math.max(1, ...days.map(one => one.flows))
  const y = scaleLinear().domain([0, most]).nice(3).range([HEIGHT - 22, 14])
  const left = 40
  const step = (width - left) / Math.max(1, days.length)
  const bar = Math.min(28, step * 0.76)
  const flows = days.reduce((sum, one) => sum + one.flows, 0)
  const alerts = days.reduce((sum, one) => sum + one.alerts, 0)
  const every = Math.max(1, Math.ceil(days.length / Math.max(2, Math.floor(width / 70))))
  return (
    <Chart title={title} summary={`${plural(flows, 'flow')} on ${plural(days.filter(one => one.flows > 0).length, 'day')}, ${plural(alerts, 'alert')}.`}
      table={{ head: ['Day', 'Flows', 'Alerts'], numbers: [1, 2], rows: days.map(one => [one.day, number(one.flows), number(one.alerts)]) }}>
      <div className="chart-area" ref={box}>
        <svg viewBox={`0 0 ${width} ${HEIGHT}`} aria-hidden="true">
          {y.ticks(3).filter(Number.isInteger).map(tick => <g key={tick}><line className={tick === 0 ? 'axis-line' : 'grid-line'} x1={left} x2={width} y1={y(tick)} y2={y(tick)} /><text className="quiet" x={left - 8} y={y(tick)} dy="0.32em" textAnchor="end">{short(tick)}</text></g>)}
          {days.map((one, i) => (
            <g key={one.day}>
              <title>{`${one.day}: ${plural(one.flows, 'flow')}, ${plural(one.alerts, 'alert')}`}</title>
              <rect className="mark" x={left + i * step + step * 0.12} width={bar} y={y(one.flows)} height={y(0) - y(one.flows)} fill="var(--chart-1)" />
              {one.alerts > 0 && <path className="mark" d={`M${left + i * step + step * 0.12 + bar / 2} ${y(one.flows) - 11}l4 7h-8z`} fill="var(--block)" />}
              {i % every === 0 && <text className="quiet" x={left + i * step + step * 0.12 + bar / 2} y={HEIGHT - 6} textAnchor={i === 0 ? 'start' : 'middle'} dx={i === 0 ? -bar / 2 : 0}>{one.day.slice(5)}</text>}
            </g>
          ))}
        </svg>
      </div>
    </Chart>
  )
}
