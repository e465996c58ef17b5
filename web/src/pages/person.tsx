// SPDX-License-Identifier: Apache-2.0
// One person or machine: what they use, day by day; and the way to the name, through four eyes.
import { useState } from 'react'
import { useQuery } from '../api/query'
import type { PersonUse } from '../api/types'
import { useServiceNames } from '../app/names'
import { useCan } from '../app/session'
import { Days } from '../charts/days'
import { AskReveal } from '../components/ask-reveal'
import { Button, LinkButton } from '../components/controls'
import { FilterBar, useFilter } from '../components/filter-bar'
import { ActionBadge, Empty, ErrorState, Facts, Grid, Loading, PageHead, Panel } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { filterQuery, formatFilter } from '../lib/filter'
import { bytes, number } from '../lib/format'

const TOPICS = ['events', 'people'] as const
type Row = PersonUse['services'][number]

export function useColumns(): Column<Row>[] {
  const names = useServiceNames()
  return [
    { id: 'service', name: 'Service', cell: one => one.name ?? names.get(one.service) ?? one.service, sort: one => one.service },
    { id: 'action', name: 'Verdict', cell: one => <ActionBadge action={one.action} />, sort: one => one.action },
    { id: 'flows', name: 'Flows', cell: one => number(one.flows), sort: one => one.flows, align: 'end' },
    { id: 'bytes', name: 'Bytes', cell: one => bytes(one.bytes), sort: one => one.bytes, align: 'end' },
  ]
}

export default function PersonPage({ parts }: { parts: Record<string, string> }) {
  const can = useCan()
  const columns = useColumns()
  const { filter } = useFilter()
  const [asking, setAsking] = useState(false)
  const use = useQuery<PersonUse>(`/usage/people/${parts['who']}`, filterQuery(filter, '30d'), { topics: TOPICS, keep: true })
  const back = { href: '/people', name: 'People' }
  if (use.data === undefined) return <><PageHead title="Person" back={back} />{use.error ? <ErrorState error={use.error} onRetry={use.reload} /> : <Loading rows={6} />}</>
  const { who, services, days } = use.data
  const here = { ...filter, who: [String(who.id)] }
  return (
    <>
      <PageHead title={who.label} back={back} lead={who.person === null ? 'A machine; nobody in the directory belongs to it.' : (who.department ?? 'Department not known')}
        actions={<>
          <LinkButton href={`/events${formatFilter(here)}`} icon="events">Their events</LinkButton>
          {can('reveal:ask') && who.person !== null && <Button icon="reveal" onPress={() => setAsking(true)}>Ask for the name …</Button>}
        </>} />
      <FilterBar fields={[]} usual="30d" />
      <Grid>
        <Panel title="Known of the client">
          <Facts of={[['Shown as', who.label], ['Pseudonym', who.pseudonym], ['Address', who.address && <span className="mono">{who.address}</span>], ['Machine', who.host], ['Login', who.login], ['Department', who.department]]} />
        </Panel>
        <Days days={days} title="Day by day" />
      </Grid>
      <Panel title="Services" flush>
        <DataTable label="Services of this person" rows={services} columns={columns} rowKey={one => `${one.service} ${one.action}`} href={one => `/events${formatFilter({ ...here, service: [one.service], action: [one.action] })}`}
          empty={<Empty title="No use in this span">Choose a longer span of time.</Empty>} />
      </Panel>
      {asking && who.person !== null && <AskReveal kind="person" object={String(who.person)} label={who.label} onClose={() => setAsking(false)} />}
    </>
  )
}
