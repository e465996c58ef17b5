// SPDX-License-Identifier: Apache-2.0
// All events, narrowed by filters; exported as they are narrowed.
import { useMemo } from 'react'
import { usePages, useQuery } from '../api/query'
import { address, route } from '../api/client'
import type { EventPage, EventRow, Facets } from '../api/types'
import { useServiceNames } from '../app/names'
import { useCan } from '../app/session'
import { MenuButton } from '../components/controls'
import { FilterBar, useFilter, type FilterField } from '../components/filter-bar'
import { ActionBadge, Badge, Empty, NewerOffer, PageHead, Panel, SeverityBadge, Time, WhoLink } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { filterQuery } from '../lib/filter'
import { bytes, number, time } from '../lib/format'
import { ACTIONS, ACTIVITIES, KINDS, SCANS, SEVERITIES, word } from '../lib/words'

const TOPICS = ['events'] as const
const rowsOf = (page: EventPage) => page.events
/** Where an event leads: a flow to its page, an alert about no flow to its own. */
export const eventHref = (one: { id: number; flow_id: number | null; kind: string }) => (one.flow_id !== null && one.kind !== 'stats' ? `/flows/${one.flow_id}` : `/events/${one.id}`)

export function eventColumns(names: ReadonlyMap<string, string>): Column<EventRow>[] {
  return [
    { id: 'time', name: 'Time', cell: one => <Time at={one.time} full />, always: true },
    { id: 'kind', name: 'Kind', cell: one => word(KINDS, one.kind) },
    { id: 'who', name: 'Who', cell: one => <WhoLink who={one.who} /> },
    { id: 'service', name: 'Service', cell: one => (one.service ? (names.get(one.service) ?? one.service) : one.protocol ?? '—') },
    { id: 'activity', name: 'Activity', cell: one => one.activity.map(activity => word(ACTIVITIES, activity)).join(', ') },
    { id: 'what', name: 'What', cell: one => <What event={one} />, wide: true },
    { id: 'action', name: 'Verdict', cell: one => (one.severity !== null && one.kind === 'alert' ? <SeverityBadge severity={one.severity} /> : <ActionBadge action={one.action} stopped={one.stopped} />) },
    { id: 'rule', name: 'Rule', cell: one => one.rule ?? '', extra: true },
    { id: 'port', name: 'Port', cell: one => one.server_port ?? '', align: 'end', extra: true },
    { id: 'proto', name: 'Transport', cell: one => one.proto ?? '', extra: true },
    { id: 'out', name: 'Sent', cell: one => bytes(one.bytes_out), align: 'end', extra: true },
    { id: 'in', name: 'Received', cell: one => bytes(one.bytes_in), align: 'end', extra: true },
    { id: 'sensor', name: 'Sensor', cell: one => one.sensor, extra: true },
  ]
}
function What({ event: one }: { event: EventRow }) {
  return (
    <>
      {one.kind === 'alert' ? (one.signature ?? 'Alert') : one.file ? <>{one.file}{one.scan && <> <Badge tone={one.scan === 'infected' ? 'block' : 'plain'}>{word(SCANS, one.scan)}</Badge></>}</> : one.account || one.peer ? <>{one.account ?? '?'}{one.peer && <span className="muted"> to {one.peer}</span>}</> : (
        <>{one.server_name ?? one.server ?? ''}{one.server_port !== null && <span className="muted">{`:${one.server_port}`}</span>}</>
      )}
      {one.port_agile && <> <Badge tone="block" icon="warning">port-agile</Badge></>}
    </>
  )
}

/** What may be chosen for a filter: what the facets of the server found. */
export function facetOptions(facets: Facets | undefined, name: string, words?: Record<string, string>) {
  return (facets?.[name] ?? []).map(one => ({ id: one.value, name: words?.[one.value] ?? (one.label || one.value), count: one.count }))
}

export default function Events() {
  const can = useCan()
  const names = useServiceNames()
  const { filter } = useFilter()
  const query = filterQuery(filter)
  const pages = usePages<EventRow, EventPage>('/events', { ...query, limit: 100 }, rowsOf, { topics: TOPICS, hold: true })
  // What there is in this span, whatever else is set: what is chosen can be widened and taken back at the same place.
  const facets = useQuery<Facets>('/events/facets', { range: query['range'] ?? '' }, { keep: true })
  const columns = useMemo(() => eventColumns(names), [names])
  const fields: FilterField[] = [
    { name: 'kind', label: 'Kind', options: facetOptions(facets.data, 'kind', KINDS), show: value => word(KINDS, value) },
    { name: 'service', label: 'Service', options: facetOptions(facets.data, 'service', Object.fromEntries(names)), show: value => names.get(value) ?? value },
    { name: 'action', label: 'Verdict', options: facetOptions(facets.data, 'action', ACTIONS), show: value => word(ACTIONS, value) },
    { name: 'activity', label: 'Activity', options: Object.entries(ACTIVITIES).map(([id, name]) => ({ id, name })) },
    { name: 'department', label: 'Department', options: facetOptions(facets.data, 'department', { none: 'Not known' }) },
    { name: 'rule', label: 'Rule', more: true },
    { name: 'severity', label: 'Severity', options: Object.entries(SEVERITIES).map(([id, name]) => ({ id, name })), more: true },
    { name: 'port', label: 'Port', more: true },
    { name: 'server', label: 'Server', more: true },
    { name: 'address', label: 'Address', more: true },
    { name: 'port_agile', label: 'Port-agile', flag: true, more: true },
    { name: 'stopped', label: 'Stopped', flag: true, more: true },
    { name: 'sensor', label: 'Sensor', options: facetOptions(facets.data, 'sensor'), more: true },
    ...['who', 'person', 'detector', 'scan', 'sha256'].filter(name => filter[name]).map(name => ({ name, label: HIDDEN[name] ?? name, more: true })),
  ]
  const last = pages.last
  const foot = last ? `${number(pages.rows.length)} shown${last.complete ? ', that is all in this span' : `; searched back to ${time(last.searched_to, false)}`}` : ''
  return (
    <>
      <PageHead title="Events" lead="Every flow of a messaging service, what was done on it, and every alert."
        actions={can('usage:export') && (
          <MenuButton label="Export these events" icon="export" button="Export" entries={[{ id: 'csv', name: 'CSV', help: 'for spreadsheets' }, { id: 'json', name: 'JSON', help: 'for programs, with all that is known' }]}
            onAction={format => { location.href = address(route('/events/export', { ...query, format })) }} />
        )} />
      <FilterBar fields={fields} search="Search servers, files, accounts, rules" least views="events" />
      <NewerOffer shown={pages.old} onShow={pages.reload} what="events" />
      <Panel flush>
        <DataTable label="Events" rows={pages.loading ? undefined : pages.rows} columns={columns} rowKey={one => one.id} href={eventHref} choose="events"
          loading={pages.loading} error={pages.error} onRetry={pages.reload} foot={foot}
          more={pages.cursor !== null ? pages.more : null} moreBusy={pages.busy && !pages.loading} moreName={last && !last.complete && pages.rows.length === 0 ? 'Search further back' : 'Show more'}
          empty={<Empty title="No event fits">Take a filter away, or choose a longer span of time.</Empty>} />
      </Panel>
    </>
  )
}
const HIDDEN: Record<string, string> = { who: 'Client', person: 'Person', detector: 'Detector', scan: 'Scan', sha256: 'SHA-256' }
