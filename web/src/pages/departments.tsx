// SPDX-License-Identifier: Apache-2.0
// Departments, as the people's lists have them: who leads them, who is in them.
import { useMemo } from 'react'
import { useQuery } from '../api/query'
import type { Department } from '../api/types'
import { Empty, PageHead, Panel } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { number } from '../lib/format'

const TOPICS = ['people'] as const

export default function Departments() {
  const list = useQuery<{ departments: Department[] }>('/departments', {}, { topics: TOPICS })
  const names = useMemo(() => new Map(list.data?.departments.map(one => [one.id, one.name])), [list.data])
  const columns: Column<Department>[] = [
    { id: 'name', name: 'Department', cell: one => one.name, sort: one => one.name },
    { id: 'parent', name: 'Part of', cell: one => (one.parent === null ? '' : (names.get(one.parent) ?? '')), sort: one => names.get(one.parent ?? 0) ?? null },
    { id: 'manager', name: 'Led by', cell: one => one.manager ?? <span className="muted">not known</span>, sort: one => one.manager },
    { id: 'people', name: 'People', cell: one => number(one.people), sort: one => one.people, align: 'end' },
  ]
  return (
    <>
      <PageHead title="Departments" lead="They come with the people: from the directory, from a CSV file, or with somebody who is added by hand." />
      <Panel flush>
        <DataTable label="Departments" rows={list.data?.departments} columns={columns} rowKey={one => one.id} href={one => `/directory?department=${one.id}`} loading={list.loading} error={list.error} onRetry={list.reload}
          empty={<Empty title="No department yet">Bring in the institution’s people: their departments come with them.</Empty>} />
      </Panel>
    </>
  )
}
