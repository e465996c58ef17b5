// SPDX-License-Identifier: Apache-2.0
// The written program in one look: what is unsigned, untrained, overdue, ending, and what waits for whoever looks. Each
// number leads to its list.
import type { ReactNode } from 'react'
import { useQuery } from '../api/query'
import type { Desk, DutySummary, ExceptionPage, TrainingOverview } from '../api/types'
import { useServiceNames } from '../app/names'
import { Link, matchPath } from '../app/router'
import { routes } from '../app/routes'
import { useCan } from '../app/session'
import { Badge, Empty, Grid, Loaded, Notice, PageHead, Panel, Time } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { whatOf } from '../lib/exceptions'
import { number, plural } from '../lib/format'

const TOPICS = ['documents', 'duties', 'training', 'exceptions', 'mail', 'incidents'] as const
const EXCEPTIONS = ['exceptions'] as const
const DUTIES = ['duties'] as const
const TRAINING = ['training'] as const

type Tone = 'bad' | 'warn' | 'good' | 'plain'
interface Count { name: string; n: number; href: string; tone?: Tone; of?: number }

/** Leads somewhere where there is such a page for whoever looks. */
function Way({ href, className, children }: { href: string; className?: string; children: ReactNode }) {
  const can = useCan()
  const path = href.split('?', 1)[0] ?? href
  const there = routes.some(one => can(one.permission) && matchPath(one.path, path) !== null)
  return there ? <Link href={href} {...(className && { className })}>{children}</Link> : <span className={className}>{children}</span>
}

/** One part of the program: its numbers, the worst first, each with a link to its list. */
function Part({ title, href, counts, children }: { title: string; href: string; counts: readonly Count[]; children?: ReactNode }) {
  return (
    <section className="panel desk-part" aria-label={title}>
      <header className="panel-head"><h2><Way href={href}>{title}</Way></h2></header>
      <ul className="plain desk-counts">
        {counts.map(one => {
          const tone = one.n === 0 ? 'good' : (one.tone ?? 'plain')
          return (
            <li key={one.name}>
              <Way className={`desk-count ${tone}`} href={one.href}>
                <span className="desk-number">{number(one.n)}</span>
                <span className="desk-name">{one.name}{one.of !== undefined && one.of > 0 && <span className="muted"> of {number(one.of)}</span>}</span>
              </Way>
            </li>
          )
        })}
      </ul>
      {children}
    </section>
  )
}

export default function ProgramPage() {
  const desk = useQuery<Desk>('/program/desk', {}, { topics: TOPICS, keep: true })
  return (
    <>
      <PageHead title="Program" lead="The written program in one look: what is unsigned, untrained, overdue or about to end." />
      <Loaded of={desk} rows={8}>{data => <DeskView of={data} />}</Loaded>
    </>
  )
}

function DeskView({ of }: { of: Desk }) {
  const can = useCan()
  const waiting = [
    of.exceptions.waiting > 0 && can('exception:decide') && <Link key="e" href="/exceptions?state=asked">{plural(of.exceptions.waiting, 'exception')} to decide on</Link>,
    of.documents.waiting > 0 && can('document:approve') && <Link key="d" href="/documents">{plural(of.documents.waiting, 'document')} to approve</Link>,
  ].filter(Boolean)
  return (
    <>
      {of.mail.problem !== null && <Notice tone="bad">Mail cannot be sent, so nobody is reminded: {of.mail.problem}. {can('setting:read') && <Link href="/settings?tab=mail">Look at the settings of mail</Link>}</Notice>}
      {waiting.length > 0 && <Notice tone="warn" icon="clock"><strong>Waits for you:</strong> {waiting.map((one, i) => <span key={i}>{i > 0 && ', '}{one}</span>)}.</Notice>}
      <div className="desk">
        <Part title="Signatures" href="/signatures" counts={[
          { name: 'overdue', n: of.signatures.overdue, href: '/signatures?state=overdue', tone: 'bad' },
          { name: 'not signed', n: of.signatures.open, of: of.signatures.owed, href: '/signatures?state=open', tone: 'warn' },
        ]} />
        <Part title="Training" href="/training" counts={[
          { name: 'overdue', n: of.training.overdue, href: '/training?state=overdue', tone: 'bad' },
          { name: 'to learn', n: of.training.open, of: of.training.done + of.training.renew + of.training.open + of.training.overdue + of.training.excused, href: '/training?state=open', tone: 'warn' },
          { name: 'certificates to renew', n: of.training.renew, href: '/training?state=renew', tone: 'warn' },
        ]} />
        <Part title="Exceptions" href="/exceptions" counts={[
          { name: 'emergencies not closed out', n: of.exceptions.open, href: '/exceptions?open=1', tone: 'bad' },
          { name: 'wait for a decision', n: of.exceptions.asked, href: '/exceptions?state=asked', tone: 'warn' },
          { name: `end within ${of.due_days} days`, n: of.exceptions.due, of: of.exceptions.granted, href: `/exceptions?due=${of.due_days}`, tone: 'warn' },
        ]} />
        <Part title="Documents" href="/documents" counts={[
          { name: 'wait for your approval', n: of.documents.waiting, href: '/documents', tone: 'warn' },
          { name: 'being written or approved', n: of.documents.open, href: '/documents' },
          { name: of.review_days === 365 ? 'not reviewed for a year' : `not reviewed for ${of.review_days} days`, n: of.documents.old, of: of.documents.in_force, href: '/documents', tone: 'warn' },
        ]} />
        <Risks />
        <Clients />
        <Signals />
        {can('incident:read') && (
          <Part title="Incidents" href="/incidents" counts={[
            { name: 'nobody looked at', n: of.incidents.new, href: '/incidents?state=new', tone: 'warn' },
            { name: 'not closed', n: of.incidents.open, href: '/incidents?state=new,open,contained' },
          ]} />
        )}
        {can('setting:read') && (
          <Part title="Mail" href="/settings?tab=mail" counts={[
            { name: 'failed', n: of.mail.failed, href: '/settings?tab=mail', tone: 'bad' },
            { name: 'wait to be sent', n: of.mail.waiting, href: '/settings?tab=mail' },
          ]} />
        )}
      </div>
      <Grid>
        <Ending days={of.due_days} />
        <Courses />
      </Grid>
      {of.signatures.owed > 0 && <Documents />}
    </>
  )
}

/* Parts that have summaries of their own; of each, what is shown of it here. */
interface RiskSum { levels: { high: number; critical: number }; over: number; waiting: number; unassessed_count: number; top: { id: number; title: string; residual: { score: number; level: string } | null }[] }
function Risks() {
  const sum = useQuery<RiskSum>(useCan()('risk:read') ? '/risks/summary' : null, {}, { keep: true })
  if (sum.data === undefined) return null
  const { levels, over, waiting, unassessed_count, top } = sum.data
  return (
    <Part title="Risks" href="/risks" counts={[
      { name: 'high or critical, with controls', n: levels.high + levels.critical, href: '/risks?level=high,critical', tone: 'bad' },
      { name: 'reviews overdue', n: over, href: '/risks?due=1', tone: 'warn' },
      { name: 'wait to be signed off', n: waiting, href: '/risks?state=proposed', tone: 'warn' },
      { name: 'services in use without an assessment', n: unassessed_count, href: '/risks', tone: 'warn' },
    ]}>
      {top.length > 0 && <p className="small desk-more">Top: {top.slice(0, 3).map((one, i) => <span key={one.id}>{i > 0 && ', '}<Way href={`/risks/${one.id}`}>{one.title}</Way>{one.residual && ` (${one.residual.score})`}</span>)}</p>}
    </Part>
  )
}

interface ClientSum { counts: { clients: number; old: number; overdue: number }; no_owner: number; virus: { old_signatures: number; not_scanned: number; infected: number } }
function Clients() {
  const sum = useQuery<ClientSum>(useCan()('client:read') ? '/clients/summary' : null, {}, { keep: true })
  if (sum.data === undefined) return null
  const { counts, no_owner, virus } = sum.data
  return (
    <Part title="Patches and scanners" href="/clients" counts={[
      { name: 'patches overdue', n: counts.overdue, href: '/clients?state=overdue', tone: 'bad' },
      { name: 'clients below the safe version', n: counts.old, of: counts.clients, href: '/clients?state=old', tone: 'warn' },
      { name: 'products without an owner', n: no_owner, href: '/clients', tone: 'warn' },
      { name: 'scanners with old signatures', n: virus.old_signatures, href: '/virus', tone: 'bad' },
    ]} />
  )
}

interface SignalSum { open: number; strong: number; looked: number; waits: string | null }
function Signals() {
  const sum = useQuery<SignalSum>(useCan()('signal:read') ? '/signals/summary' : null, {}, { keep: true })
  if (sum.data === undefined) return null
  return (
    <Part title="Off-channel signals" href="/off-channel" counts={[
      { name: 'strong, nobody looked at', n: sum.data.strong, href: '/off-channel?state=open&level=1', tone: 'bad' },
      { name: 'open', n: sum.data.open, href: '/off-channel?state=open', tone: 'warn' },
      { name: 'looked at, not decided', n: sum.data.looked, href: '/off-channel?state=looked' },
    ]}>
      {sum.data.waits && <p className="small muted desk-more sentence">{sum.data.waits}</p>}
    </Part>
  )
}

function Ending({ days }: { days: number }) {
  const names = useServiceNames()
  const list = useQuery<ExceptionPage>('/exceptions', { due: days, limit: 8 }, { topics: EXCEPTIONS, keep: true })
  type Row = ExceptionPage['exceptions'][number]
  const columns: Column<Row>[] = [
    { id: 'what', name: 'Exception', cell: one => whatOf(one, names), wide: true },
    { id: 'who', name: 'For', cell: one => one.who.label },
    { id: 'until', name: 'Ends', cell: one => <Time at={one.until} full seconds={false} /> },
  ]
  return (
    <Panel title="Exceptions that end soon" flush actions={<Link href="/exceptions" className="small">All exceptions</Link>}>
      <DataTable label="Exceptions that end soon" rows={list.data?.exceptions} columns={columns} rowKey={one => one.id} href={one => `/exceptions/${one.id}`} loading={list.loading} error={list.error} onRetry={list.reload} dense
        empty={<Empty title="None ends soon">{`Those that are in force last longer than ${days} days.`}</Empty>} />
    </Panel>
  )
}

function Courses() {
  const list = useQuery<TrainingOverview>('/training', {}, { topics: TRAINING, keep: true })
  type Row = TrainingOverview['courses'][number]
  const columns: Column<Row>[] = [
    { id: 'title', name: 'Course', cell: one => one.title, wide: true },
    { id: 'done', name: 'Trained', cell: one => (one.counts.people === 0 ? <Badge>Not assigned</Badge> : `${number(one.counts.done + one.counts.renew)} of ${number(one.counts.people)}`), align: 'end' },
    { id: 'overdue', name: 'Overdue', cell: one => number(one.counts.overdue), align: 'end' },
  ]
  return (
    <Panel title="Courses" flush actions={<Link href="/courses" className="small">All courses</Link>}>
      <DataTable label="Courses and who took them" rows={list.data?.courses} columns={columns} rowKey={one => one.course} href={one => `/training?course=${one.course}`} loading={list.loading} error={list.error} onRetry={list.reload} dense
        empty={<Empty title="No course is published">{<>Take over ours, or write one, under <Link href="/courses">Courses</Link>.</>}</Empty>} />
    </Panel>
  )
}

function Documents() {
  const list = useQuery<{ documents: DutySummary[] }>('/duties/summary', {}, { topics: DUTIES, keep: true })
  const columns: Column<DutySummary>[] = [
    { id: 'title', name: 'Document', cell: one => <>{one.document.title} <span className="muted small">{one.document.edition}</span></>, wide: true },
    { id: 'signed', name: 'Signed', cell: one => `${number(one.signed)} of ${number(one.owed)}`, align: 'end' },
    { id: 'overdue', name: 'Overdue', cell: one => number(one.overdue), align: 'end' },
    { id: 'excused', name: 'Excused', cell: one => number(one.excused), align: 'end' },
    { id: 'next', name: 'Next due', cell: one => (one.next_due ? <Time at={one.next_due} full seconds={false} /> : '') },
  ]
  return (
    <Panel title="Documents to sign" flush>
      <DataTable label="Documents to sign" rows={list.data?.documents} columns={columns} rowKey={one => one.document.id} href={one => `/signatures?document=${one.document.id}`} loading={list.loading} error={list.error} onRetry={list.reload} dense empty={<Empty title="Nothing is to be signed" />} />
    </Panel>
  )
}
