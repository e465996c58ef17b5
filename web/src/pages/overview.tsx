// SPDX-License-Identifier: Apache-2.0
// What the network shows, on one page.
import { useMemo } from 'react'
import { useQuery } from '../api/query'
import type { EventPage, IncidentRow, Overview, Sensor } from '../api/types'
import { go, Link } from '../app/router'
import { useCan, useMe } from '../app/session'
import { PortHeat } from '../charts/heat-map'
import { OverTime } from '../charts/over-time'
import { DepartmentSankey } from '../charts/sankey'
import { Button, LinkButton } from '../components/controls'
import { FilterBar, useFilter, type FilterField } from '../components/filter-bar'
import { Badge, Empty, ErrorState, Grid, Loading, PageHead, Panel, SeverityBadge, StateBadge, Tile, Tiles, Time, WhoLink } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { filterQuery, formatFilter, rangeAround, withOnly } from '../lib/filter'
import { bytes, number, plural, short } from '../lib/format'
import { CLASSES, HEALTH, word } from '../lib/words'

const EVENTS = ['events'] as const
const SENSORS = ['sensors'] as const
const INCIDENTS = ['incidents'] as const

export default function OverviewPage() {
  const can = useCan()
  const me = useMe()
  const { filter, setFilter } = useFilter()
  const overview = useQuery<Overview>('/usage/overview', filterQuery(filter), { topics: EVENTS, keep: true })
  const names = useMemo(() => new Map(overview.data?.services.map(one => [one.service, one.name])), [overview.data])
  const fields: FilterField[] = [
    { name: 'service', label: 'Service', options: overview.data?.services.map(one => ({ id: one.service, name: one.name, count: one.flows })) ?? [] },
    { name: 'department', label: 'Department', options: departmentsOf(overview.data) },
  ]
  const ports = !me.team || (overview.data?.ports.length ?? 0) > 0 // they are not counted by team
  const empty = overview.data?.totals.flows === 0 && overview.data.totals.alerts === 0
  return (
    <>
      <PageHead title="Overview" lead={me.team ? 'Use of messaging services by your team.' : 'Use of messaging services, and what the policy said to it.'}
        actions={can('usage:export') && <LinkButton href={`/api/v1/events/export${formatFilter(filter) || '?'}&format=csv`.replace('?&', '?')} icon="export" download>Export</LinkButton>} />
      <FilterBar fields={fields} views="overview" />
      {overview.data === undefined ? (
        overview.error ? <ErrorState error={overview.error} onRetry={overview.reload} /> : <Loading rows={8} label="Loading the overview" />
      ) : empty ? (
        <Nothing onRange={range => setFilter(withOnly(filter, 'range', range))} />
      ) : (
        <>
          <Numbers overview={overview.data} ports={ports} link={more => `/events${formatFilter({ ...filter, ...more })}`} />
          <OverTime overview={overview.data} names={names} filter={filter} />
          <Grid>
            <DepartmentSankey overview={overview.data} names={names} filter={filter} />
            {ports && <PortHeat overview={overview.data} names={names} filter={filter} />}
          </Grid>
          <Services overview={overview.data} />
        </>
      )}
      <Grid>
        {can('incident:read') && <TopIncidents />}
        {can('sensor:read') && <SensorHealth />}
      </Grid>
    </>
  )
}

function departmentsOf(overview: Overview | undefined) {
  const sums = new Map<string, { name: string; count: number }>()
  for (const row of overview?.sankey ?? []) {
    const id = row.department_id === null ? 'none' : String(row.department_id)
    sums.set(id, { name: row.department || 'Not known', count: (sums.get(id)?.count ?? 0) + row.flows })
  }
  return [...sums].map(([id, one]) => ({ id, ...one })).sort((a, b) => b.count - a.count)
}

function Numbers({ overview, ports, link }: { overview: Overview; ports: boolean; link: (more: Record<string, string[]>) => string }) {
  const { totals: now, before } = overview
  return (
    <Tiles label="In this span, and compared with the span before">
      <Tile name="Flows" value={short(now.flows)} raw={now.flows} before={before?.flows} href={link({ kind: ['flow'] })} />
      <Tile name="People" value={short(now.people)} raw={now.people} before={before?.people} href="/people" />
      <Tile name="Services" value={short(now.services)} raw={now.services} before={before?.services} />
      <Tile name="Messages" value={short(now.messages)} raw={now.messages} before={before?.messages} href={link({ kind: ['im'] })} />
      <Tile name="Files" value={short(now.files)} raw={now.files} before={before?.files} href={link({ kind: ['fileinfo'] })} />
      <Tile name="Alerts" value={short(now.alerts)} raw={now.alerts} before={before?.alerts} good="down" href={link({ kind: ['alert'] })} />
      <Tile name="Stopped" value={short(now.stopped)} raw={now.stopped} before={before?.stopped} href={link({ stopped: ['1'] })} />
      {ports && <Tile name="Port-agile" value={short(now.agile)} raw={now.agile} before={before?.agile} good="down" href={link({ port_agile: ['1'] })} />}
    </Tiles>
  )
}

type Service = Overview['services'][number]
const SERVICE_COLUMNS: Column<Service>[] = [
  { id: 'name', name: 'Service', cell: one => one.name, sort: one => one.name },
  { id: 'class', name: 'Class', cell: one => word(CLASSES, one.class), sort: one => one.class },
  { id: 'people', name: 'People', cell: one => number(one.people), sort: one => one.people, align: 'end' },
  { id: 'flows', name: 'Flows', cell: one => number(one.flows), sort: one => one.flows, align: 'end' },
  { id: 'stopped', name: 'Stopped', cell: one => number(one.stopped), sort: one => one.stopped, align: 'end' },
  { id: 'bytes', name: 'Bytes', cell: one => bytes(one.bytes), sort: one => one.bytes, align: 'end' },
]
function Services({ overview }: { overview: Overview }) {
  return (
    <Panel title="Services" note={`${plural(overview.services.length, 'service')} in this span`} flush>
      <DataTable label="Services in this span" rows={overview.services} columns={SERVICE_COLUMNS} rowKey={one => one.service} href={one => `/catalog/${one.service}`} empty={<Empty title="No service" />} dense />
    </Panel>
  )
}

function TopIncidents() {
  const list = useQuery<{ incidents: IncidentRow[] }>('/incidents', { state: ['new', 'open', 'contained'], limit: 6 }, { topics: INCIDENTS })
  const columns: Column<IncidentRow>[] = [
    { id: 'title', name: 'Incident', cell: one => one.title, wide: true },
    { id: 'severity', name: 'Severity', cell: one => <SeverityBadge severity={one.severity} /> },
    { id: 'state', name: 'State', cell: one => <StateBadge state={one.state} /> },
    { id: 'who', name: 'Who', cell: one => <WhoLink who={one.who} brief /> },
    { id: 'last', name: 'Last', cell: one => <Time at={one.last} /> },
  ]
  return (
    <Panel title="Incidents to look at" actions={<Link href="/incidents" className="small">All incidents</Link>} flush>
      <DataTable label="Incidents to look at" rows={list.data?.incidents} columns={columns} rowKey={one => one.id} href={one => `/incidents/${one.id}`} loading={list.loading} error={list.error} onRetry={list.reload} dense
        empty={<Empty title="Nothing is open">Alerts are put together to incidents as they come.</Empty>} />
    </Panel>
  )
}

const health = (one: Sensor) => (one.health === 'well' ? 'allow' : one.health === 'silent' || one.health === 'dropping' ? 'alert' : one.health === 'revoked' ? 'block' : 'plain') as 'allow' | 'alert' | 'block' | 'plain'
function SensorHealth() {
  const list = useQuery<{ sensors: Sensor[] }>('/sensors', {}, { topics: SENSORS })
  const columns: Column<Sensor>[] = [
    { id: 'name', name: 'Sensor', cell: one => one.name },
    { id: 'health', name: 'Health', cell: one => <Badge tone={health(one)}>{word(HEALTH, one.health)}</Badge> },
    { id: 'rate', name: 'Packets a second', cell: one => (one.status ? number(Math.round(one.status.packets_per_s)) : '—'), align: 'end' },
    { id: 'drops', name: 'Dropped', cell: one => (one.status ? number(one.status.drops) : '—'), align: 'end' },
    { id: 'seen', name: 'Heard', cell: one => <Time at={one.seen} /> },
  ]
  return (
    <Panel title="Sensors" flush>
      <DataTable label="Health of the sensors" rows={list.data?.sensors.filter(one => one.state === 'active')} columns={columns} rowKey={one => one.id} loading={list.loading} error={list.error} onRetry={list.reload} dense
        empty={<Empty title="No sensor is connected">Events can also be brought in as captures or files of events.</Empty>} />
    </Panel>
  )
}

/** Nothing in this span: where is something, and how does something come? */
function Nothing({ onRange }: { onRange: (range: string) => void }) {
  const can = useCan()
  const last = useQuery<EventPage>('/events', { limit: 1, kind: 'flow', range: '..' }, { topics: EVENTS })
  const at = last.data?.events[0]?.time
  if (last.loading) return <Loading />
  return (
    <Panel>
      {at !== undefined ? (
        <Empty title="Nothing in this span" actions={<Button tone="primary" onPress={() => onRange(rangeAround(at))}>Show the days before it</Button>}>
          The last flow that is stored is of <Time at={at} full seconds={false} />.
        </Empty>
      ) : (
        <Empty title="No events yet" actions={can('import') && <Button tone="primary" icon="import" onPress={() => go('/start')}>Bring in data</Button>}>
          Connect a sensor, or bring in a capture: the overview is drawn from what they see.
        </Empty>
      )}
    </Panel>
  )
}
