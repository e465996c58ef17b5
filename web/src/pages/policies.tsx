// SPDX-License-Identifier: Apache-2.0
// The policy: what is in force, drafts, and what was.
import { get, post } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { DocumentRow, PolicyVersion } from '../api/types'
import { go, Link } from '../app/router'
import { useCan } from '../app/session'
import { Button, Failure } from '../components/controls'
import { Badge, Empty, Notice, PageHead, Panel, Time } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { number } from '../lib/format'

const TOPICS = ['policy'] as const
const DOCUMENT_TOPICS = ['documents'] as const
export const FIRST_POLICY = 'version: 1\ndefault: alert\nrules:\n  - name: no files over public messaging\n    match: {class: im, activity: [file]}\n    action: block\n'

export const PolicyState = ({ state }: { state: PolicyVersion['state'] }) => <Badge tone={state === 'published' ? 'allow' : state === 'draft' ? 'alert' : 'plain'}>{state === 'published' ? 'In force' : state === 'draft' ? 'Draft' : 'Replaced'}</Badge>

/** The document in force whose clauses carry the rules: a policy is not published beside it. */
export function useCarrier() {
  const can = useCan()
  const documents = useQuery<{ documents: DocumentRow[] }>(can('document:read') ? '/documents' : null, {}, { topics: DOCUMENT_TOPICS })
  return documents.data?.documents.find(one => one.in_force !== null && one.in_force.rules > 0) ?? null
}
export const CarriedBy = ({ document }: { document: DocumentRow | null }) => document?.in_force && (
  <Notice>
    The rules in force stand in the clauses of <Link href={`/documents/${document.id}/versions/${document.in_force.version}`}>{document.title}, {document.in_force.edition}</Link>. To change one, write a new version of <Link href={`/documents/${document.id}`}>that document</Link>. Drafts here can be checked and tried, but not published beside it.
  </Notice>
)

export default function Policies() {
  const can = useCan()
  const list = useQuery<{ policies: PolicyVersion[] }>('/policies', {}, { topics: TOPICS })
  const carrier = useCarrier()
  const inForce = list.data?.policies.find(one => one.state === 'published')
  const begin = useAction(async () => {
    const text = inForce ? (await get<{ text: string }>(`/policies/${inForce.id}`)).text : FIRST_POLICY
    return post<PolicyVersion>('/policies', { text, ...(inForce && { from: inForce.id }) })
  }, 'policy')
  const columns: Column<PolicyVersion>[] = [
    { id: 'version', name: 'Version', cell: one => <span className="mono">{one.version ?? `Draft ${one.id}`}</span>, always: true },
    { id: 'state', name: 'State', cell: one => <PolicyState state={one.state} /> },
    { id: 'rules', name: 'Rules', cell: one => number(one.rules), align: 'end' },
    { id: 'author', name: 'Written by', cell: one => one.author ?? '' },
    { id: 'changed', name: 'Changed', cell: one => <Time at={one.changed} />, sort: one => one.changed },
    { id: 'published', name: 'Published', cell: one => (one.published ? <Time at={one.published} full seconds={false} /> : '') , sort: one => one.published },
  ]
  return (
    <>
      <PageHead title="Policy" lead="What is done with each use of a messaging service. The first rule that fits decides." actions={can('policy:write') && <Button tone="primary" icon="edit" busy={begin.busy} onPress={() => void begin.run().then(made => made && go(`/policy/${made.id}`))}>{inForce ? 'Draft a change' : 'Draft a policy'}</Button>} />
      <Failure error={begin.error} />
      <CarriedBy document={carrier} />
      <Panel flush>
        <DataTable label="Versions of the policy" rows={list.data?.policies} columns={columns} rowKey={one => one.id} href={one => `/policy/${one.id}`} loading={list.loading} error={list.error} onRetry={list.reload}
          empty={<Empty title="No policy is written here yet">Sensors report everything until they are given one. Draft one, see what it would have done, then publish it.</Empty>} />
      </Panel>
    </>
  )
}
