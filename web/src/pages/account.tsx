// SPDX-License-Identifier: Apache-2.0
// My account: password, second factor, where I am signed in, tokens for my programs, and how the console looks.
import { useState } from 'react'
import { post, remove } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { OwnSession, Token } from '../api/types'
import { toast } from '../app/announce'
import { loadSession, signOut, useMe } from '../app/session'
import { setTheme, theme, type Theme } from '../app/theme'
import { Button, Buttons, Check, Confirm, Dialog, Failure, fieldError, Form, Select, TextInput } from '../components/controls'
import { CopyText } from '../components/copy'
import { NewPassword } from '../components/new-password'
import { Badge, Empty, Facts, Grid, Notice, PageHead, Panel, Time } from '../components/page'
import { SecondFactor } from '../components/second-factor'
import { DataTable, type Column } from '../components/table'
import { browserName, ROLE_MAY, SCOPES, scopesOf } from '../lib/permissions'
import { ROLES } from '../lib/words'

const SOURCES = { local: 'made here', ldap: 'from the directory', oidc: 'from the sign-in provider' } as const
const SESSION = ['session'] as const
const TOKENS = ['tokens'] as const

export default function AccountPage() {
  const me = useMe()
  const { account } = me
  return (
    <>
      <PageHead title="My account" lead={`${account.full_name}, ${SOURCES[account.source]}.`} />
      <Grid>
        <Panel title="You">
          <Facts of={[
            ['Account', <span className="mono">{account.name}</span>], ['Name', account.full_name],
            [account.roles.length === 1 ? 'Role' : 'Roles', <ul className="plain stack tight">{account.roles.map(role => <li key={role}><strong>{ROLES[role]}.</strong> {ROLE_MAY[role]}</li>)}</ul>],
            ['Ends', account.expires && <Time at={account.expires} full seconds={false} />],
          ]} />
        </Panel>
        <div className="stack">
          <Secrets />
          <Look />
        </div>
      </Grid>
      <Sessions />
      <Tokens />
    </>
  )
}

function Secrets() {
  const me = useMe()
  const [open, setOpen] = useState<null | 'password' | 'factor' | 'end'>(null)
  const giveUp = useAction(async () => { await remove('/session/totp'); return true }, 'session')
  const local = me.account.source === 'local'
  const done = (said: string) => { setOpen(null); toast(said); void loadSession() }
  return (
    <Panel title="Signing in">
      <div className="stack">
        {local ? (
          <div className="link-line"><span>Password</span><Button icon="key" onPress={() => setOpen('password')}>Change it …</Button></div>
        ) : <Notice>Your password is not kept here: change it where it is, {me.account.source === 'ldap' ? 'in the institution’s directory' : 'at the sign-in provider'}.</Notice>}
        <div className="link-line">
          <span className="pair">Second factor <Badge tone={me.second_factor ? 'allow' : 'alert'}>{me.second_factor ? 'On' : 'Off'}</Badge></span>
          <span className="pair">
            <Button icon="shield" onPress={() => setOpen('factor')}>{me.second_factor ? 'Another device …' : 'Set it up …'}</Button>
            {me.second_factor && <Button tone="danger" onPress={() => { giveUp.clear(); setOpen('end') }}>Give it up …</Button>}
          </span>
        </div>
        <p className="muted small">With a second factor, nobody signs in as you with your password alone. It is a code that changes every half minute, made by a program on your telephone.</p>
      </div>
      <Dialog title="Change the password" open={open === 'password'} onClose={() => setOpen(null)}>
        <NewPassword onDone={() => done('Password changed. Your other sessions have ended.')} onCancel={() => setOpen(null)} />
      </Dialog>
      <Dialog title="Set up a second factor" open={open === 'factor'} onClose={() => setOpen(null)}>
        <SecondFactor onDone={() => done('Second factor is on')} onCancel={() => setOpen(null)} />
      </Dialog>
      <Confirm title="Give up the second factor" open={open === 'end'} onClose={() => setOpen(null)} act="Give it up" danger busy={giveUp.busy} error={giveUp.error}
        onConfirm={() => void giveUp.run().then(gone => { if (gone) done('Second factor is off') })}>
        <p>From then on your password alone signs you in. Where your roles ask for a second factor, you must set up another before you can go on.</p>
      </Confirm>
    </Panel>
  )
}

const THEMES: { id: Theme; name: string }[] = [{ id: 'light', name: 'Light' }, { id: 'dark', name: 'Dark' }, { id: 'system', name: 'As the system has it' }]
function Look() {
  const now = theme.use()
  return (
    <Panel title="Look">
      <Select label="Theme" value={now} onChange={id => setTheme(id as Theme)} choices={THEMES} help="Kept in this browser." />
      <p className="small"><a href="/notices.txt" target="_blank" rel="noopener">Licences of what these pages are made of</a></p>
    </Panel>
  )
}

function Sessions() {
  const [ending, setEnding] = useState<OwnSession | null>(null)
  const list = useQuery<{ sessions: OwnSession[] }>('/session/list', {}, { topics: SESSION })
  const end = useAction(async (id: string) => { await remove(`/session/list/${id}`); return true }, 'session')
  const columns: Column<OwnSession>[] = [
    { id: 'agent', name: 'Browser', cell: one => <span className="pair"><span title={one.agent}>{browserName(one.agent)}</span>{one.current && <Badge tone="accent">This one</Badge>}</span> },
    { id: 'address', name: 'Address', cell: one => <span className="mono">{one.address}</span> },
    { id: 'created', name: 'Signed in', cell: one => <Time at={one.created} full seconds={false} /> },
    { id: 'seen', name: 'Last seen', cell: one => <Time at={one.seen} /> },
    { id: 'act', name: 'Action', cell: one => <Button small tone={one.current ? 'quiet' : 'danger'} onPress={() => (one.current ? void signOut() : setEnding(one))} aria-label={one.current ? 'Sign out here' : `End the session of ${browserName(one.agent)} at ${one.address}`}>{one.current ? 'Sign out' : 'End it'}</Button> },
  ]
  return (
    <Panel title="Where you are signed in" note="Do you not know one of them? End it, and change your password." flush>
      <DataTable label="My sessions" rows={list.data?.sessions} columns={columns} rowKey={one => one.id} loading={list.loading} error={list.error} onRetry={list.reload} empty={<Empty title="No session" />} />
      <Confirm title="End this session" open={ending !== null} onClose={() => setEnding(null)} act="End it" danger busy={end.busy} error={end.error} onConfirm={() => ending && void end.run(ending.id).then(done => { if (done) { setEnding(null); toast('Session ended') } })}>
        <p>{ending && `${browserName(ending.agent)} at ${ending.address}`} is signed out at once.</p>
      </Confirm>
    </Panel>
  )
}

const stateOf = (one: Token) => (one.revoked !== null ? 'Revoked' : Date.parse(one.expires) <= Date.now() ? 'Expired' : 'In use')
function Tokens() {
  const me = useMe()
  const [making, setMaking] = useState(false)
  const [revoking, setRevoking] = useState<Token | null>(null)
  const list = useQuery<{ tokens: Token[] }>('/tokens', {}, { topics: TOKENS })
  const revoke = useAction(async (id: number) => { await remove(`/tokens/${id}`); return true }, 'tokens')
  const scopes = scopesOf(me.permissions)
  const columns: Column<Token>[] = [
    { id: 'name', name: 'Name', cell: one => one.name, sort: one => one.name },
    { id: 'state', name: 'State', cell: one => <Badge tone={stateOf(one) === 'In use' ? 'allow' : 'plain'}>{stateOf(one)}</Badge>, sort: stateOf },
    { id: 'scopes', name: 'May', cell: one => one.scopes.map(scope => SCOPES[scope] ?? scope).join('; '), wide: true },
    { id: 'used', name: 'Last used', cell: one => <Time at={one.used} />, sort: one => one.used },
    { id: 'expires', name: 'Ends', cell: one => <Time at={one.expires} full seconds={false} />, sort: one => one.expires },
    { id: 'act', name: 'Action', cell: one => stateOf(one) === 'In use' && <Button small tone="danger" onPress={() => setRevoking(one)} aria-label={`Revoke ${one.name}`}>Revoke</Button> },
  ]
  return (
    <Panel title="API tokens" note="For programs that read or change what you may read or change. Each use is recorded with the token’s name." flush
      actions={scopes.length > 0 && <Button icon="plus" onPress={() => setMaking(true)}>Make a token …</Button>}>
      <DataTable label="My API tokens" rows={list.data?.tokens} columns={columns} rowKey={one => one.id} loading={list.loading} error={list.error} onRetry={list.reload}
        empty={<Empty title="No token">{scopes.length > 0 ? 'Make one for a program that asks the API: it has only the rights that you give it, and ends by itself.' : 'Your roles have no rights that a program may have.'}</Empty>} />
      {making && <MakeToken scopes={scopes} onClose={() => setMaking(false)} />}
      <Confirm title="Revoke the token" open={revoking !== null} onClose={() => setRevoking(null)} act="Revoke" danger busy={revoke.busy} error={revoke.error} onConfirm={() => revoking && void revoke.run(revoking.id).then(done => { if (done) { setRevoking(null); toast('Token revoked') } })}>
        <p>A program that uses {revoking?.name} is refused at once. It cannot be taken back.</p>
      </Confirm>
    </Panel>
  )
}
function MakeToken({ scopes, onClose }: { scopes: readonly string[]; onClose: () => void }) {
  const [name, setName] = useState('')
  const [days, setDays] = useState('90')
  const [chosen, setChosen] = useState<readonly string[]>([])
  const [made, setMade] = useState<string | null>(null)
  const make = useAction(() => post<Token & { token: string }>('/tokens', { name: name.trim(), scopes: chosen, days: Number(days) }), 'tokens')
  if (made !== null) return (
    <Dialog title="The token" open onClose={onClose} sure>
      <div className="stack">
        <Notice tone="warn">Copy it now: it is shown this once, and only its hash is kept.</Notice>
        <CopyText text={made} what="the token" />
        <p className="small">A program sends it with each request: <code>Authorization: Bearer imw_…</code></p>
        <Buttons><Button tone="primary" onPress={onClose}>I have copied it</Button></Buttons>
      </div>
    </Dialog>
  )
  return (
    <Dialog title="Make a token" open onClose={onClose}>
      <Form label="Make a token" onSubmit={() => void make.run().then(done => done && setMade(done.token))}>
        <TextInput label="Name" value={name} onChange={setName} required autoFocus maxLength={32} help="Of the program or machine that will have it. It stands in the audit trail." error={fieldError(make.error, 'name')} />
        <fieldset className="choices"><legend>It may</legend>
          {scopes.map(one => <Check key={one} checked={chosen.includes(one)} onChange={on => setChosen(on ? [...chosen, one] : chosen.filter(other => other !== one))}>{SCOPES[one]}</Check>)}
        </fieldset>
        <Select label="For" value={days} onChange={setDays} choices={[{ id: '7', name: '7 days' }, { id: '30', name: '30 days' }, { id: '90', name: '90 days' }, { id: '366', name: 'a year' }]} />
        <Failure error={make.error} fields={['name']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button type="submit" tone="primary" busy={make.busy} isDisabled={name.trim() === '' || chosen.length === 0}>Make it</Button></Buttons>
      </Form>
    </Dialog>
  )
}
