// SPDX-License-Identifier: Apache-2.0
// Services by the ports of their servers. A port that is none of the service's own has a mark of its own: that is how
// somebody gets past a filter of ports.
import { useMemo } from 'react'
import type { Overview } from '../api/types'
import { Link } from '../app/router'
import { Icon } from '../components/icon'
import { formatFilter, type Filter } from '../lib/filter'
import { number, plural, short } from '../lib/format'
import { Chart, useWidth } from './frame'
import { heatLevel, heatOf } from './layout'

const LABEL = 116 // of a service's name, and of a column with its gap
const COLUMN = 43

export function PortHeat({ overview, names, filter }: { overview: Overview; names: ReadonlyMap<string, string>; filter: Filter }) {
  // As many ports as are readable beside the longest name; on a narrow screen the table is scrolled.
  const [box, width] = useWidth(560)
  const columns = Math.max(8, Math.min(16, Math.floor((width - LABEL) / COLUMN)))
  const heat = useMemo(() => heatOf(overview.ports, 12, columns), [overview, columns])
  const agile = overview.ports.filter(row => row.agile)
  const flows = agile.reduce((sum, row) => sum + row.flows, 0)
  const summary = agile.length === 0
    ? 'Every service kept to its own ports'
    : `${plural(flows, 'flow')} of ${plural(new Set(agile.map(row => row.service)).size, 'service')} on ports that are none of their own`
  const left = heat.left > 0 ? `; the table has ${plural(heat.left, 'flow')} more, on other ports` : ''
  return (
    <Chart title="Service and port" summary={`${summary}${left}.`}
      table={{ head: ['Service', 'Port', 'Flows', 'Port-agile'], numbers: [1, 2], rows: [...overview.ports].sort((a, b) => Number(b.agile) - Number(a.agile) || b.flows - a.flows).map(row => [names.get(row.service) ?? row.service, row.port, number(row.flows), row.agile ? 'yes' : '']) }}
      legend={<ul className="legend plain" aria-label="Legend"><li><span className="heat-scale" aria-hidden="true">{[1, 2, 3, 4, 5].map(level => <span key={level} className={`mark heat-${level}`} />)}</span>few to many flows</li><li><span className="heat-sample mark"><Icon name="warning" size={12} /></span>port-agile</li></ul>}>
      <div className="chart-scroll" ref={box} tabIndex={0} role="region" aria-label="Flows by service and port">
        <table className="heat">
          <caption className="hidden-text">Flows by service and port</caption>
          <thead><tr><th scope="col">Service</th>{heat.ports.map(port => <th key={port} scope="col">{port}</th>)}</tr></thead>
          <tbody>
            {heat.services.map(service => (
              <tr key={service}>
                <th scope="row">{names.get(service) ?? service}</th>
                {heat.ports.map(port => {
                  const cell = heat.cells.get(`${service} ${port}`)
                  return (
                    <td key={port}>
                      {cell ? (
                        <Link className={`heat-cell mark heat-${heatLevel(cell.flows, heat.most)}${cell.agile ? ' agile' : ''}`} href={`/events${formatFilter({ ...filter, kind: ['flow'], service: [service], port: [String(port)] })}`}
                          aria-label={`${names.get(service) ?? service} on port ${port}: ${plural(cell.flows, 'flow')}${cell.agile ? ', port-agile' : ''}`}>
                          {cell.agile && <Icon name="warning" size={12} />}{short(cell.flows)}
                        </Link>
                      ) : <span className="heat-cell heat-0" aria-label="none" role="img" />}
                    </td>
                  )
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Chart>
  )
}
