// SPDX-License-Identifier: Apache-2.0
// One advisory: what it says, which versions it names, and who runs one of them.
import { useQuery } from '../api/query'
import type { Advisory } from '../api/types'
import { Link } from '../app/router'
import type { Parts } from '../app/routes'
import { Empty, Facts, Loaded, PageHead, Panel } from '../components/page'
import { DataTable } from '../components/table'
import { day, number } from '../lib/format'
import { Installs } from './client'
import { CLIENT_TOPICS, SeverityWord } from './clients'

const SOURCES: Record<Advisory['source'], string> = { catalog: 'the catalog', ours: 'imward’s own list', osv: 'a file of OSV', nvd: 'a file of NVD' }

export default function AdvisoryPage({ parts }: { parts: Parts }) {
  const id = parts['id'] ?? ''
  const detail = useQuery<Advisory>(`/clients/advisories/${id}`, {}, { topics: CLIENT_TOPICS })
  return (
    <>
      <Loaded of={detail}>
        {data => (
          <>
            <PageHead title={data.ident} back={{ href: '/clients', name: 'Client software' }} lead={data.title} />
            <Panel title="In short"><Facts of={[
              ['Severity', <SeverityWord key="s" of={data.severity} />], ['Published', data.published && day(data.published)], ['Known here since', day(data.added)], ['Told by', SOURCES[data.source]],
              ['Clients here', number(data.affected)], ['Source', data.url && <a key="u" href={data.url} rel="noreferrer" target="_blank">{data.url}</a>],
            ]} /></Panel>
            <Panel title="Versions that it names" flush>
              <DataTable label="Versions that it names" rows={data.ranges} rowKey={one => `${one.product} ${String(one.package)} ${one.introduced} ${one.fixed} ${one.last}`} dense empty={<Empty title="It names none" />} columns={[
                { id: 'title', name: 'Product', cell: one => <Link href={`/clients/${one.product}`}>{one.title}</Link>, wide: true }, { id: 'from', name: 'From', cell: one => one.introduced?.replace(/^>/, 'behind ') ?? 'the first' },
                { id: 'fixed', name: 'Safe from', cell: one => one.fixed ?? '' }, { id: 'last', name: 'Last with it', cell: one => one.last ?? '' }, { id: 'package', name: 'Of', cell: one => (one.package ? 'Debian' : 'the vendor') },
                { id: 'sources', name: 'Told by', cell: one => one.sources.map(source => SOURCES[source]).join(', ') },
              ]} />
            </Panel>
          </>
        )}
      </Loaded>
      {detail.data && <Installs query={{ advisory: id }} />}
    </>
  )
}
