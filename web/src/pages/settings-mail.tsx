// SPDX-License-Identifier: Apache-2.0
// Settings of mail, a test of them, and what waits or was given up.
import { useState } from 'react'
import { post } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { MailRow, MailState, Settings } from '../api/types'
import { toast } from '../app/announce'
import { Button, Buttons, Dialog, Failure, fieldError, Form, Select, Switch, TextBox, TextInput } from '../components/controls'
import { Badge, Empty, ErrorState, Loading, Notice, Panel, Tile, Tiles, Time, type BadgeTone } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { number, plural } from '../lib/format'
import { NumberInput, Part, Secret, settingError, useSave, within } from './settings-parts'

const TOPICS = ['mail'] as const
const PORTS: Record<string, number> = { starttls: 587, tls: 465, plain: 25 }
const STATES: Record<MailRow['state'], { name: string; tone: BadgeTone }> = { waiting: { name: 'Waits', tone: 'alert' }, sent: { name: 'Sent', tone: 'allow' }, failed: { name: 'Given up', tone: 'block' } }

export default function MailSettings({ now, fixed }: { now: Settings; fixed: boolean }) {
  return (
    <div className="stack">
      <Server now={now} fixed={fixed} />
      <Outbox on={now.mail.on} fixed={fixed} />
    </div>
  )
}

function Server({ now, fixed }: { now: Settings; fixed: boolean }) {
  const { password: has, port: first, ...rest } = now.mail
  const [mail, setMail] = useState({ ...rest, security: rest.security || 'starttls', console: rest.console || location.origin })
  const [port, setPort] = useState(String(first || 587))
  const [password, setPassword] = useState<string | null | undefined>(undefined)
  const [testing, setTesting] = useState(false)
  const save = useSave()
  const set = (part: Partial<typeof mail>) => setMail({ ...mail, ...part })
  return (
    <>
      <Part title="Mail" note="By it people hear what they are to sign and learn, and managers who is late. Without, nothing is lost: the console shows it." save={save} fixed={fixed} ready={within(port, 1, 65535)}
        fields={['mail.host', 'mail.port', 'mail.security', 'mail.ca', 'mail.user', 'mail.password', 'mail.from', 'mail.console']}
        what={() => ({ mail: { ...mail, port: Number(port), ...(password !== undefined && { password }) } })}
        more={<Button isDisabled={!now.mail.on} onPress={() => setTesting(true)}>Test what is saved …</Button>}>
        <Switch on={mail.on} onChange={on => set({ on })} disabled={fixed}>Send mail</Switch>
        <div className="row top">
          <TextInput label="Server" value={mail.host} onChange={host => set({ host })} mono disabled={fixed} placeholder="mail.bank.example" error={settingError(save, 'mail.host')} />
          <Select label="Encryption" value={mail.security} onChange={security => { set({ security }); if (Object.values(PORTS).includes(Number(port))) setPort(String(PORTS[security])) }} disabled={fixed} error={settingError(save, 'mail.security')}
            choices={[{ id: 'starttls', name: 'STARTTLS', help: 'usual, port 587' }, { id: 'tls', name: 'TLS', help: 'port 465' }, { id: 'plain', name: 'None', help: 'only without a password' }]} />
          <NumberInput label="Port" unit="number" min={1} max={65535} value={port} onChange={setPort} disabled={fixed} error={settingError(save, 'mail.port')} />
        </div>
        <div className="row top">
          <TextInput label="Signs in as" value={mail.user} onChange={user => set({ user })} mono disabled={fixed} help="Empty: it needs no name." error={settingError(save, 'mail.user')} />
        </div>
        <Secret label="Its password" has={has} value={password} onChange={setPassword} disabled={fixed} error={settingError(save, 'mail.password')} />
        <div className="row top">
          <TextInput label="Mail comes from" type="email" value={mail.from} onChange={from => set({ from })} mono disabled={fixed} placeholder="imward@bank.example" error={settingError(save, 'mail.from')} />
          <TextInput label="Address of the console" value={mail.console} onChange={address => set({ console: address })} mono disabled={fixed} help="Links in mails begin with it." error={settingError(save, 'mail.console')} />
        </div>
        <TextBox label="Certificate authority (PEM)" value={mail.ca} onChange={ca => set({ ca })} mono rows={3} disabled={fixed} help="Empty: the authorities that this machine knows." error={settingError(save, 'mail.ca')} />
        {!fixed && !now.mail.on && <p className="muted small">To test it, turn it on and save first.</p>}
      </Part>
      {testing && <Test from={now.mail.from} onClose={() => setTesting(false)} />}
    </>
  )
}

function Test({ from, onClose }: { from: string; onClose: () => void }) {
  const [to, setTo] = useState(from)
  const test = useAction(() => post<{ ok: boolean }>('/mail/test', { to: to.trim() }))
  return (
    <Dialog title="Send a test mail" open onClose={onClose}>
      <Form label="Send a test mail" onSubmit={() => void test.run().then(done => { if (done) { toast(`The server took a mail to ${to.trim()}`); onClose() } })}>
        <p>It is sent at once, by the settings that are saved. What the server says is shown here.</p>
        <TextInput label="To" type="email" value={to} onChange={setTo} required autoFocus mono error={fieldError(test.error, 'to')} />
        <Failure error={test.error} fields={['to']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button type="submit" tone="primary" busy={test.busy} isDisabled={to.trim() === ''}>Send it</Button></Buttons>
      </Form>
    </Dialog>
  )
}

function Outbox({ on, fixed }: { on: boolean; fixed: boolean }) {
  const state = useQuery<MailState>('/mail', {}, { topics: TOPICS })
  const retry = useAction(() => post<{ waiting: number }>('/mail/retry'), 'mail')
  const columns: Column<MailRow>[] = [
    { id: 'to', name: 'To', cell: one => <span className="mono">{one.to}</span>, always: true },
    { id: 'subject', name: 'Subject', cell: one => one.subject, wide: true },
    { id: 'state', name: 'State', cell: one => <><Badge tone={STATES[one.state].tone}>{STATES[one.state].name}</Badge>{one.error && <div className="muted tiny">{one.error}</div>}</> },
    { id: 'tries', name: 'Tries', cell: one => number(one.tries), align: 'end' },
    { id: 'created', name: 'Put in', cell: one => <Time at={one.created} />, sort: one => one.created },
    { id: 'next', name: 'Sent, or next try', cell: one => (one.sent ? <Time at={one.sent} /> : one.next ? <Time at={one.next} full seconds={false} /> : '') },
  ]
  const data = state.data
  if (data === undefined) return <Panel title="Outbox">{state.error ? <ErrorState error={state.error} onRetry={state.reload} /> : <Loading />}</Panel>
  return (
    <>
      {data.problem && <Notice tone="bad"><strong>Since <Time at={data.problem.time} full seconds={false} /> mail does not go out.</strong> <span className="sentence">{data.problem.text}</span></Notice>}
      {!on && data.waiting > 0 && <Notice tone="warn">{plural(data.waiting, 'mail')} {data.waiting === 1 ? 'waits' : 'wait'} until mail is turned on.</Notice>}
      <Panel title="Outbox" note="The newest hundred. What was sent or given up is removed with old sessions." flush
        actions={<><Button small icon="refresh" busy={state.busy} onPress={state.reload}>Look again</Button>{!fixed && data.failed > 0 && <Button small busy={retry.busy} onPress={() => void retry.run().then(done => done && toast(`${plural(done.waiting, 'mail')} tried again`))}>Try again what was given up</Button>}</>}>
        <Failure error={retry.error} />
        <Tiles label="Mail" few><Tile name="Waits" value={number(data.waiting)} /><Tile name="Sent" value={number(data.sent)} /><Tile name="Given up" value={number(data.failed)} /></Tiles>
        <DataTable label="Outbox" rows={data.mails} columns={columns} rowKey={one => one.id} empty={<Empty title="No mail yet">Reminders and notes stand here from the moment on which they are due.</Empty>} />
      </Panel>
    </>
  )
}
