// SPDX-License-Identifier: Apache-2.0
// What is kept for how long; what was removed, with the proof of it.
import { useQuery } from '../api/query'
import type { Retention } from '../api/types'
import { useCan } from '../app/session'
import { LinkButton } from '../components/controls'
import { Empty, PageHead, Panel, Time } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { bytes, day, number, plural } from '../lib/format'

const TOPICS = ['settings'] as const
const KINDS: Record<string, { name: string; what: string }> = {
  events: { name: 'Events', what: 'What sensors saw, with the lines as they wrote them' },
  usage: { name: 'Use by client', what: 'Sums by person or machine, and clients that nothing names any more' },
  imports: { name: 'Imports', what: 'That a file was brought in, and what came of it' },
  clients: { name: 'Client software', what: 'Which client ran which program, as the network and inventories told it' },
  sums: { name: 'Sums', what: 'By department, port and sensor; they name nobody' },
  incidents: { name: 'Incidents', what: 'Those that are closed, with notes and links' },
  counts: { name: 'Counts of approved channels', what: 'What each person sent there a day' },
  signals: { name: 'Off-channel signals', what: 'Those that are decided and over' },
  attempts: { name: 'Attempts at tests', what: 'Those of training, but for those that a certificate rests on' },
  exceptions: { name: 'Exceptions', what: 'Those that are over, and closed out' },
  sessions: { name: 'Sessions', what: 'Sessions, tokens and wrong tries that are over' },
  mail: { name: 'Mail', what: 'Mail that was sent or given up' },
  audit: { name: 'Audit trail', what: 'Every act; it goes up to a signed checkpoint, from which the rest is verified' },
}
type Kind = Retention['kinds'][number]
type Run = Retention['runs'][number]
const years = (days: number) => (days % 365 === 0 && days >= 730 ? `${number(days / 365)} years` : plural(days, 'day'))
const KIND_COLUMNS: Column<Kind>[] = [
  { id: 'kind', name: 'What', cell: one => <><strong>{KINDS[one.kind]?.name ?? one.kind}</strong><br /><span className="muted small">{KINDS[one.kind]?.what}</span></>, wide: true },
  { id: 'days', name: 'Kept for', cell: one => (one.days === null ? 'ever' : one.kind === 'audit' ? `at least ${years(one.days)}` : years(one.days)) },
  { id: 'oldest', name: 'The oldest', cell: one => (one.oldest === null ? <span className="muted">none there</span> : <Time at={one.oldest} full seconds={false} />) },
  { id: 'next', name: 'Next removal', cell: one => (one.next === null ? <span className="muted">none due</span> : <Time at={one.next} full seconds={false} />) },
  { id: 'bytes', name: 'Takes', cell: one => (one.bytes === null ? '' : bytes(one.bytes)), align: 'end' },
]
const RUN_COLUMNS: Column<Run>[] = [
  { id: 'time', name: 'When', cell: one => <Time at={one.time} full seconds={false} /> },
  { id: 'kind', name: 'What', cell: one => KINDS[one.kind]?.name ?? one.kind },
  { id: 'before', name: 'Older than', cell: one => <span className="nowrap">{day(one.before)}</span> },
  { id: 'removed', name: 'Removed', cell: one => number(one.removed), align: 'end' },
  { id: 'digest', name: 'SHA-256 of what went', cell: one => <span className="digest">{one.digest}</span>, wide: true },
]

export default function RetentionPage() {
  const can = useCan()
  const list = useQuery<Retention>('/retention', {}, { topics: TOPICS })
  return (
    <>
      <PageHead title="Retention" lead="What is kept for how long, and what was removed. What is due goes within the hour." actions={can('setting:write') && <LinkButton href="/settings?tab=retention" icon="edit">Change how long</LinkButton>} />
      <Panel title="What is kept" flush>
        <DataTable label="What is kept" rows={list.data?.kinds} columns={KIND_COLUMNS} rowKey={one => one.kind} loading={list.loading} error={list.error} onRetry={list.reload} empty={<Empty title="Nothing is kept" />} />
      </Panel>
      <Panel title="What was removed" note="Each removal is in the audit trail, too: how many rows, and a digest of them. It proves what went and when, and says nothing of what it was." flush>
        <DataTable label="What was removed" rows={list.data?.runs} columns={RUN_COLUMNS} rowKey={one => `${one.time} ${one.kind} ${one.digest}`} loading={list.loading} empty={<Empty title="Nothing yet">Nothing has become too old so far.</Empty>} />
      </Panel>
    </>
  )
}
