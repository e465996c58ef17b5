// SPDX-License-Identifier: Apache-2.0
// Exceptions: what waits for a decision, what ends soon, which emergencies nobody closed out, and all there were. A
// manager sees the team's.
import { useState } from 'react'
import { usePages, useQuery } from '../api/query'
import type { Exception, ExceptionChoices, ExceptionPage } from '../api/types'
import { useServiceNames } from '../app/names'
import { useCan, useMe } from '../app/session'
import { Button, LinkButton } from '../components/controls'
import { AskException, CloseOut, ExceptionBadge, EXCEPTION_STATES } from '../components/exceptions'
import { FilterBar, useFilter } from '../components/filter-bar'
import { Empty, Notice, PageHead, Panel, Tile, Tiles, Time } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { whatOf } from '../lib/exceptions'
import { number } from '../lib/format'

const TOPICS = ['exceptions'] as const
const DUE = '14'

export default function ExceptionsPage() {
  const can = useCan()
  const me = useMe()
  const names = useServiceNames()
  const { filter } = useFilter()
  const [asking, setAsking] = useState<'request' | 'emergency' | null>(null)
  const [closing, setClosing] = useState<Exception | null>(null)
  const choices = useQuery<ExceptionChoices>(can('exception:ask') ? '/exceptions/choices' : null)
  const one = (name: string) => filter[name]?.[0]
  const narrowed = ['state', 'kind', 'open', 'due', 'q'].some(name => one(name) !== undefined)
  const list = usePages<Exception, ExceptionPage>('/exceptions', { state: one('state'), kind: one('kind'), open: one('open'), due: one('due'), q: one('q'), limit: 50 }, page => page.exceptions, { topics: TOPICS, keep: true })
  const open = useQuery<ExceptionPage>('/exceptions', { open: 1, limit: 20 }, { topics: TOPICS, keep: true })
  const queue = useQuery<ExceptionPage>(narrowed || !can('exception:decide') ? null : '/exceptions', { state: 'asked', limit: 50 }, { topics: TOPICS, keep: true })
  const counts = list.last?.counts
  const mayAsk = choices.data !== undefined && (choices.data.person || choices.data.others || choices.data.departments.length > 0)
  const columns: Column<Exception>[] = [
    { id: 'what', name: 'Exception', cell: row => <>{whatOf(row, names)} <span className="muted small">#{row.id}</span></> },
    { id: 'who', name: 'For', cell: row => <>{row.who.label}{row.who.kind === 'department' && <span className="muted small"> department</span>}</> },
    { id: 'state', name: 'State', cell: row => <ExceptionBadge of={row} /> },
    { id: 'until', name: 'Until', cell: row => <Time at={row.until} full seconds={false} /> },
    { id: 'purpose', name: 'Purpose', cell: row => row.purpose, wide: true },
    { id: 'by', name: 'Asked by', cell: row => (row.mine ? 'you' : row.asked_by) },
    { id: 'asked', name: 'Asked', cell: row => <Time at={row.asked} /> },
  ]
  const href = (row: Exception) => `/exceptions/${row.id}`
  return (
    <>
      <PageHead title="Exceptions" lead={me.team ? 'What your team may do although the policy says no: asked for with a purpose, for a time.' : 'What somebody may do although the policy says no: asked for with a purpose, decided by another person, for a time.'}
        actions={<>
          {choices.data?.emergency && <Button icon="warning" onPress={() => setAsking('emergency')}>Start emergency use …</Button>}
          {mayAsk && <Button tone="primary" icon="plus" onPress={() => setAsking('request')}>Ask for an exception …</Button>}
        </>} />
      {(open.data?.exceptions ?? []).map(row => (
        <Notice key={row.id} tone="bad">
          <strong>Emergency use: {whatOf(row, names)}</strong>, for {row.who.label}, started by {row.mine ? 'you' : row.asked_by} <Time at={row.asked} />, {row.state === 'granted' ? <>runs until <Time at={row.until} full seconds={false} /></> : 'is over'} and is not closed out.
          <span className="row center tight notice-acts">{row.may.close && <Button small tone="primary" onPress={() => setClosing(row)}>Close it out …</Button>}<LinkButton href={href(row)}>Look at it</LinkButton></span>
        </Notice>
      ))}
      {list.last && !list.last.enforced.takes && <Notice tone="warn">The policy in force has no line “exceptions: exceptions.yaml”: what is granted changes nothing on gateways until it has.</Notice>}
      <Tiles label="Exceptions now" few>
        <Tile name="Wait for a decision" value={counts ? number(counts.asked) : '…'} href="/exceptions?state=asked" />
        <Tile name="In force" value={counts ? number(counts.granted) : '…'} href="/exceptions?state=granted" />
        <Tile name="End within 14 days" value={counts ? number(counts.due) : '…'} href={`/exceptions?due=${DUE}`} />
        <Tile name="Emergencies not closed out" value={counts ? number(counts.open) : '…'} href="/exceptions?open=1" />
      </Tiles>
      {!narrowed && can('exception:decide') && (queue.data?.exceptions.length ?? 0) > 0 && (
        <Panel title="To decide" note="Nobody decides on what they asked for, nor on what is for themselves." flush>
          <DataTable label="Requests that wait for a decision" rows={queue.data?.exceptions} columns={columns.filter(one => one.id !== 'state')} rowKey={row => row.id} href={href} loading={queue.loading} error={queue.error} onRetry={queue.reload} empty={<Empty title="Nothing waits" />} />
        </Panel>
      )}
      <FilterBar range={false} search="Search purposes and services" fields={[
        { name: 'state', label: 'State', single: true, options: Object.entries(EXCEPTION_STATES).map(([id, state]) => ({ id, name: state.name })) },
        { name: 'kind', label: 'Kind', single: true, options: [{ id: 'request', name: 'Request' }, { id: 'emergency', name: 'Emergency' }] },
        { name: 'due', label: 'Ends within', single: true, options: [{ id: '7', name: '7 days' }, { id: DUE, name: '14 days' }, { id: '30', name: '30 days' }] },
        { name: 'open', label: 'Not closed out', flag: true },
      ]} />
      <Panel title={narrowed ? 'Found' : 'All exceptions'} flush>
        <DataTable label="Exceptions" rows={list.loading ? undefined : list.rows} columns={columns} rowKey={row => row.id} href={href} loading={list.loading} error={list.error} onRetry={list.reload} more={list.cursor !== null ? list.more : null} moreBusy={list.busy}
          empty={<Empty title={narrowed ? 'None is like that' : 'No exceptions'}>{narrowed ? 'Take away a part of the filter.' : 'Who needs what the policy does not allow asks for it here, or under My exceptions.'}</Empty>} />
      </Panel>
      {asking && <AskException emergency={asking === 'emergency'} onClose={() => setAsking(null)} to={id => `/exceptions/${id}`} />}
      {closing && <CloseOut of={closing} onClose={() => setClosing(null)} />}
    </>
  )
}
