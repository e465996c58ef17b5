// SPDX-License-Identifier: Apache-2.0
// Off-channel: what is sent on approved channels beside use of public IM, and who fell silent there while active here.
// A signal is a reason to ask, not an accusation; people are pseudonyms.
import { useMemo, useState } from 'react'
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components/Tabs'
import { patch, post } from '../api/client'
import { useAction, usePages, useQuery } from '../api/query'
import type { ApprovedImport, Channel, Department, Signal, SignalPage, SignalRow, SignalState, SignalSummary, SignalWeeks } from '../api/types'
import { toast } from '../app/announce'
import { go, Link } from '../app/router'
import { useCan } from '../app/session'
import { TwoRows } from '../charts/two-rows'
import { AskReveal } from '../components/ask-reveal'
import { AddChannel, BringCounts } from '../components/channels'
import { Button, Buttons, Confirm, Dialog, Failure, fieldError, Form, Select, TextBox, TextInput } from '../components/controls'
import { FilterBar, useFilter, useWord } from '../components/filter-bar'
import { Badge, Empty, Facts, Grid, Loaded, Notice, PageHead, Panel, Tile, Tiles, Time, type BadgeTone } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { number, plural } from '../lib/format'

const TOPICS = ['signals', 'incidents', 'reveals'] as const
const LEVELS: Record<number, { name: string; tone: BadgeTone }> = { 1: { name: 'Strong', tone: 'block' }, 2: { name: 'Medium', tone: 'alert' }, 3: { name: 'Weak', tone: 'plain' } }
const STATES: Record<SignalState, { name: string; tone: BadgeTone }> = { open: { name: 'Open', tone: 'alert' }, looked: { name: 'Looked at', tone: 'scan' }, dismissed: { name: 'Dismissed', tone: 'plain' }, incident: { name: 'Incident', tone: 'accent' } }
const STEPS: Record<string, string> = { raised: 'Raised', ended: 'Over', open: 'Opened again', looked: 'Looked at', dismissed: 'Dismissed', incident: 'Taken up as an incident' }
const LevelBadge = ({ level }: { level: number }) => <Badge tone={LEVELS[level]?.tone ?? 'plain'}>{LEVELS[level]?.name ?? level}</Badge>
const StateBadge = ({ state }: { state: SignalState }) => <Badge tone={STATES[state].tone}>{STATES[state].name}</Badge>
const LIMITS = 'A signal is a reason to ask, not a proof. The content of encrypted services and private phones outside of the network are not seen; shared addresses may be somebody else’s; counts are as good as what was brought in.'

export default function OffChannel() {
  const [show] = useWord('show', '')
  return show === '' ? <Overview /> : <One id={show} />
}

function Overview() {
  const can = useCan()
  const { filter } = useFilter()
  const [tab, setTab] = useWord('tab', 'signals')
  const [bringing, setBringing] = useState(false)
  const department = filter['department']?.[0]
  const channels = useQuery<{ channels: Channel[] }>('/signals/channels', {}, { topics: TOPICS })
  const summary = useQuery<SignalSummary>('/signals/summary', {}, { topics: TOPICS, keep: true })
  const departments = useQuery<{ departments: Department[] }>('/departments', {}, { topics: ['people'] })
  const active = channels.data?.channels.filter(one => one.state === 'active') ?? []
  return (
    <>
      <PageHead title="Off-channel" lead="Who fell silent on the approved channels while active on public IM."
        actions={can('signal:write') && active.length > 0 && <Button icon="import" onPress={() => setBringing(true)}>Bring in counts …</Button>} />
      <Notice>{LIMITS}</Notice>
      {summary.data && (
        <Tiles label="Signals" few>
          <Tile name="Open" value={number(summary.data.open)} />
          <Tile name="Strong" value={number(summary.data.strong)} />
          <Tile name="Looked at, not decided" value={number(summary.data.looked)} />
          <Tile name="Judged up to" value={summary.data.judged?.day ?? 'never'} />
        </Tiles>
      )}
      {summary.data?.waits && <Notice tone="warn">{`Nothing newer can be judged: ${summary.data.waits}.`}</Notice>}
      {channels.data && active.length === 0 && <First onDone={() => setTab('channels')} />}
      <Weeks department={department} name={departments.data?.departments.find(one => String(one.id) === department)?.name} />
      <Tabs selectedKey={tab} onSelectionChange={key => setTab(String(key))} className="tabs">
        <TabList aria-label="What to show" className="tab-list">
          <Tab id="signals" className="tab">Signals</Tab>
          <Tab id="channels" className="tab">Approved channels</Tab>
          <Tab id="imports" className="tab">What was brought in</Tab>
        </TabList>
        <TabPanel id={tab} className="tab-panel">
          {tab === 'channels' ? <Channels list={channels.data?.channels} loading={channels.loading} /> : tab === 'imports' ? <Imports /> : <List departments={departments.data?.departments ?? []} judged={summary.data?.judged !== null} />}
        </TabPanel>
      </Tabs>
      {bringing && <BringCounts channels={active} onClose={() => setBringing(false)} />}
    </>
  )
}

/** No channel yet: what to do first. */
function First({ onDone }: { onDone: () => void }) {
  const can = useCan()
  const [adding, setAdding] = useState(false)
  return (
    <Panel>
      <Empty title="No approved channel is named yet" actions={can('signal:write') && <Button tone="primary" icon="plus" onPress={() => setAdding(true)}>Name a channel …</Button>}>
        Name where people are to talk (a chat with an archive, the mail archive), and bring in how many messages each person sent there a day. After five weeks of working days, silence there can be told.
      </Empty>
      {adding && <AddChannel onClose={made => { setAdding(false); if (made) onDone() }} />}
    </Panel>
  )
}

function Weeks({ department, name }: { department: string | undefined; name: string | undefined }) {
  const list = useQuery<SignalWeeks>('/signals/weeks', { department, weeks: 26 }, { topics: TOPICS, keep: true })
  const points = useMemo(() => (list.data?.weeks ?? []).map(one => ({ at: one.week, approved: one.approved, flows: one.flows, stopped: one.stopped })), [list.data])
  if (!list.data || points.every(one => one.approved === null && one.flows + one.stopped === 0)) return null
  const known = points.filter(one => one.approved !== null)
  const services = list.data.services
  return (
    <TwoRows title={name ? `By week: ${name}` : 'By week'} unit="Week" points={points}
      summary={`${plural(known.reduce((sum, one) => sum + (one.approved ?? 0), 0), 'message')} on approved channels in ${plural(known.length, 'week')}; ${plural(points.reduce((sum, one) => sum + one.flows, 0), 'connection')} of public IM were let through${services.length > 0 ? ` (${services.slice(0, 4).join(', ')}${services.length > 4 ? ` and ${services.length - 4} more` : ''})` : ''}. Weeks begin on Mondays; the last one is not over.`} />
  )
}

function List({ departments, judged }: { departments: readonly Department[]; judged: boolean }) {
  const { filter } = useFilter()
  const { range: _span, ...rest } = filter
  const pages = usePages<SignalRow, SignalPage>('/signals', { ...rest, limit: 50 }, page => page.signals, { topics: TOPICS, keep: true })
  const columns: Column<SignalRow>[] = [
    { id: 'label', name: 'Person', cell: one => one.label, always: true },
    { id: 'level', name: 'Signal', cell: one => <LevelBadge level={one.level} />, sort: one => one.level },
    { id: 'state', name: 'State', cell: one => <><StateBadge state={one.state} />{!one.going_on && <span className="muted small"> over</span>}</> },
    { id: 'department', name: 'Department', cell: one => one.department ?? '', sort: one => one.department },
    { id: 'seen', name: 'Approved messages', cell: one => <span className="nowrap">{number(one.seen)} <span className="muted small">of some {number(one.expected)}</span></span>, sort: one => one.seen, align: 'end' },
    { id: 'flows', name: 'Public IM', cell: one => number(one.flows), sort: one => one.flows, align: 'end' },
    { id: 'days', name: 'Days', cell: one => <span className="nowrap">{one.first} – {one.last.slice(5)}</span> },
    { id: 'excepted', name: 'Exception', cell: one => (one.excepted ? 'yes' : ''), extra: true },
    { id: 'created', name: 'Raised', cell: one => <Time at={one.created} />, extra: true },
  ]
  return (
    <>
      <FilterBar range={false} search="Pseudonym" fields={[
        { name: 'state', label: 'State', options: Object.entries(STATES).map(([id, one]) => ({ id, name: one.name })) },
        { name: 'level', label: 'Strength', options: Object.entries(LEVELS).map(([id, one]) => ({ id, name: one.name })) },
        { name: 'department', label: 'Department', options: departments.map(one => ({ id: String(one.id), name: one.name })), single: true },
        { name: 'going_on', label: 'Still silent', flag: true },
      ]} />
      <Panel flush>
        <DataTable label="Signals" rows={pages.loading ? undefined : pages.rows} columns={columns} rowKey={one => one.id} href={one => `/off-channel?show=${one.id}`} choose="signals"
          loading={pages.loading} error={pages.error} onRetry={pages.reload} more={pages.cursor !== null ? pages.more : null} moreBusy={pages.busy} foot={plural(pages.rows.length, 'signal')}
          empty={<Empty title="No signal">{judged ? 'Nobody fell silent on the approved channels while active on public IM, as far as this can be seen.' : 'Nothing was judged yet: it needs counts of twenty-five working days, on all approved channels.'}</Empty>} />
      </Panel>
    </>
  )
}

function Channels({ list, loading }: { list: readonly Channel[] | undefined; loading: boolean }) {
  const can = useCan()
  const [adding, setAdding] = useState(false)
  const [ending, setEnding] = useState<Channel | null>(null)
  const set = useAction(async (id: number, state: Channel['state']) => { await patch(`/signals/channels/${id}`, { state }); return true }, 'signals')
  const columns: Column<Channel>[] = [
    { id: 'name', name: 'Channel', cell: one => <><strong>{one.name}</strong>{one.note && <><br /><span className="muted small">{one.note}</span></>}</>, wide: true },
    { id: 'state', name: 'State', cell: one => (one.state === 'ended' ? <Badge>Ended</Badge> : one.late ? <Badge tone="alert">{one.last === null ? 'Nothing came yet' : 'Late'}</Badge> : <Badge tone="allow">Up to date</Badge>) },
    { id: 'last', name: 'Last day', cell: one => one.last ?? <span className="muted">none</span> },
    { id: 'days', name: 'Days', cell: one => number(one.days), align: 'end' },
    { id: 'people', name: 'People, last day', cell: one => number(one.people), align: 'end' },
    { id: 'messages', name: 'Messages, last day', cell: one => number(one.messages), align: 'end' },
    ...(can('signal:write') ? [{ id: 'act', name: 'Action', always: true as const, cell: (one: Channel) => one.state === 'active' ? <Button small tone="quiet" onPress={() => setEnding(one)}>End …</Button> : <Button small tone="quiet" busy={set.busy} onPress={() => void set.run(one.id, 'active').then(done => done && toast('Taken up again'))}>Take up again</Button> }] : []),
  ]
  return (
    <Panel title="Approved channels" note="Where people are to talk. A day is judged when all of them were brought in for it." flush actions={can('signal:write') && <Button small icon="plus" onPress={() => setAdding(true)}>Name a channel …</Button>}>
      <DataTable label="Approved channels" rows={list} columns={columns} rowKey={one => one.id} loading={loading} empty={<Empty title="No channel is named yet" />} />
      {adding && <AddChannel onClose={() => setAdding(false)} />}
      <Confirm title={`End ${ending?.name ?? ''}`} open={ending !== null} onClose={() => setEnding(null)} act="End it" busy={set.busy} error={set.error} danger onConfirm={() => ending && void set.run(ending.id, 'ended').then(done => { if (done) { setEnding(null); toast('Ended') } })}>
        <p>Its counts stay, and are no longer waited for or judged. People who only wrote there seem to have written nowhere: name the channel that takes its place first.</p>
      </Confirm>
    </Panel>
  )
}

function Imports() {
  const list = usePages<ApprovedImport, { imports: ApprovedImport[]; cursor: string | null }>('/signals/imports', { limit: 50 }, page => page.imports, { topics: TOPICS })
  const columns: Column<ApprovedImport>[] = [
    { id: 'time', name: 'When', cell: one => <Time at={one.time} full seconds={false} /> },
    { id: 'channel', name: 'Channel', cell: one => one.channel_name },
    { id: 'name', name: 'File', cell: one => one.name || (one.source === 'api' ? <span className="muted">by a program</span> : ''), wide: true },
    { id: 'by', name: 'By', cell: one => one.by ?? '' },
    { id: 'days', name: 'Days', cell: one => (one.first === one.last ? one.first : `${one.first} – ${one.last}`) },
    { id: 'people', name: 'People', cell: one => number(one.people), align: 'end' },
    { id: 'messages', name: 'Messages', cell: one => number(one.messages), align: 'end' },
    { id: 'unknown', name: 'Not known', cell: one => number(one.unknown), align: 'end' },
    { id: 'refused', name: 'Bad lines', cell: one => number(one.refused), align: 'end' },
  ]
  return (
    <Panel title="What was brought in" flush>
      <DataTable label="What was brought in" rows={list.loading ? undefined : list.rows} columns={columns} rowKey={one => one.id} loading={list.loading} error={list.error} onRetry={list.reload} more={list.cursor !== null ? list.more : null} moreBusy={list.busy} empty={<Empty title="Nothing yet">“Bring in counts” takes a CSV file; a program can send it with a token.</Empty>} />
    </Panel>
  )
}

// ---- one ----

function One({ id }: { id: string }) {
  const of = useQuery<Signal>(`/signals/${id}`, {}, { topics: TOPICS, keep: true })
  return (
    <Loaded of={of}>
      {one => (
        <>
          <PageHead title={`Signal ${one.id}: ${one.label}`} back={{ href: '/off-channel', name: 'Off-channel' }} lead={`Silent on the approved channels from ${one.first} to ${one.last}${one.going_on ? '' : ', over since'}, while active on public IM.`} actions={<Acts of={one} />} />
          {one.own && <Notice tone="warn">This is about yourself: somebody else decides on it.</Notice>}
          <Grid>
            <Panel title="Why">
              <div className="prose"><ul>{one.reasons.map(text => <li key={text}>{text}</li>)}</ul></div>
            </Panel>
            <Panel title="What it is">
              <Facts of={[['Strength', <LevelBadge key="l" level={one.level} />], ['State', <StateBadge key="s" state={one.state} />], ['Department', one.department], ['Compared with', `${one.peers_of === 'department' ? 'the department' : 'the institution'}, which wrote ${one.peers_percent} % of the usual`], ['Raised', <Time key="t" at={one.created} full seconds={false} />], ['Over', one.ended && <Time key="e" at={one.ended} full seconds={false} />], ['Incident', one.incident && <Link key="i" href={`/incidents/${one.incident.id}`}>{one.incident.title}</Link>]]} />
            </Panel>
          </Grid>
          <TwoRows title="Day by day" unit="Day" peers points={one.days.map(d => ({ at: d.day, approved: d.approved, flows: d.flows, stopped: d.stopped, peers: d.peers, marked: d.day >= one.first && d.day <= one.last }))}
            summary={`${number(one.seen)} approved messages on the newest ${one.window_days} working days, where some ${number(one.expected)} were to be expected; the days of silence are shaded.`} />
          <Grid>
            <Panel title="Public IM in these days" flush>
              <DataTable label="Public IM in these days" rows={one.services} columns={[{ id: 'name', name: 'Service', cell: s => s.name, wide: true }, { id: 'flows', name: 'Let through', cell: s => number(s.flows), align: 'end' }, { id: 'messages', name: 'Messages seen', cell: s => number(s.messages), align: 'end' }, { id: 'stopped', name: 'Stopped', cell: s => number(s.stopped), align: 'end' }]} rowKey={s => s.service} empty={<Empty title="Its sums were removed since">Use by person is kept for a time only.</Empty>} />
            </Panel>
            <Panel title="What was done">
              <ol className="looked plain">{one.steps.map((step, i) => <li key={i}><strong>{STEPS[step.step] ?? step.step}</strong>{step.by && `, ${step.by}`}, <Time at={step.time} full seconds={false} />{step.why && <><br /><span className="muted">{step.why}</span></>}</li>)}</ol>
            </Panel>
          </Grid>
          {one.exceptions.length > 0 && (
            <Panel title="Exceptions in these days" flush>
              <DataTable label="Exceptions in these days" rows={one.exceptions} columns={[{ id: 'id', name: 'Exception', cell: e => `#${e.id}` }, { id: 'what', name: 'For', cell: e => e.what, wide: true }, { id: 'from', name: 'From', cell: e => <Time at={e.from} full seconds={false} /> }, { id: 'until', name: 'Until', cell: e => <Time at={e.until} full seconds={false} /> }]} rowKey={e => e.id} empty={null} />
            </Panel>
          )}
          <Panel title="What it cannot say"><div className="prose"><ul>{one.limits.map(text => <li key={text}>{text}</li>)}</ul></div></Panel>
        </>
      )}
    </Loaded>
  )
}

type Doing = 'looked' | 'dismissed' | 'open' | 'incident' | 'name'
const ASKS: Record<Exclude<Doing, 'incident' | 'name'>, { title: string; act: string; help: string }> = {
  looked: { title: 'Say what you found', act: 'Looked at', help: 'Whom you asked, and what it looks like so far.' },
  dismissed: { title: 'Dismiss this signal', act: 'Dismiss', help: 'Why it is nothing: a new task, leave, another channel that is archived.' },
  open: { title: 'Open it again', act: 'Open again', help: 'What changed.' },
}
function Acts({ of }: { of: Signal }) {
  const can = useCan()
  const [doing, setDoing] = useState<Doing | null>(null)
  const onClose = () => setDoing(null)
  return (
    <>
      {can('reveal:ask') && of.label === of.pseudonym && <Button icon="reveal" onPress={() => setDoing('name')}>Ask for the name …</Button>}
      {of.may.decide && of.state === 'open' && <Button onPress={() => setDoing('looked')}>Looked at …</Button>}
      {of.may.decide && of.state !== 'dismissed' && <Button onPress={() => setDoing('dismissed')}>Dismiss …</Button>}
      {of.may.decide && of.state !== 'open' && <Button onPress={() => setDoing('open')}>Open again …</Button>}
      {of.may.incident && <Button tone="primary" onPress={() => setDoing('incident')}>Take up as an incident …</Button>}
      {doing === 'name' && <AskReveal kind="person" object={String(of.person)} label={of.pseudonym} onClose={onClose} />}
      {doing === 'incident' && <TakeUp of={of} onClose={onClose} />}
      {doing !== null && doing !== 'name' && doing !== 'incident' && <Triage of={of} to={doing} onClose={onClose} />}
    </>
  )
}

function Triage({ of, to, onClose }: { of: Signal; to: Exclude<Doing, 'incident' | 'name'>; onClose: () => void }) {
  const [why, setWhy] = useState('')
  const act = useAction(async () => { await post(`/signals/${of.id}/triage`, { from: of.state, state: to, why: why.trim() }); return true }, 'signals')
  return (
    <Dialog title={ASKS[to].title} open onClose={onClose}>
      <Form onSubmit={() => void act.run().then(done => { if (done) { toast(`${STEPS[to]}`); onClose() } })}>
        <TextBox label="Reason" value={why} onChange={setWhy} required autoFocus rows={3} help={`${ASKS[to].help} It is kept with the signal and in the audit trail.`} error={fieldError(act.error, 'why')} />
        <Failure error={act.error} fields={['why']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button tone="primary" type="submit" busy={act.busy} isDisabled={why.trim().length < 5}>{ASKS[to].act}</Button></Buttons>
      </Form>
    </Dialog>
  )
}

function TakeUp({ of, onClose }: { of: Signal; onClose: () => void }) {
  const [why, setWhy] = useState('')
  const [which, setWhich] = useState('new')
  const [incident, setIncident] = useState('')
  const act = useAction(() => post<Signal>(`/signals/${of.id}/incident`, { why: why.trim(), ...(which === 'old' && { incident: Number(incident) }) }), 'signals')
  return (
    <Dialog title="Take up as an incident" open onClose={onClose}>
      <Form onSubmit={() => void act.run().then(done => { if (done) { toast('Taken up'); if (done.incident) go(`/incidents/${done.incident.id}`) } })}>
        <p>The person is linked to the incident by pseudonym; the signal is decided by it.</p>
        <Select label="Incident" value={which} onChange={setWhich} choices={[{ id: 'new', name: 'A new one' }, { id: 'old', name: 'One that is open', help: 'such as of the same desk' }]} />
        {which === 'old' && <TextInput label="Its number" value={incident} onChange={setIncident} type="number" required error={fieldError(act.error, 'incident')} />}
        <TextBox label="Reason" value={why} onChange={setWhy} required rows={3} help="It becomes the incident’s first note." error={fieldError(act.error, 'why')} />
        <Failure error={act.error} fields={['why', 'incident']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button tone="primary" type="submit" busy={act.busy} isDisabled={why.trim().length < 5 || (which === 'old' && incident === '')}>Take it up</Button></Buttons>
      </Form>
    </Dialog>
  )
}
