// SPDX-License-Identifier: Apache-2.0
// The virus program: scanners and the age of their signatures, what they said day by day, what was not looked at and why.
import { useQuery } from '../api/query'
import type { VirusProgram } from '../api/types'
import { useCan } from '../app/session'
import { Link } from '../app/router'
import { FilterBar, useFilter } from '../components/filter-bar'
import { Badge, Empty, Loaded, Notice, PageHead, Panel, Tile, Tiles, Time } from '../components/page'
import { DataTable } from '../components/table'
import { number, plural } from '../lib/format'

const hours = (age: number) => (age < 48 ? plural(age, 'hour') : plural(Math.floor(age / 24), 'day'))

export default function VirusPage() {
  const can = useCan()
  const { filter } = useFilter()
  const days = filter['days']?.[0] ?? '30'
  const program = useQuery<VirusProgram>('/virus', { days }, { topics: ['clients', 'events', 'settings'], keep: true })
  return (
    <>
      <PageHead title="Virus program" lead="Which scanners look at files, how old their signatures are, and what nobody looked at." />
      <FilterBar range={false} fields={[{ name: 'days', label: 'Days', options: [{ id: '7', name: '7 days' }, { id: '30', name: '30 days' }, { id: '90', name: '90 days' }] }]} />
      <Loaded of={program}>
        {data => {
          const old = data.scanners.filter(one => one.old)
          const away = data.scanners.filter(one => one.away)
          const missed = data.totals.not_scanned + data.totals.not_looked_at
          const judged = data.totals.clean + data.totals.infected + data.totals.suspicious
          return (
            <>
              <Tiles label={`The last ${data.days} days`} few>
                <Tile name="Files" value={number(data.totals.files)} />
                <Tile name="Infected" value={number(data.totals.infected)} />
                <Tile name="Suspicious" value={number(data.totals.suspicious)} />
                <Tile name="Not scanned" value={number(missed)} />
              </Tiles>
              {old.length > 0 && <Notice tone="bad">Signatures of {old.map(one => one.sensor).join(', ')} are older than {plural(data.most_hours, 'hour')}: see that freshclam runs there and reaches its mirror.</Notice>}
              {away.length > 0 && <Notice tone="bad">The scanner of {away.map(one => one.sensor).join(', ')} did not answer when it was last asked: see whether clamd runs there.</Notice>}
              {data.totals.files > 0 && judged === 0 && <Notice tone="warn">Files came, and no scanner looked at any of them. Name one in the sensor’s policy.</Notice>}
              {judged > 0 && data.scanners.length === 0 && <Notice>Files were judged, but their events do not name the scanner: how old its signatures are is not known.</Notice>}
              <Panel title="Scanners" flush>
                <DataTable label="Scanners" rows={data.scanners} rowKey={one => `${one.sensor} ${one.engine}`} empty={<Empty title="No scanner is known by name">Sensors with `scan: {'{clamd: …}'}` in their policy tell of it here.</Empty>} columns={[
                  { id: 'sensor', name: 'Sensor', cell: one => one.sensor }, { id: 'engine', name: 'Scanner', cell: one => one.engine, wide: true },
                  { id: 'age', name: 'Signatures', cell: one => (one.age_hours === null ? <span className="muted">no date told</span> : <Badge tone={one.old ? 'block' : 'allow'}>{`${hours(one.age_hours)} old`}</Badge>), sort: one => one.age_hours },
                  { id: 'state', name: 'State', cell: one => (one.away ? <Badge tone="block">Away</Badge> : <Badge tone="allow">Answers</Badge>) },
                  { id: 'files', name: 'Files', cell: one => number(one.files), align: 'end', sort: one => one.files }, { id: 'last', name: 'Last scan', cell: one => <Time at={one.last} /> },
                ]} />
              </Panel>
              <Panel title="What was not scanned, and why" flush actions={missed > 0 && can('usage:read') && <Link href="/events?scan=not-scanned">These files</Link>}>
                <DataTable label="What was not scanned" rows={data.reasons} rowKey={one => one.reason} empty={<Empty title="Every file was scanned" />} columns={[
                  { id: 'reason', name: 'Reason', cell: one => one.reason }, { id: 'files', name: 'Files', cell: one => number(one.files), align: 'end', sort: one => one.files },
                  { id: 'do', name: 'What to do', cell: one => one.what_to_do, wide: true },
                ]} />
              </Panel>
              <Panel title="Day by day" flush>
                <DataTable label="Day by day" rows={[...data.over_time].reverse()} rowKey={one => one.day} dense empty={<Empty title="No file came">Files that IM flows carry are counted here once a sensor sees one.</Empty>} columns={[
                  { id: 'day', name: 'Day', cell: one => one.day, wide: true }, { id: 'clean', name: 'Clean', cell: one => number(one.clean), align: 'end' }, { id: 'infected', name: 'Infected', cell: one => number(one.infected), align: 'end' },
                  { id: 'suspicious', name: 'Suspicious', cell: one => number(one.suspicious), align: 'end' }, { id: 'not', name: 'Not scanned', cell: one => number(one.not_scanned), align: 'end' }, { id: 'nobody', name: 'Nobody looked', cell: one => number(one.not_looked_at), align: 'end' },
                ]} />
              </Panel>
              <Panel title="Sensors" note="A sensor without files sees none, or does not look for them" flush>
                <DataTable label="Sensors" rows={data.sensors} rowKey={one => one.sensor} dense empty={<Empty title="No sensor is enrolled" />} columns={[
                  { id: 'sensor', name: 'Sensor', cell: one => one.sensor, wide: true }, { id: 'kind', name: 'Kind', cell: one => one.kind }, { id: 'files', name: 'Files', cell: one => number(one.files), align: 'end' },
                  { id: 'not', name: 'Not scanned', cell: one => number(one.not_scanned), align: 'end' }, { id: 'last', name: 'Last file', cell: one => <Time at={one.last_file} /> }, { id: 'seen', name: 'Seen', cell: one => <Time at={one.seen} /> },
                ]} />
              </Panel>
            </>
          )
        }}
      </Loaded>
    </>
  )
}
