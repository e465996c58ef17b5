// SPDX-License-Identifier: Apache-2.0
// The catalog: every service that is known, and how much of it is seen.
import { useQuery } from '../api/query'
import type { CatalogRow } from '../api/types'
import { FilterBar, useFilter } from '../components/filter-bar'
import { Badge, Empty, PageHead, Panel } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { number, plural } from '../lib/format'
import { CLASSES, word } from '../lib/words'

export const EndToEnd = ({ value }: { value: boolean | null }) => (value === null ? <span className="muted">not known</span> : <Badge tone={value ? 'scan' : 'plain'}>{value ? 'yes' : 'no'}</Badge>)
const COLUMNS: Column<CatalogRow>[] = [
  { id: 'name', name: 'Service', cell: one => one.name, sort: one => one.name, always: true },
  { id: 'vendor', name: 'Vendor', cell: one => one.vendor.replace(/^\((.*)\)$/, '$1'), sort: one => one.vendor },
  { id: 'class', name: 'Class', cell: one => word(CLASSES, one.class), sort: one => one.class },
  { id: 'e2e', name: 'End-to-end encrypted', cell: one => <EndToEnd value={one.end_to_end} /> },
  { id: 'risk', name: 'Risks', cell: one => one.risk.join(', '), wide: true },
  { id: 'domains', name: 'Names', cell: one => number(one.domains), sort: one => one.domains, align: 'end' },
  { id: 'flows', name: 'Flows seen', cell: one => (one.flows > 0 ? number(one.flows) : <span className="muted">none</span>), sort: one => one.flows, align: 'end' },
]
export default function Catalog() {
  const { filter } = useFilter()
  const list = useQuery<{ services: CatalogRow[] }>('/catalog', { q: filter['q'] ?? [], class: filter['class'] ?? [] }, { keep: true })
  return (
    <>
      <PageHead title="Catalog" lead="What is known of every messaging service: its names, addresses, ports and clients, and what speaks against it." />
      <FilterBar range={false} search="Search services and vendors" fields={[{ name: 'class', label: 'Class', options: Object.entries(CLASSES).map(([id, name]) => ({ id, name })) }]} />
      <Panel flush>
        <DataTable label="Services" rows={list.data?.services} columns={COLUMNS} rowKey={one => one.service} href={one => `/catalog/${one.service}`} choose="catalog" loading={list.loading} error={list.error} onRetry={list.reload}
          foot={list.data ? plural(list.data.services.length, 'service') : ''} empty={<Empty title="No service fits">Take the class away, or search for another word.</Empty>} />
      </Panel>
    </>
  )
}
