// SPDX-License-Identifier: Apache-2.0
// One incident: what happened in order, what to do, who looks at it, and how it ends.
import { useState } from 'react'
import { ApiError, patch, post, remove } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { IncidentDetail, IncidentState } from '../api/types'
import { toast } from '../app/announce'
import { useServiceNames } from '../app/names'
import { Link } from '../app/router'
import { useCan, useMe } from '../app/session'
import { AskReveal } from '../components/ask-reveal'
import { Button, Buttons, Dialog, Failure, fieldError, Form, IconButton, MenuButton, Select, TextBox, TextInput } from '../components/controls'
import { Empty, ErrorState, Facts, Loading, Notice, PageHead, Panel, SeverityBadge, StateBadge, Time, WhoLink } from '../components/page'
import { plural } from '../lib/format'
import { SEVERITIES, STATES } from '../lib/words'

const TOPICS = ['incidents', 'reveals'] as const
const ASSIGNEES = ['accounts'] as const
type LinkOf = IncidentDetail['links'][number]
const leads: Record<LinkOf['kind'], (link: LinkOf) => string> = {
  event: link => `/events/${link.object}`, who: link => `/people/${link.object}`, person: link => `/events?person=${link.object}&range=..`,
  file: link => `/events?sha256=${link.label}&range=..`, incident: link => `/incidents/${link.object}`, // a file's label is its SHA-256
}
const KIND_NAMES: Record<LinkOf['kind'], string> = { event: 'Events', who: 'Clients', person: 'People', file: 'Files', incident: 'Incidents' }
const KIND_NAME: Record<LinkOf['kind'], string> = { event: 'event', who: 'client', person: 'person', file: 'file', incident: 'incident' }
const STEP_TONES: Record<string, string> = { alert: 'block', state: 'accent', assignee: 'accent', severity: 'alert', link: '', note: 'allow' }
const NEXT: Record<IncidentState, IncidentState[]> = { new: ['open', 'contained', 'closed', 'false-alarm'], open: ['contained', 'closed', 'false-alarm'], contained: ['open', 'closed', 'false-alarm'], closed: ['open'], 'false-alarm': ['open'] }

/** Of a change its words: "new -> open", "2 -> 1", "linked: who 4". */
function stepText({ kind, text }: IncidentDetail['timeline'][number], links: readonly LinkOf[]): string {
  if (kind === 'state') return text.split(' -> ').map(one => STATES[one as IncidentState] ?? one).join(' → ')
  if (kind === 'severity') return `Severity: ${text.split(' -> ').map(one => SEVERITIES[Number(one)] ?? one).join(' → ')}`
  if (kind === 'link') return text.replace(/(event|who|person|file|incident) (\d+)$/, (_, what: LinkOf['kind'], object: string) => `${KIND_NAME[what]} ${links.find(one => one.kind === what && String(one.object) === object)?.label ?? object}`)
  return text
}

export default function Incident({ parts }: { parts: Record<string, string> }) {
  const can = useCan()
  const me = useMe()
  const names = useServiceNames()
  const incident = useQuery<IncidentDetail>(`/incidents/${parts['id']}`, {}, { topics: TOPICS })
  const [closing, setClosing] = useState<IncidentState | null>(null)
  const [linking, setLinking] = useState(false)
  const [asking, setAsking] = useState(false)
  const change = useAction(async (what: Record<string, unknown>) => { await patch(`/incidents/${parts['id']}`, { version: incident.data?.version, ...what }); return true }, 'incidents')
  const unlink = useAction(async (one: LinkOf) => { await remove(`/incidents/${parts['id']}/links/${one.kind}/${one.object}`); return true }, 'incidents')
  const back = { href: '/incidents', name: 'Incidents' }
  const one = incident.data
  if (one === undefined) return <><PageHead title="Incident" back={back} />{incident.error ? <ErrorState error={incident.error} onRetry={incident.reload} /> : <Loading rows={6} />}</>
  const write = can('incident:write')
  const over = one.state === 'closed' || one.state === 'false-alarm'
  const set = (what: Record<string, unknown>, said: string) => void change.run(what).then(done => done && toast(said))
  const setState = (state: IncidentState) => (state === 'closed' || state === 'false-alarm' ? setClosing(state) : set({ state }, `Now ${STATES[state].toLowerCase()}`))
  const person = one.who?.person ?? null
  return (
    <>
      <PageHead title={one.title} back={back} lead={<span className="row center tight"><StateBadge state={one.state} /><SeverityBadge severity={one.severity} /><span>#{one.id}, {plural(one.alerts, 'alert')}, the last <Time at={one.last} /></span></span>}
        actions={write && <>
          {one.assignee?.id !== me.account.id && <Button busy={change.busy} onPress={() => set({ assignee: me.account.id, ...(one.state === 'new' && { state: 'open' }) }, 'It is yours')}>Take it</Button>}
          <Assign to={one.assignee?.id ?? null} busy={change.busy} onAssign={(id, name) => set({ assignee: id, ...(id !== null && one.state === 'new' && { state: 'open' }) }, id === null ? 'Nobody has it now' : `Given to ${name}`)} />
          <MenuButton label="Change the severity" button="Severity" entries={Object.entries(SEVERITIES).map(([id, name]) => ({ id, name, chosen: id === String(one.severity) }))} onAction={id => set({ severity: Number(id) }, `Severity is ${SEVERITIES[Number(id)]?.toLowerCase()}`)} />
          <MenuButton label="Change the state" button="State" tone="primary" entries={NEXT[one.state].map(state => ({ id: state, name: state === 'closed' ? 'Close …' : state === 'false-alarm' ? 'False alarm …' : over ? 'Open again' : STATES[state] }))} onAction={state => setState(state as IncidentState)} />
        </>} />
      {change.error && (change.error.status === 409 ? <Notice tone="warn">Somebody else changed this incident meanwhile. <Button small onPress={() => { change.clear(); incident.reload() }}>Show how it is now</Button></Notice> : <Failure error={change.error} />)}
      <div className="grid main-aside">
        <div className="stack">
          {one.advice && !over && <Panel title="What to do"><p className="prose sentence">{one.advice}</p></Panel>}
          {one.outcome && <Panel title="How it ended"><p className="prose">{one.outcome}</p>{one.closed && <p className="muted small"><Time at={one.closed} full /></p>}</Panel>}
          {write && <div className="no-print"><AddNote id={one.id} /></div>}
          <Panel title="Time line">
            <ol className="timeline plain">
              {one.timeline.map((step, i) => (
                <li key={i}>
                  <span className={`timeline-mark ${STEP_TONES[step.kind] ?? ''}`} aria-hidden="true" />
                  <span className="muted small"><Time at={step.time} full />{step.by ? `, ${step.by}` : ''}</span>
                  <div className={step.kind === 'note' ? 'note-text' : 'sentence'}>{step.event !== undefined ? <Link href={`/events/${step.event}`}>{stepText(step, one.links)}</Link> : stepText(step, one.links)}</div>
                </li>
              ))}
            </ol>
          </Panel>
        </div>
        <div className="stack">
          <Panel title="Facts">
            <Facts of={[['Assigned to', one.assignee?.name ?? <span className="muted">nobody</span>], ['Who', <WhoLink who={one.who} />], ['Service', one.service && <Link href={`/catalog/${one.service}`}>{names.get(one.service) ?? one.service}</Link>], ['Detector', one.detector === 'manual' ? 'none, made by hand' : one.detector], ['First', <Time at={one.first} full />], ['Last', <Time at={one.last} full />]]} />
            {person !== null && can('reveal:ask') && <Buttons><Button icon="reveal" onPress={() => setAsking(true)}>Ask for the name …</Button></Buttons>}
          </Panel>
          <Panel title="Linked" actions={write && <Button small tone="quiet" icon="plus" onPress={() => setLinking(true)}>Link …</Button>}>
            <Failure error={unlink.error} />
            {one.links.length === 0 ? <p className="muted">Nothing is linked.</p> : (Object.keys(KIND_NAMES) as LinkOf['kind'][]).filter(kind => one.links.some(link => link.kind === kind)).map(kind => (
              <div key={kind} className="link-group">
                <h3>{KIND_NAMES[kind]}</h3>
                <ul className="plain">
                  {one.links.filter(link => link.kind === kind).map(link => (
                    <li key={link.object} className="link-line">
                      <Link href={leads[kind](link)} className={kind === 'file' ? 'mono break' : ''}>{link.label}</Link>
                      {write && <IconButton label={`Remove the link to ${link.label}`} icon="close" onPress={() => void unlink.run(link).then(done => done && toast('Link removed'))} />}
                    </li>
                  ))}
                </ul>
              </div>
            ))}
          </Panel>
        </div>
      </div>
      {closing && <Close state={closing} busy={change.busy} error={change.error} onClose={() => setClosing(null)} onDone={outcome => void change.run({ state: closing, outcome }).then(done => { if (done) { setClosing(null); toast(closing === 'closed' ? 'Closed' : 'Marked as a false alarm') } })} />}
      {linking && <AddLink id={one.id} onClose={() => setLinking(false)} />}
      {asking && person !== null && one.who && <AskReveal kind="person" object={String(person)} label={one.who.label} incident={one.id} onClose={() => setAsking(false)} />}
      {one.timeline.length === 0 && <Empty title="Nothing has happened yet" />}
    </>
  )
}

/** Give it to somebody who works on incidents, or to nobody. */
function Assign({ to, busy, onAssign }: { to: number | null; busy: boolean; onAssign: (id: number | null, name: string) => void }) {
  const list = useQuery<{ assignees: { id: number; name: string }[] }>('/incidents/assignees', {}, { topics: ASSIGNEES })
  const all = list.data?.assignees ?? []
  return (
    <MenuButton label="Assign the incident" button="Assign" entries={[...all.map(one => ({ id: String(one.id), name: one.name, chosen: one.id === to, disabled: busy })), { id: 'none', name: 'Nobody', chosen: to === null, disabled: busy }]}
      onAction={id => onAssign(id === 'none' ? null : Number(id), all.find(one => String(one.id) === id)?.name ?? '')} />
  )
}
function AddNote({ id }: { id: number }) {
  const [text, setText] = useState('')
  const add = useAction(async () => { await post(`/incidents/${id}/notes`, { text: text.trim() }); return true }, 'incidents')
  return (
    <Panel title="Note">
      <Form label="Add a note" onSubmit={() => void add.run().then(done => { if (done) { setText(''); toast('Note added') } })}>
        <TextBox label="What was found or done" value={text} onChange={setText} rows={3} error={fieldError(add.error, 'text')} />
        <Failure error={add.error} fields={['text']} />
        <Buttons><Button type="submit" busy={add.busy} isDisabled={text.trim() === ''}>Add the note</Button></Buttons>
      </Form>
    </Panel>
  )
}
function Close({ state, busy, error, onClose, onDone }: { state: IncidentState; busy: boolean; error: ApiError | null; onClose: () => void; onDone: (outcome: string) => void }) {
  const [outcome, setOutcome] = useState('')
  return (
    <Dialog title={state === 'closed' ? 'Close this incident' : 'Mark as a false alarm'} open onClose={onClose}>
      <Form onSubmit={() => onDone(outcome.trim())}>
        <TextBox label="Outcome" value={outcome} onChange={setOutcome} required autoFocus help={state === 'closed' ? 'What it was, and what was done about it. An examiner reads this.' : 'Why it was none: it helps to make the detection better.'} error={fieldError(error, 'outcome')} />
        <Failure error={error} fields={['outcome']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button type="submit" tone="primary" busy={busy} isDisabled={outcome.trim() === ''}>{state === 'closed' ? 'Close it' : 'It was a false alarm'}</Button></Buttons>
      </Form>
    </Dialog>
  )
}
function AddLink({ id, onClose }: { id: number; onClose: () => void }) {
  const [kind, setKind] = useState('event')
  const [object, setObject] = useState('')
  const add = useAction(async () => { await post(`/incidents/${id}/links`, { kind, object: kind === 'file' ? object : Number(object) }); return true }, 'incidents')
  return (
    <Dialog title="Link something" open onClose={onClose}>
      <Form onSubmit={() => void add.run().then(done => { if (done) { toast('Linked'); onClose() } })}>
        <Select label="What" value={kind} onChange={setKind} choices={[{ id: 'event', name: 'An event' }, { id: 'who', name: 'A client' }, { id: 'incident', name: 'Another incident' }, { id: 'file', name: 'A file' }]} />
        <TextInput label={kind === 'file' ? 'Its SHA-256' : 'Its number'} value={object} onChange={text => setObject(kind === 'file' ? text.trim().toLowerCase() : text.replace(/\D/g, ''))} required inputMode={kind === 'file' ? 'text' : 'numeric'} mono help={kind === 'file' ? 'It stands on the page of the event that carried it.' : 'The last part of its address in the console.'} error={fieldError(add.error, 'object')} />
        <Failure error={add.error} fields={['object']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button type="submit" tone="primary" busy={add.busy} isDisabled={object === ''}>Link it</Button></Buttons>
      </Form>
    </Dialog>
  )
}
