// SPDX-License-Identifier: Apache-2.0
// Who uses what, and how much; by pseudonym.
import { useState } from 'react'
import { useQuery } from '../api/query'
import type { PeoplePage, Who } from '../api/types'
import { useDepartments, useServiceNames } from '../app/names'
import { useMe } from '../app/session'
import { FilterBar, useFilter, useWord } from '../components/filter-bar'
import { Empty, PageHead, Panel, Time } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { filterQuery } from '../lib/filter'
import { bytes, number } from '../lib/format'

const TOPICS = ['events', 'people'] as const
const STEP = 50
type Row = PeoplePage['people'][number]

export default function People() {
  const me = useMe()
  const names = useServiceNames()
  const departments = useDepartments()
  const { filter } = useFilter()
  const [sort, setSort] = useWord('sort', 'flows')
  const [limit, setLimit] = useState(STEP)
  const list = useQuery<PeoplePage>('/usage/people', { ...filterQuery(filter), sort, offset: 0, limit }, { topics: TOPICS, keep: true })
  const columns: Column<Row>[] = [
    { id: 'who', name: 'Who', cell: one => <WhoName who={one} />, always: true },
    { id: 'department', name: 'Department', cell: one => one.department ?? <span className="muted">not known</span> },
    { id: 'services', name: 'Services', cell: one => one.services.map(service => names.get(service) ?? service).join(', '), wide: true },
    { id: 'flows', name: 'Flows', cell: one => number(one.flows), align: 'end', sort: true },
    { id: 'messages', name: 'Messages', cell: one => number(one.messages), align: 'end' },
    { id: 'files', name: 'Files', cell: one => number(one.files), align: 'end', sort: true },
    { id: 'alerts', name: 'Alerts', cell: one => number(one.alerts), align: 'end', sort: true },
    { id: 'stopped', name: 'Stopped', cell: one => number(one.stopped), align: 'end' },
    { id: 'bytes', name: 'Bytes', cell: one => bytes(one.bytes), align: 'end', sort: true },
    { id: 'last', name: 'Last', cell: one => <Time at={one.last} /> },
  ]
  const rows = list.data?.people
  const total = list.data?.total ?? 0
  return (
    <>
      <PageHead title={me.team ? 'Your team' : 'People'} lead="Who uses which service, and how much. Names are pseudonyms until two people have agreed to reveal one." />
      <FilterBar search="Search pseudonyms and addresses" least fields={[
        { name: 'service', label: 'Service', options: [...names].map(([id, name]) => ({ id, name })).sort((a, b) => a.name.localeCompare(b.name)) },
        { name: 'department', label: 'Department', options: departments },
        { name: 'action', label: 'Verdict', options: [{ id: 'allow', name: 'Allowed' }, { id: 'alert', name: 'Reported' }, { id: 'scan', name: 'Scanned' }, { id: 'block', name: 'Blocked' }] },
      ]} views="people" />
      <Panel flush>
        <DataTable label="People" rows={rows} columns={columns} rowKey={one => one.id} href={one => `/people/${one.id}`} choose="people" loading={list.loading} error={list.error} onRetry={list.reload}
          sort={{ by: sort, down: true }} onSort={next => setSort(next.by)} foot={rows ? `${number(Math.min(rows.length, total))} of ${number(total)}` : ''}
          more={rows && rows.length < total && limit < 500 ? () => setLimit(limit + STEP) : null} moreBusy={list.busy && !list.loading}
          empty={<Empty title="Nobody fits">Take a filter away, or choose a longer span of time.</Empty>} />
      </Panel>
    </>
  )
}
function WhoName({ who }: { who: Who }) {
  return <>{who.label}{who.host && <span className="muted small"> {who.host}</span>}</>
}
