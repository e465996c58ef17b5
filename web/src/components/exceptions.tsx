// SPDX-License-Identifier: Apache-2.0
// Exceptions from the policy: their words, the dialogs in which they are asked for, decided, ended and closed out, and
// what is known of the risk. The pages are exceptions.tsx, exception.tsx and my-exceptions.tsx.
import { useState } from 'react'
import { post } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { Exception, ExceptionChoices, ExceptionDetail, ExceptionRisk, ExceptionState } from '../api/types'
import { announce, toast } from '../app/announce'
import { go, Link } from '../app/router'
import { useCan } from '../app/session'
import { day, number, plural, time } from '../lib/format'
import { activitiesOf } from '../lib/exceptions'
import { CLASSES, word } from '../lib/words'
import { Button, Buttons, Check, Dialog, Failure, fieldError, Form, Select, TextBox, TextInput } from './controls'
import { Badge, Empty, Facts, Loaded, Notice, type BadgeTone } from './page'
import { TeamPicker, type Picked } from './person-picker'

export const EXCEPTION_STATES: Record<ExceptionState, { name: string; tone: BadgeTone }> = {
  asked: { name: 'Asked', tone: 'alert' }, granted: { name: 'In force', tone: 'allow' }, refused: { name: 'Refused', tone: 'block' },
  withdrawn: { name: 'Withdrawn', tone: 'plain' }, expired: { name: 'Over', tone: 'plain' }, ended: { name: 'Ended', tone: 'plain' },
}
const LEAST = 15 // characters of purpose and benefit, as the server has it
const long = (text: string) => [...text.trim()].length >= LEAST
const dayFrom = (days: number) => day(new Date(Date.now() + days * 86_400_000).toISOString())

export function ExceptionBadge({ of }: { of: Exception }) {
  const state = EXCEPTION_STATES[of.state]
  return (
    <span className="badges">
      {of.kind === 'emergency' && <Badge tone={of.open ? 'block' : 'plain'} {...(of.open && { icon: 'warning' as const })}>Emergency{of.open ? ', open' : ''}</Badge>}
      <Badge tone={state.tone}>{state.name}</Badge>
    </span>
  )
}

/** What the catalog says, what was seen here, and what an assessment came to. */
export function RiskView({ of }: { of: ExceptionRisk }) {
  const can = useCan()
  return (
    <div className="stack">
      {of.risk.length === 0 && of.end_to_end !== true ? <p className="muted">The catalog names no risk of its own.</p> : (
        <ul className="risk-list">
          {of.risk.map(one => <li key={one} className="sentence">{one}</li>)}
          {of.end_to_end === true && <li>What is written is encrypted from end to end: it can be neither checked nor archived here</li>}
        </ul>
      )}
      <Facts of={[
        [`Seen here in ${of.days} days`, of.flows === 0 ? 'no use' : `${plural(of.flows, 'flow')} of ${plural(of.people, 'person', 'people')}`],
        ['Files', of.files > 0 && number(of.files)], ['Alerts', of.alerts > 0 && number(of.alerts)], ['Stopped', of.stopped > 0 && number(of.stopped)],
        ['Assessment', of.assessment === null ? <span className="muted">none yet</span> : <>{can('catalog:read') ? <Link href={`/risks/${of.assessment.id}`}>{of.assessment.title}</Link> : of.assessment.title}{of.assessment.decision && `: ${of.assessment.decision}`}{of.assessment.residual !== null && `, residual risk ${of.assessment.residual} of 25`}</>],
      ]} />
    </div>
  )
}

const ACTS = ['chat', 'file', 'call'] as const
/** Ask for an exception, or start an emergency: what, for whom, why, until when. */
export function AskException({ emergency, onClose, to }: { emergency?: boolean; onClose: () => void; to: (id: number) => string }) {
  const choices = useQuery<ExceptionChoices>('/exceptions/choices')
  return (
    <Dialog title={emergency ? 'Start emergency use' : 'Ask for an exception'} open wide onClose={onClose}>
      <Loaded of={choices} rows={6}>{data => <Ask of={data} emergency={emergency ?? false} onClose={onClose} to={to} />}</Loaded>
    </Dialog>
  )
}
function Ask({ of, emergency, onClose, to }: { of: ExceptionChoices; emergency: boolean; onClose: () => void; to: (id: number) => string }) {
  const whom = [...(of.person && !emergency ? [{ id: 'me', name: 'Myself' }] : []), ...(of.others ? [{ id: 'person', name: 'Somebody' }] : []), ...(of.departments.length > 0 ? [{ id: 'department', name: 'A department' }] : [])]
  const [what, setWhat] = useState<string | null>(null)
  const [acts, setActs] = useState<readonly string[]>([])
  const [who, setWho] = useState(whom[0]?.id ?? '')
  const [person, setPerson] = useState<Picked | null>(null)
  const [department, setDepartment] = useState<string | null>(null)
  const [purpose, setPurpose] = useState('')
  const [benefit, setBenefit] = useState('')
  const [until, setUntil] = useState(dayFrom(Math.min(30, of.most_days)))
  const [hours, setHours] = useState(String(Math.min(4, of.emergency_hours)))
  const [kind, slug] = what?.split(':') ?? []
  const subject = kind === 'class' ? { class: slug } : { service: slug }
  const risk = useQuery<ExceptionRisk>(what === null ? null : '/exceptions/risk', what === null ? {} : subject, { keep: true })
  const act = useAction(() => post<ExceptionDetail>(emergency ? '/exceptions/emergency' : '/exceptions', {
    ...subject, activities: acts, purpose: purpose.trim(), ...(who === 'person' && { person: person?.id }), ...(who === 'department' && { department: Number(department) }),
    ...(emergency ? { hours: Number(hours) } : { benefit: benefit.trim(), until }),
  }), 'exceptions')
  const classes = [...new Set(of.services.map(one => one.class))]
  const ready = what !== null && long(purpose) && (emergency ? Number(hours) > 0 : long(benefit) && until !== '') && (who === 'me' || (who === 'person' && person !== null) || (who === 'department' && department !== null))
  if (whom.length === 0) return <Empty title="There is nobody whom you can ask it for">Your account belongs to nobody in the directory: an administrator can join it to you.</Empty>
  return (
    <Form onSubmit={() => void act.run().then(made => { if (made) { toast(emergency ? 'Emergency use has begun. Close it out when it is over.' : 'Asked. Compliance decides; the answer is here and in a mail.'); onClose(); go(to(made.id)) } })}>
      {emergency && <Notice tone="warn">It starts at once, without a decision before, and is shown to compliance until somebody closes it out with what was said and where that is archived.</Notice>}
      <Select label="Service" value={what} onChange={setWhat} placeholder="Which one …" choices={[...classes.map(one => ({ id: `class:${one}`, name: `All of ${word(CLASSES, one)}` })), ...of.services.map(one => ({ id: `service:${one.service}`, name: one.name }))]} error={fieldError(act.error, 'service') ?? fieldError(act.error, 'class')} />
      <fieldset className="choices"><legend>For what</legend>
        <div className="row center">{ACTS.map(one => <Check key={one} checked={acts.includes(one)} onChange={on => setActs(on ? [...acts, one] : acts.filter(a => a !== one))}>{one === 'chat' ? 'Messages' : one === 'file' ? 'Files' : 'Calls'}</Check>)}</div>
        <span className="help">Nothing marked: all of it.</span>
      </fieldset>
      {whom.length > 1 && <Select label="For whom" value={who} onChange={setWho} choices={whom} />}
      {who === 'person' && <TeamPicker label="Who" value={person} onChange={setPerson} error={fieldError(act.error, 'person')} />}
      {who === 'department' && <Select label="Department" value={department} onChange={setDepartment} choices={of.departments.map(one => ({ id: String(one.id), name: one.name }))} error={fieldError(act.error, 'department')} />}
      <TextBox label={emergency ? 'What happens, and why it cannot wait' : 'Purpose'} value={purpose} onChange={setPurpose} required rows={3} help="Which business needs it, with whom; at least 15 characters." error={fieldError(act.error, 'purpose')} />
      {!emergency && <TextBox label="Benefit" value={benefit} onChange={setBenefit} required rows={3} help="What is gained, and why the approved channels do not do; at least 15 characters." error={fieldError(act.error, 'benefit')} />}
      {emergency ? <TextInput label="Hours" type="number" value={hours} onChange={setHours} required help={`At most ${of.emergency_hours}`} error={fieldError(act.error, 'hours')} />
        : <TextInput label="Until" type="date" value={until} onChange={setUntil} required help={`At most ${of.most_days} days, to ${dayFrom(of.most_days)}. Then it ends by itself.`} error={fieldError(act.error, 'until')} />}
      {risk.data && <section className="panel sunken" aria-label="What is known of the risk"><h3>What is known of the risk</h3><RiskView of={risk.data} /></section>}
      <Failure error={act.error} fields={['service', 'class', 'person', 'department', 'purpose', 'benefit', 'until', 'hours']} />
      <Buttons><Button onPress={onClose}>Cancel</Button><Button type="submit" tone={emergency ? 'danger' : 'primary'} busy={act.busy} isDisabled={!ready}>{emergency ? 'Start it now' : 'Ask'}</Button></Buttons>
    </Form>
  )
}

/** Grant or refuse; the risk stands beside it, as it was when it was asked for. */
export function DecideException({ of, name, onClose }: { of: ExceptionDetail; name: string; onClose: () => void }) {
  const [why, setWhy] = useState('')
  const [until, setUntil] = useState(day(new Date(Date.parse(of.until) - 1000).toISOString()))
  const asked = day(new Date(Date.parse(of.until) - 1000).toISOString())
  const act = useAction(async (grant: boolean) => { await post(`/exceptions/${of.id}/decision`, { grant, why: why.trim(), ...(grant && until !== asked && { until }) }); return true }, 'exceptions')
  const run = (grant: boolean) => void act.run(grant).then(done => { if (done) { toast(grant ? 'Granted' : 'Refused'); onClose() } })
  return (
    <Dialog title={`${name} for ${of.who.label}?`} open wide onClose={onClose}>
      <Form onSubmit={() => {}}>
        <Facts of={[['Asked by', of.asked_by], ['For what', activitiesOf(of.activities)], ['Purpose', of.purpose], ['Benefit', of.benefit]]} />
        <section className="panel sunken" aria-label="What is known of the risk"><h3>What is known of the risk</h3><RiskView of={of.risk} /></section>
        <TextBox label="Why you decide so" value={why} onChange={setWhy} rows={3} autoFocus help="Who asked reads it. A refusal needs a reason." error={fieldError(act.error, 'why')} />
        <TextInput label="If granted, until" type="date" value={until} onChange={setUntil} help={`Asked for until ${asked}`} error={fieldError(act.error, 'until')} />
        <Failure error={act.error} fields={['why', 'until']} />
        <Buttons>
          <Button tone="danger" busy={act.busy} isDisabled={why.trim().length < 3} onPress={() => run(false)}>Refuse</Button>
          <Button tone="primary" busy={act.busy} isDisabled={until === ''} onPress={() => run(true)}>Grant</Button>
        </Buttons>
      </Form>
    </Dialog>
  )
}

/** Withdraw what is asked, end what is in force. */
export function EndException({ of, onClose }: { of: Exception; onClose: () => void }) {
  const asked = of.state === 'asked'
  const [why, setWhy] = useState('')
  const act = useAction(async () => { await post(`/exceptions/${of.id}/end`, { why: why.trim() }); return true }, 'exceptions')
  return (
    <Dialog title={asked ? 'Withdraw this request' : 'End this exception'} open onClose={onClose}>
      <Form onSubmit={() => void act.run().then(done => { if (done) { toast(asked ? 'Withdrawn' : 'Ended'); onClose() } })}>
        <p>{asked ? 'Nobody decides on it any more. You can ask again.' : 'From now on the rules of the policy decide again, on every gateway within seconds.'}</p>
        <TextBox label="Why" value={why} onChange={setWhy} required={!asked} autoFocus rows={3} error={fieldError(act.error, 'why')} />
        <Failure error={act.error} fields={['why']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button type="submit" tone="danger" busy={act.busy} isDisabled={!asked && why.trim().length < 3}>{asked ? 'Withdraw' : 'End it'}</Button></Buttons>
      </Form>
    </Dialog>
  )
}

/** What was said in an emergency, and where that is kept: an examiner reads it. */
export function CloseOut({ of, onClose }: { of: Exception; onClose: () => void }) {
  const [said, setSaid] = useState('')
  const [archived, setArchived] = useState('')
  const act = useAction(async () => { await post(`/exceptions/${of.id}/close`, { said: said.trim(), archived: archived.trim() }); return true }, 'exceptions')
  const running = of.state === 'granted' && Date.parse(of.until) > Date.now()
  return (
    <Dialog title="Close out emergency use" open onClose={onClose}>
      <Form onSubmit={() => void act.run().then(done => { if (done) { toast('Closed out'); announce('The emergency is closed out'); onClose() } })}>
        {running && <Notice tone="warn">It runs until {time(of.until, false)}. Closing it out ends it now.</Notice>}
        <TextBox label="What was said" value={said} onChange={setSaid} required autoFocus rows={4} help="With whom, about what, what was agreed; at least 15 characters. Not the messages themselves: those go to the archive." error={fieldError(act.error, 'said')} />
        <TextBox label="Where it is archived" value={archived} onChange={setArchived} required rows={2} help="So that somebody else finds it: the archive and its number, the case, the folder." error={fieldError(act.error, 'archived')} />
        <Failure error={act.error} fields={['said', 'archived']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button type="submit" tone="primary" busy={act.busy} isDisabled={!long(said) || archived.trim().length < 3}>Close it out</Button></Buttons>
      </Form>
    </Dialog>
  )
}
