// SPDX-License-Identifier: Apache-2.0
// Four eyes: who asked for a name or a text, why, and who decided. What was granted is shown to who asked for it, for a
// limited time, and each look is recorded.
import { useState } from 'react'
import { get, post, remove } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { Reveal } from '../api/types'
import { toast } from '../app/announce'
import { Link } from '../app/router'
import { useCan } from '../app/session'
import { AskReveal } from '../components/ask-reveal'
import { Button, Buttons, Confirm, Dialog, Failure, fieldError, Form, Select, TextBox } from '../components/controls'
import { FilterBar, useFilter } from '../components/filter-bar'
import { Badge, Empty, Facts, Notice, PageHead, Panel, Time, type BadgeTone } from '../components/page'
import { DataTable, type Column } from '../components/table'

const TOPICS = ['reveals'] as const
const STATES: Record<Reveal['state'], { name: string; tone: BadgeTone }> = {
  asked: { name: 'Asked', tone: 'alert' }, granted: { name: 'Granted', tone: 'allow' }, refused: { name: 'Refused', tone: 'block' }, withdrawn: { name: 'Withdrawn', tone: 'plain' },
}
const open = (one: Reveal) => one.state === 'granted' && one.until !== null && Date.parse(one.until) > Date.now()
type Shown = { name: string; login: string | null; email: string | null; department: string | null } | { meta: unknown; text: string }

export default function Reveals() {
  const can = useCan()
  const { filter } = useFilter()
  const [deciding, setDeciding] = useState<Reveal | null>(null)
  const [looking, setLooking] = useState<Reveal | null>(null)
  const [asking, setAsking] = useState(false)
  const [taking, setTaking] = useState<Reveal | null>(null)
  const list = useQuery<{ reveals: Reveal[] }>('/reveals', { state: filter['state'] ?? [] }, { topics: TOPICS, keep: true })
  const withdraw = useAction(async (id: number) => { await remove(`/reveals/${id}`); return true }, 'reveals')
  const columns: Column<Reveal>[] = [
    { id: 'asked', name: 'Asked', cell: one => <Time at={one.asked} />, sort: one => one.asked },
    { id: 'what', name: 'What', cell: one => (one.kind === 'person' ? `Name of ${one.label}` : <span title={one.label}>Text of <span className="mono">{one.label.slice(0, 8)}…</span></span>) },
    { id: 'reason', name: 'Reason', cell: one => <>{one.reason}{one.incident !== null && <> <Link href={`/incidents/${one.incident}`}>#{one.incident}</Link></>}</>, wide: true },
    { id: 'requester', name: 'Asked by', cell: one => (one.mine ? 'you' : one.requester) },
    { id: 'state', name: 'State', cell: one => <><Badge tone={STATES[one.state].tone}>{STATES[one.state].name}</Badge>{open(one) && <span className="muted small"> until <Time at={one.until} full seconds={false} /></span>}</> },
    { id: 'act', name: 'Action', cell: one => (
      <span className="row center tight">
        {one.state === 'asked' && !one.mine && can('reveal:decide') && <Button small onPress={() => setDeciding(one)}>Decide …</Button>}
        {one.mine && open(one) && <Button small tone="primary" onPress={() => setLooking(one)}>Show</Button>}
        {one.mine && (one.state === 'asked' || open(one)) && <Button small tone="quiet" onPress={() => setTaking(one)}>{one.state === 'asked' ? 'Withdraw' : 'End it'}</Button>}
      </span>
    ), always: true },
    { id: 'decider', name: 'Decided by', cell: one => (one.decider === null ? '' : <span title={one.decided_why ?? ''}>{one.decider}{one.decided_why && <span className="muted small">: {one.decided_why}</span>}</span>), wide: true },
  ]
  return (
    <>
      <PageHead title="Four eyes" lead="Names and texts are shown when one person asks with a reason and another one agrees. All of it is in the audit trail."
        actions={can('reveal:ask') && <Button icon="reveal" onPress={() => setAsking(true)}>Ask for a text …</Button>} />
      <FilterBar range={false} fields={[{ name: 'state', label: 'State', options: Object.entries(STATES).map(([id, one]) => ({ id, name: one.name })) }]} />
      <Panel flush>
        <DataTable label="Requests to reveal" rows={list.data?.reveals} columns={columns} rowKey={one => one.id} loading={list.loading} error={list.error} onRetry={list.reload}
          empty={<Empty title="Nothing was asked for">Ask for a name on a person’s page or in an incident; for a text at its flow, or here by its number.</Empty>} />
      </Panel>
      {deciding && <Decide of={deciding} onClose={() => setDeciding(null)} />}
      {looking && <Look at={looking} onClose={() => setLooking(null)} />}
      {asking && <AskReveal kind="text" label="a kept text" onClose={() => setAsking(false)} />}
      <Confirm title={taking?.state === 'granted' ? 'End it' : 'Withdraw the request'} open={taking !== null} onClose={() => setTaking(null)} act={taking?.state === 'granted' ? 'End it' : 'Withdraw'} busy={withdraw.busy} error={withdraw.error} onConfirm={() => taking && void withdraw.run(taking.id).then(done => { if (done) { setTaking(null); toast(taking.state === 'granted' ? 'Ended' : 'Withdrawn') } })}>
        <p>{taking?.state === 'granted' ? 'You need it no longer: it is not shown to you any more.' : 'Nobody is asked to decide on it any more.'} The request stays in the audit trail.</p>
      </Confirm>
    </>
  )
}

function Decide({ of, onClose }: { of: Reveal; onClose: () => void }) {
  const [why, setWhy] = useState('')
  const [hours, setHours] = useState('24')
  const decide = useAction(async (grant: boolean) => { await post(`/reveals/${of.id}/decision`, { grant, why: why.trim(), ...(grant && { hours: Number(hours) }) }); return true }, 'reveals')
  const run = (grant: boolean) => void decide.run(grant).then(done => { if (done) { toast(grant ? 'Granted' : 'Refused'); onClose() } })
  return (
    <Dialog title={of.kind === 'person' ? `Reveal the name of ${of.label}?` : `Reveal the text of ${of.label}?`} open onClose={onClose}>
      <Form onSubmit={() => {}}>
        <Facts of={[['Asked by', of.requester], ['Asked', <Time at={of.asked} full />], ['Reason', of.reason], ['Incident', of.incident !== null && <Link href={`/incidents/${of.incident}`}>#{of.incident}</Link>]]} />
        <TextBox label="Why you decide so" value={why} onChange={setWhy} required autoFocus rows={3} error={fieldError(decide.error, 'why')} />
        <Select label="If granted, shown for" value={hours} onChange={setHours} choices={[{ id: '1', name: '1 hour' }, { id: '8', name: '8 hours' }, { id: '24', name: '1 day' }, { id: '72', name: '3 days' }]} />
        <Failure error={decide.error} fields={['why']} />
        <Buttons>
          <Button tone="danger" busy={decide.busy} isDisabled={why.trim() === ''} onPress={() => run(false)}>Refuse</Button>
          <Button tone="primary" busy={decide.busy} isDisabled={why.trim() === ''} onPress={() => run(true)}>Grant</Button>
        </Buttons>
      </Form>
    </Dialog>
  )
}

function Look({ at, onClose }: { at: Reveal; onClose: () => void }) {
  const [shown, setShown] = useState<Shown | null>(null)
  const look = useAction(() => get<Shown>(`/reveals/${at.id}/shown`))
  return (
    <Dialog title={at.kind === 'person' ? `Who is ${at.label}` : `Text of ${at.label}`} open onClose={onClose}>
      <div className="stack">
        {shown === null ? (
          <>
            <Notice>That you look, and when, is recorded in the audit trail, and the person can see it.</Notice>
            <Failure error={look.error} />
            <Buttons><Button onPress={onClose}>Cancel</Button><Button tone="primary" busy={look.busy} onPress={() => void look.run().then(done => done && setShown(done))}>Show it</Button></Buttons>
          </>
        ) : 'text' in shown ? <pre className="code" tabIndex={0}>{shown.text}</pre> : (
          <Facts of={[['Name', <strong>{shown.name}</strong>], ['Login', shown.login], ['E-mail', shown.email], ['Department', shown.department]]} />
        )}
      </div>
    </Dialog>
  )
}
