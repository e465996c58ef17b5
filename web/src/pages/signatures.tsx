// SPDX-License-Identifier: Apache-2.0
// Who signed, who owes it, who is overdue; a manager sees the team. Reminders, excuses, and whether a receipt is one of ours.
import { useState } from 'react'
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components/Tabs'
import { post } from '../api/client'
import { useAction, usePages, useQuery } from '../api/query'
import type { Duty, DutySummary, Signature } from '../api/types'
import { toast } from '../app/announce'
import { useCan } from '../app/session'
import { Button, Buttons, Confirm, Dialog, Failure, fieldError, Form, TextBox, TextInput } from '../components/controls'
import { FilterBar, useFilter, useWord } from '../components/filter-bar'
import { Badge, Empty, Loaded, Notice, PageHead, Panel, Tile, Tiles, Time, type BadgeTone } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { day, number, plural } from '../lib/format'
import { Part } from './documents'
import { SignatureFacts } from './signature'

const TOPICS = ['duties', 'documents', 'people'] as const
const STATES: Record<string, { name: string; tone: BadgeTone }> = {
  open: { name: 'Owed', tone: 'alert' }, overdue: { name: 'Overdue', tone: 'block' }, signed: { name: 'Signed', tone: 'allow' }, excused: { name: 'Excused', tone: 'plain' },
}
const stateOf = (one: Duty) => STATES[one.signed ? 'signed' : one.excused ? 'excused' : one.overdue ? 'overdue' : 'open'] as { name: string; tone: BadgeTone }
type Filter = Readonly<Record<string, readonly string[]>>

export default function Signatures() {
  const { filter } = useFilter()
  const [tab, setTab] = useWord('tab', 'owed')
  const summary = useQuery<{ documents: DutySummary[]; team: boolean }>('/duties/summary', {}, { topics: TOPICS })
  const chosen = filter['document']?.[0]
  const of = (summary.data?.documents ?? []).filter(one => chosen === undefined || String(one.document.id) === chosen)
  const departments = new Map(of.flatMap(one => one.departments).map(one => [one.id === null ? 'none' : String(one.id), one.name || 'None']))
  const sum = (key: 'owed' | 'signed' | 'open' | 'overdue' | 'excused') => of.reduce((all, one) => all + one[key], 0)
  return (
    <>
      <PageHead title="Signatures" lead={summary.data?.team ? 'Your team: who signed, and who still owes it.' : 'Who signed which document, who owes it, who is overdue.'} />
      <Loaded of={summary}>
        {data => data.documents.length === 0 ? (
          <Panel><Empty title="Nobody has to sign anything yet">When a document is published whose edition people sign, everybody whom it is for stands here until they have.</Empty></Panel>
        ) : (
          <>
            <FilterBar range={false} search="Find a person" fields={[
              { name: 'document', label: 'Document', single: true, options: data.documents.map(one => ({ id: String(one.document.id), name: one.document.title })) },
              ...(tab === 'owed' ? [
                { name: 'state', label: 'State', single: true, options: Object.entries(STATES).map(([id, one]) => ({ id, name: one.name })) },
                { name: 'department', label: 'Department', single: true, options: [...departments].map(([id, name]) => ({ id, name })) },
              ] : []),
            ]} />
            <Tiles label="Of the documents that are chosen" few>
              <Tile name="Signed" value={number(sum('signed'))} />
              <Tile name="Still owed" value={number(sum('open'))} />
              <Tile name="Overdue" value={number(sum('overdue'))} />
              <Tile name="Excused" value={number(sum('excused'))} />
            </Tiles>
            <ByDocument of={of} />
            <Tabs className="tabs" selectedKey={tab} onSelectionChange={key => setTab(String(key))}>
              <TabList className="tab-list" aria-label="Signatures"><Tab id="owed" className="tab">Who owes</Tab><Tab id="signed" className="tab">Signatures</Tab><Tab id="departments" className="tab">Departments</Tab><Tab id="verify" className="tab">Verify a receipt</Tab></TabList>
              <TabPanel id="owed" className="tab-panel"><People filter={filter} /></TabPanel>
              <TabPanel id="signed" className="tab-panel"><Signed filter={filter} /></TabPanel>
              <TabPanel id="departments" className="tab-panel"><Departments of={of} /></TabPanel>
              <TabPanel id="verify" className="tab-panel"><Verify /></TabPanel>
            </Tabs>
          </>
        )}
      </Loaded>
    </>
  )
}

function ByDocument({ of }: { of: readonly DutySummary[] }) {
  const can = useCan()
  const [reminding, setReminding] = useState<DutySummary | null>(null)
  const remind = useAction((document: number) => post<{ queued: number; without_address: number }>('/duties/remind', { document }), 'duties')
  const columns: Column<DutySummary>[] = [
    { id: 'title', name: 'Document', cell: one => <>{one.document.title} <span className="muted small">{one.document.edition}</span></>, wide: true },
    { id: 'part', name: 'Signed', cell: one => <Part done={one.signed} of={one.owed} what="signed" /> },
    { id: 'open', name: 'Still owed', cell: one => number(one.open), align: 'end' },
    { id: 'overdue', name: 'Overdue', cell: one => (one.overdue > 0 ? <Badge tone="block">{number(one.overdue)}</Badge> : '0'), align: 'end' },
    { id: 'excused', name: 'Excused', cell: one => number(one.excused), align: 'end' },
    { id: 'next', name: 'Next due', cell: one => (one.next_due ? day(one.next_due) : '') },
    ...(can('duty:write') ? [{ id: 'act', name: 'Action', cell: (one: DutySummary) => (one.open > 0 ? <Button small tone="quiet" onPress={() => setReminding(one)}>Remind all …</Button> : null) }] : []),
  ]
  return (
    <Panel title="By document" flush>
      <DataTable label="Signatures by document" rows={of} columns={columns} rowKey={one => one.document.id} empty={<Empty title="No such document" />} />
      <Confirm title="Remind all who owe it" open={reminding !== null} onClose={() => setReminding(null)} act="Remind them" busy={remind.busy} error={remind.error}
        onConfirm={() => reminding && void remind.run(reminding.document.id).then(done => { if (done) { setReminding(null); toast(reminded(done)) } })}>
        <p>{reminding && `${plural(reminding.open, 'person', 'people')} ${reminding.open === 1 ? 'gets' : 'get'} a mail about ${reminding.document.title}. Nobody gets two within an hour.`}</p>
      </Confirm>
    </Panel>
  )
}
const reminded = (of: { queued: number; without_address: number }) => `${plural(of.queued, 'mail')} put into the queue${of.without_address > 0 ? `; ${plural(of.without_address, 'person has', 'people have')} no address` : ''}`

function People({ filter }: { filter: Filter }) {
  const can = useCan()
  const [excusing, setExcusing] = useState<Duty | null>(null)
  const state = filter['state']?.[0] ?? 'open'
  const list = usePages<Duty, { duties: Duty[]; cursor: string | null }>('/duties', { document: filter['document']?.[0], state, department: filter['department']?.[0], q: filter['q']?.[0], limit: 100 }, page => page.duties, { topics: TOPICS, keep: true })
  const remind = useAction((one: Duty) => post<{ queued: number; without_address: number }>('/duties/remind', { document: one.document.id, people: [one.person.id] }), 'duties')
  const again = useAction(async (one: Duty) => { await post('/duties/excuse', { document: one.document.id, person: one.person.id, until: null, why: null }); return true }, 'duties')
  const columns: Column<Duty>[] = [
    { id: 'label', name: 'Person', cell: one => one.person.label, always: true },
    { id: 'department', name: 'Department', cell: one => one.person.department ?? '' },
    { id: 'manager', name: 'Manager', cell: one => one.person.manager ?? '', extra: true },
    { id: 'document', name: 'Document', cell: one => <>{one.document.title} <span className="muted small">{one.document.edition}</span></>, wide: true },
    { id: 'state', name: 'State', cell: one => <><Badge tone={stateOf(one).tone}>{stateOf(one).name}</Badge>{one.excused && <div className="muted tiny">until {day(one.excused.until)}: {one.excused.why}</div>}</> },
    { id: 'due', name: state === 'signed' ? 'Signed' : 'Due', cell: one => day(one.signed ?? one.due) },
    { id: 'reminded', name: 'Reminded', cell: one => (one.reminded ? <>{plural(one.reminders, 'time')}, <Time at={one.reminded} />{one.escalated && <div className="muted tiny">manager told <Time at={one.escalated} /></div>}</> : <span className="muted">not yet</span>) },
    ...(can('duty:write') && state !== 'signed' ? [{ id: 'act', name: 'Action', always: true as const, cell: (one: Duty) => (
      <span className="row center tight nowrap">
        {one.excused ? <Button small tone="quiet" busy={again.busy} onPress={() => void again.run(one).then(done => done && toast(`${one.person.label} owes it again`))}>Owes it again</Button> : (
          <>
            <Button small tone="quiet" busy={remind.busy} onPress={() => void remind.run(one).then(done => done && toast(done.queued > 0 ? `${one.person.label} is reminded by mail` : done.without_address > 0 ? `${one.person.label} has no address` : `${one.person.label} was reminded less than an hour ago`, done.queued > 0 ? 'good' : 'plain'))}>Remind</Button>
            <Button small tone="quiet" onPress={() => setExcusing(one)}>Excuse …</Button>
          </>
        )}
      </span>
    ) }] : []),
  ]
  return (
    <Panel flush>
      <Failure error={remind.error ?? again.error} />
      <DataTable label="Who owes which signature" rows={list.loading ? undefined : list.rows} columns={columns} rowKey={one => `${one.person.id} ${one.document.id}`} loading={list.loading} error={list.error} onRetry={list.reload} more={list.cursor !== null ? list.more : null} moreBusy={list.busy} choose="duties"
        empty={<Empty title={filter['q'] ? 'Nobody of this name' : state === 'open' ? 'Nobody owes a signature' : 'Nobody'}>{filter['q'] ? 'Nobody of this name is in this state.' : state === 'open' ? 'Everybody has signed.' : 'Nobody is in this state. Choose another one above.'}</Empty>} />
      {excusing && <Excuse of={excusing} onClose={() => setExcusing(null)} />}
    </Panel>
  )
}

function Excuse({ of, onClose }: { of: Duty; onClose: () => void }) {
  const [why, setWhy] = useState('')
  const [until, setUntil] = useState('')
  const act = useAction(async () => { await post('/duties/excuse', { document: of.document.id, person: of.person.id, until, why: why.trim() }); return true }, 'duties')
  return (
    <Dialog title={`Excuse ${of.person.label}`} open onClose={onClose}>
      <Form label={`Excuse ${of.person.label}`} onSubmit={() => void act.run().then(done => { if (done) { toast('Excused'); onClose() } })}>
        <p>{of.document.title}, {of.document.edition}. Until that day there are no reminders, and it is not overdue. Rules that ask for the signature hold all the same.</p>
        <TextBox label="Why" value={why} onChange={setWhy} required autoFocus rows={3} help="Examiners see this." error={fieldError(act.error, 'why')} />
        <TextInput label="Until" type="date" value={until} onChange={setUntil} required error={fieldError(act.error, 'until')} />
        <Failure error={act.error} fields={['why', 'until']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button tone="primary" type="submit" busy={act.busy} isDisabled={why.trim() === '' || until === ''}>Excuse</Button></Buttons>
      </Form>
    </Dialog>
  )
}

function Signed({ filter }: { filter: Filter }) {
  const list = usePages<Signature, { signatures: Signature[]; cursor: string | null; total: number }>('/signatures', { document: filter['document']?.[0], q: filter['q']?.[0], limit: 100 }, page => page.signatures, { topics: TOPICS, keep: true })
  const columns: Column<Signature>[] = [
    { id: 'person', name: 'Person', cell: one => one.person.label, always: true },
    { id: 'department', name: 'Department', cell: one => one.person.department ?? '' },
    { id: 'document', name: 'Document', cell: one => <>{one.document.title} <span className="muted small">{one.document.edition}</span></>, wide: true },
    { id: 'time', name: 'Signed', cell: one => <Time at={one.time} full seconds={false} /> },
    { id: 'proof', name: 'Proved by', cell: one => one.proof },
    { id: 'hash', name: 'Receipt', cell: one => <span className="mono" title={one.receipt_sha256}>{one.receipt_sha256.slice(0, 12)}…</span> },
  ]
  return (
    <Panel flush>
      <DataTable label="Signatures" rows={list.loading ? undefined : list.rows} columns={columns} rowKey={one => one.id} href={one => `/signatures/${one.id}`} loading={list.loading} error={list.error} onRetry={list.reload} more={list.cursor !== null ? list.more : null} moreBusy={list.busy}
        foot={list.last && `${plural(list.last.total, 'signature')}`} empty={<Empty title="Nobody has signed yet">Whoever owes a signature finds the document under “My documents”.</Empty>} />
    </Panel>
  )
}

type DepartmentRow = DutySummary['departments'][number] & { document: DutySummary['document'] }
function Departments({ of }: { of: readonly DutySummary[] }) {
  const rows = of.flatMap(one => one.departments.map(department => ({ ...department, document: one.document })))
  const columns: Column<DepartmentRow>[] = [
    { id: 'name', name: 'Department', cell: one => one.name || 'None', sort: one => one.name, wide: true },
    ...(of.length > 1 ? [{ id: 'document', name: 'Document', cell: (one: DepartmentRow) => one.document.title, sort: (one: DepartmentRow) => one.document.title }] : []),
    { id: 'part', name: 'Signed', cell: one => <Part done={one.owed - one.open} of={one.owed} what="signed" />, sort: one => (one.owed > 0 ? (one.owed - one.open) / one.owed : 1) },
    { id: 'open', name: 'Still owed', cell: one => number(one.open), align: 'end', sort: one => one.open },
    { id: 'overdue', name: 'Overdue', cell: one => (one.overdue > 0 ? <Badge tone="block">{number(one.overdue)}</Badge> : '0'), align: 'end', sort: one => one.overdue },
  ]
  return <Panel flush><DataTable label="Signatures by department" rows={rows} columns={columns} rowKey={one => `${one.id} ${one.document.id}`} empty={<Empty title="No department" />} /></Panel>
}

/** Is this receipt one of ours, unchanged to the octet? */
function Verify() {
  const [text, setText] = useState('')
  const [result, setResult] = useState<{ valid: boolean; why: string; signature: Signature | null } | null>(null)
  const verify = useAction((receipt: string) => post<{ valid: boolean; why: string; signature: Signature | null }>('/signatures/verify', { receipt }))
  const ask = (receipt: string) => { setResult(null); void verify.run(receipt.trim()).then(done => done && setResult(done)) }
  return (
    <div className="grid">
      <Panel title="Verify a receipt" note="A receipt is a line of JSON that somebody got when they signed. One changed character, and it is none of ours.">
        <Form label="Verify a receipt" onSubmit={() => ask(text)}>
          <TextBox label="The receipt" value={text} onChange={next => { setText(next); setResult(null) }} mono rows={7} help="Paste it, or choose its file." error={fieldError(verify.error, 'receipt')} />
          <label className="field"><span className="field-label">Its file</span>
            <input className="input" type="file" accept="application/json,.json" onChange={event => { const file = event.target.files?.[0]; event.target.value = ''; if (file) void (file.size > 65536 ? Promise.resolve('') : file.text()).then(found => { setText(found); ask(found) }) }} />
          </label>
          <Failure error={verify.error} fields={['receipt']} />
          <Buttons><Button type="submit" tone="primary" busy={verify.busy} isDisabled={text.trim() === ''}>Verify</Button></Buttons>
        </Form>
      </Panel>
      {result && (
        <Panel title={result.valid ? 'It is one of ours' : 'It is none of ours'}>
          <div className="stack">
            <div role="status"><Notice tone={result.valid ? 'good' : 'bad'}><span className="sentence">{result.why}</span></Notice></div>
            {result.signature && <SignatureFacts of={result.signature} />}
          </div>
        </Panel>
      )}
    </div>
  )
}
