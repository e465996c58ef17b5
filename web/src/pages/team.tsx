// SPDX-License-Identifier: Apache-2.0
// A manager's team: who owes a signature, who a course, who has an exception. By name: it is their team.
import { useState } from 'react'
import { get, post } from '../api/client'
import { useAction, usePages, useQuery } from '../api/query'
import type { Duty, DutySummary, ExceptionPage, TeamPage, TeamRow, TrainingOverview } from '../api/types'
import { toast } from '../app/announce'
import { useCan } from '../app/session'
import { Button, Failure, LinkButton } from '../components/controls'
import { FilterBar, useFilter } from '../components/filter-bar'
import { Badge, Empty, PageHead, Panel, Tile, Tiles } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { number, plural } from '../lib/format'

const TOPICS = ['duties', 'training', 'exceptions', 'people'] as const
const DUTIES = ['duties'] as const
const TRAINING = ['training'] as const
const EXCEPTIONS = ['exceptions'] as const
const STATES = [{ id: 'overdue', name: 'Overdue' }, { id: 'owes', name: 'Owes something' }, { id: 'exception', name: 'Has an exception' }]

function Owed({ of }: { of: { open: number; overdue: number } }) {
  if (of.open === 0) return <Badge tone="allow">Done</Badge>
  return <Badge tone={of.overdue > 0 ? 'block' : 'alert'}>{of.overdue > 0 ? `${of.overdue > 1 ? `${number(of.overdue)} ` : ''}overdue` : `${number(of.open)} to do`}</Badge>
}

export default function TeamPageView() {
  const can = useCan()
  const { filter } = useFilter()
  const state = filter['state']?.[0]
  const q = filter['q']?.[0]
  const list = usePages<TeamRow, TeamPage>('/program/team', { state, q, limit: 50 }, page => page.people, { topics: TOPICS, keep: true })
  const signatures = useQuery<{ documents: DutySummary[] }>('/duties/summary', {}, { topics: DUTIES, keep: true })
  const training = useQuery<TrainingOverview>('/training', {}, { topics: TRAINING, keep: true })
  const exceptions = useQuery<ExceptionPage>('/exceptions', { limit: 1 }, { topics: EXCEPTIONS, keep: true })
  const team = list.last?.team ?? true
  const sum = (of: readonly number[] | undefined) => (of === undefined ? '…' : number(of.reduce((a, b) => a + b, 0)))
  const columns: Column<TeamRow>[] = [
    { id: 'label', name: 'Person', cell: one => one.label },
    { id: 'department', name: 'Department', cell: one => one.department ?? '', wide: true },
    { id: 'signatures', name: 'Signatures', cell: one => <Owed of={one.signatures} /> },
    { id: 'training', name: 'Training', cell: one => <Owed of={one.training} /> },
    { id: 'exceptions', name: 'Exceptions', cell: one => <span className="badges">{one.exceptions.granted > 0 && <Badge tone="scan">{number(one.exceptions.granted)} in force</Badge>}{one.exceptions.asked > 0 && <Badge tone="alert">{number(one.exceptions.asked)} asked</Badge>}</span> },
    ...(can('duty:write') ? [{ id: 'act', name: 'Action', always: true as const, cell: (one: TeamRow) => (one.signatures.open > 0 ? <Remind of={one} /> : null) }] : []),
  ]
  return (
    <>
      <PageHead title={team ? 'My team' : 'People and what they owe'} lead={team ? 'Who below you owes a signature or a course, and who has an exception. Reminders go out by themselves; a word of yours does more.' : 'Who owes a signature or a course, and who has an exception.'}
        actions={<LinkButton href="/exceptions" icon="shield">Exceptions of the team</LinkButton>} />
      <Tiles label="The team now" few>
        <Tile name="Signatures to give" value={sum(signatures.data?.documents.map(one => one.open))} href="/team?state=owes" />
        <Tile name="Signatures overdue" value={sum(signatures.data?.documents.map(one => one.overdue))} href="/team?state=overdue" />
        <Tile name="Courses to take" value={sum(training.data?.courses.map(one => one.counts.open + one.counts.renew))} href="/team?state=owes" />
        <Tile name="Courses overdue" value={sum(training.data?.courses.map(one => one.counts.overdue))} href="/team?state=overdue" />
        <Tile name="Exceptions in force" value={exceptions.data ? number(exceptions.data.counts.granted) : '…'} href="/team?state=exception" />
      </Tiles>
      <FilterBar range={false} search={team ? 'Search the team' : 'Search people'} fields={[{ name: 'state', label: 'State', single: true, options: STATES }]} />
      <Panel flush>
        <DataTable label="People and what they owe" rows={list.loading ? undefined : list.rows} columns={columns} rowKey={one => one.person} loading={list.loading} error={list.error} onRetry={list.reload} more={list.cursor !== null ? list.more : null} moreBusy={list.busy}
          empty={state || q ? <Empty title="Nobody">{state === 'overdue' ? 'Nobody is overdue.' : 'Nobody is like that. Take away a part of the filter.'}</Empty> : <Empty title="Nobody reports to you">The directory says who reports to whom: an administrator can put it right.</Empty>} />
      </Panel>
    </>
  )
}

/** A mail for each document that this person owes a signature of. */
function Remind({ of }: { of: TeamRow }) {
  const [done, setDone] = useState(false)
  const act = useAction(async () => {
    const { duties } = await get<{ duties: Duty[] }>('/duties', { state: 'open', q: of.label, limit: 50 })
    let queued = 0
    for (const one of duties) if (one.person.id === of.person) queued += (await post<{ queued: number }>('/duties/remind', { document: one.document.id, people: [of.person] })).queued
    return queued
  }, 'duties')
  if (act.error) return <Failure error={act.error} />
  return <Button small tone="quiet" busy={act.busy} isDisabled={done} onPress={() => void act.run().then(n => { if (n !== undefined) { setDone(true); toast(n > 0 ? `${plural(n, 'mail')} to ${of.label}` : `No mail: ${of.label} was reminded today, or has no address`) } })}>{done ? 'Reminded' : 'Remind'}</Button>
}
