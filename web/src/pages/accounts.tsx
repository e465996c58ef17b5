// SPDX-License-Identifier: Apache-2.0
// Accounts of others: made, given roles, ended.
import { useState } from 'react'
import { patch, post } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { Account, Person, Role } from '../api/types'
import { toast } from '../app/announce'
import { useMe } from '../app/session'
import { Button, Buttons, Check, Confirm, Dialog, Failure, fieldError, Form, MenuButton, TextInput } from '../components/controls'
import { CopyText } from '../components/copy'
import { PASSWORD_HELP } from '../components/new-password'
import { Badge, Empty, Loading, Notice, PageHead, Panel, Time } from '../components/page'
import { PersonPicker, type Picked } from '../components/person-picker'
import { DataTable, type Column } from '../components/table'
import { day } from '../lib/format'
import { endOfDay, firstPassword, ROLE_MAY, ROLE_ORDER, tooMuch } from '../lib/permissions'
import { ROLES } from '../lib/words'

const TOPICS = ['accounts'] as const
const SOURCES: Record<Account['source'], string> = { local: 'Made here', ldap: 'Directory', oidc: 'Sign-in provider' }
const over = (one: Account) => one.expires !== null && Date.parse(one.expires) <= Date.now()

function State({ of }: { of: Account }) {
  return (
    <span className="badges">
      {of.state === 'disabled' ? <Badge tone="block">Disabled</Badge> : over(of) ? <Badge tone="block">Over</Badge> : <Badge tone="allow">Active</Badge>}
      {of.locked && <Badge tone="alert" icon="warning">Locked</Badge>}
    </span>
  )
}

type Doing = { what: 'add' } | { what: 'edit' | 'reset' | 'disable'; of: Account }
export default function Accounts() {
  const me = useMe()
  const [doing, setDoing] = useState<Doing | null>(null)
  const list = useQuery<{ accounts: Account[]; warnings: string[] }>('/accounts', {}, { topics: TOPICS })
  const change = useAction((id: number, what: Record<string, unknown>) => patch<Account>(`/accounts/${id}`, what), 'accounts')
  const close = () => { change.clear(); setDoing(null) }
  const quick = (one: Account, what: Record<string, unknown>, said: string) => void change.run(one.id, what).then(done => { if (done) { setDoing(null); toast(said) } })
  const columns: Column<Account>[] = [
    { id: 'name', name: 'Account', cell: one => <span className="pair"><strong>{one.name}</strong>{one.id === me.account.id && <Badge tone="accent">You</Badge>}</span>, sort: one => one.name, always: true },
    { id: 'full_name', name: 'Name', cell: one => one.full_name, sort: one => one.full_name },
    { id: 'roles', name: 'Roles', cell: one => <span className="badges">{one.roles.map(role => <Badge key={role}>{ROLES[role] ?? role}</Badge>)}</span> },
    { id: 'state', name: 'State', cell: one => <State of={one} />, sort: one => `${one.state} ${one.locked}` },
    { id: 'factor', name: 'Second factor', cell: one => (one.second_factor ? 'On' : <span className="muted">Off</span>), sort: one => Number(one.second_factor) },
    { id: 'expires', name: 'Ends', cell: one => (one.expires ? <Time at={one.expires} full seconds={false} /> : <span className="muted">—</span>), sort: one => one.expires },
    { id: 'seen', name: 'Last here', cell: one => <Time at={one.seen} />, sort: one => one.seen },
    { id: 'source', name: 'From', cell: one => SOURCES[one.source] },
    { id: 'act', name: 'Actions', cell: one => (
      <MenuButton label={`Actions for ${one.name}`} entries={[
        { id: 'edit', name: 'Change …', icon: 'edit' },
        ...(one.locked ? [{ id: 'unlock', name: 'Unlock', icon: 'key' as const, help: 'Wrong passwords were tried too often' }] : []),
        ...(one.source === 'local' ? [{ id: 'reset', name: 'New password …', icon: 'refresh' as const, help: 'Also takes the second factor away' }] : []),
        ...(one.id === me.account.id ? [] : one.state === 'active' ? [{ id: 'disable', name: 'Disable …', icon: 'close' as const, danger: true }] : [{ id: 'enable', name: 'Enable', icon: 'check' as const }]),
      ]} onAction={id => {
        if (id === 'unlock') quick(one, { locked: false }, `${one.name} is unlocked`)
        else if (id === 'enable') quick(one, { state: 'active' }, `${one.name} is enabled`)
        else setDoing({ what: id as 'edit' | 'reset' | 'disable', of: one })
      }} />
    ), always: true },
  ]
  return (
    <>
      <PageHead title="Accounts" lead="Who may sign in, and what they may do." actions={<Button tone="primary" icon="plus" onPress={() => setDoing({ what: 'add' })}>Add an account …</Button>} />
      {list.data?.warnings.map(text => <Notice key={text} tone="warn">{text}</Notice>)}
      {doing === null && <Failure error={change.error} />}
      <Panel flush>
        <DataTable label="Accounts" rows={list.data?.accounts} columns={columns} rowKey={one => one.id} loading={list.loading} error={list.error} onRetry={list.reload} empty={<Empty title="No account" />} />
      </Panel>
      <RoleTable />
      {doing?.what === 'add' && <Edit onClose={close} />}
      {doing?.what === 'edit' && <Edit of={doing.of} onClose={close} />}
      {doing?.what === 'reset' && <Reset of={doing.of} onClose={close} />}
      <Confirm title={`Disable ${doing?.what === 'disable' ? doing.of.name : ''}`} open={doing?.what === 'disable'} onClose={close} act="Disable" danger busy={change.busy} error={change.error}
        onConfirm={() => doing?.what === 'disable' && quick(doing.of, { state: 'disabled' }, `${doing.of.name} is disabled`)}>
        <p>They are signed out at once, and their tokens no longer work. What they did stays in the audit trail. You can enable the account again.</p>
      </Confirm>
    </>
  )
}

function RoleTable() {
  return (
    <Panel title="What each role may do" flush>
      <DataTable label="Roles" rows={ROLE_ORDER} rowKey={one => one} columns={[{ id: 'role', name: 'Role', cell: one => <strong>{ROLES[one]}</strong> }, { id: 'may', name: 'May', cell: one => ROLE_MAY[one], wide: true }]} empty={<Empty title="No role" />} />
    </Panel>
  )
}

const FIELDS = ['name', 'full_name', 'email', 'roles', 'password', 'expires', 'person']
function Edit({ of, onClose }: { of?: Account; onClose: () => void }) {
  const person = useQuery<Person>(of?.person != null ? `/people/${of.person}` : null)
  if (of?.person != null && person.data === undefined && person.error === null) return <Dialog title={`Change ${of.name}`} open onClose={onClose} wide><Loading /></Dialog>
  const picked = of?.person != null ? { id: of.person, label: person.data?.name ?? person.data?.pseudonym ?? `person ${of.person}` } : null
  return <EditForm {...(of && { of })} picked={picked} onClose={onClose} />
}
function EditForm({ of, picked, onClose }: { of?: Account; picked: Picked | null; onClose: () => void }) {
  const [name, setName] = useState(of?.name ?? '')
  const [fullName, setFullName] = useState(of?.full_name ?? '')
  const [email, setEmail] = useState(of?.email ?? '')
  const [roles, setRoles] = useState<readonly Role[]>(of?.roles ?? [])
  const [password, setPassword] = useState(() => (of ? '' : firstPassword()))
  const [end, setEnd] = useState(of?.expires ? day(of.expires) : '')
  const [person, setPerson] = useState(picked)
  const [made, setMade] = useState<Account | null>(null)
  const outside = of !== undefined && of.source !== 'local'
  const examiner = roles.includes('examiner')
  const save = useAction(async () => {
    const common = { full_name: fullName.trim(), email: email.trim() || null, roles, expires: endOfDay(end), person: person?.id ?? null }
    if (of === undefined) return post<Account>('/accounts', { ...common, name: name.trim(), password })
    const changed = Object.fromEntries(Object.entries(common).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(key === 'expires' && of.expires ? endOfDay(day(of.expires)) : of[key as keyof Account])))
    return patch<Account>(`/accounts/${of.id}`, changed)
  }, 'accounts')
  if (made !== null) return (
    <Dialog title={`${made.name} can sign in`} open onClose={onClose} sure>
      <div className="stack">
        <p>Give this password to {made.full_name} by another way than mail. It must be changed at the first sign-in, and it is not shown again.</p>
        <CopyText text={password} what="the password" />
        <Buttons><Button tone="primary" onPress={onClose}>Done</Button></Buttons>
      </div>
    </Dialog>
  )
  const ready = name.trim() !== '' && fullName.trim() !== '' && roles.length > 0 && (of !== undefined || password.length >= 12) && (!examiner || end !== '')
  const warning = tooMuch(roles)
  return (
    <Dialog title={of ? `Change ${of.name}` : 'Add an account'} open onClose={onClose} wide>
      <Form label={of ? 'Change the account' : 'Add an account'} onSubmit={() => { if (ready) void save.run().then(done => { if (done) { if (of) { toast(`${of.name} is changed`); onClose() } else setMade(done) } }) }}>
        <div className="row top">
          {of === undefined && <TextInput label="Name of the account" value={name} onChange={setName} required autoFocus maxLength={64} autoComplete="off" help="What is typed to sign in: small letters, no spaces." error={fieldError(save.error, 'name')} />}
          <TextInput label="Full name" value={fullName} onChange={setFullName} required maxLength={128} autoComplete="off" error={fieldError(save.error, 'full_name')} />
          <TextInput label="E-mail" type="email" value={email} onChange={setEmail} maxLength={254} autoComplete="off" error={fieldError(save.error, 'email')} />
        </div>
        {outside && <Notice>The roles of this account come from its groups ({SOURCES[of.source].toLowerCase()}): what you set here holds until the next sign-in.</Notice>}
        <fieldset className="choices two"><legend>Roles</legend>
          {ROLE_ORDER.map(role => <Check key={role} checked={roles.includes(role)} onChange={on => setRoles(ROLE_ORDER.filter(one => (one === role ? on : roles.includes(one))))} help={ROLE_MAY[role]}>{ROLES[role]}</Check>)}
        </fieldset>
        {fieldError(save.error, 'roles') && <p className="field-error" role="alert">{save.error?.message}</p>}
        {warning && <Notice tone="warn">{warning}</Notice>}
        <div className="row top">
          <TextInput label={examiner ? 'Last day (examiners have one)' : 'Last day'} type="date" value={end} onChange={setEnd} required={examiner} help={examiner ? 'The end of the examination.' : 'Empty: without an end.'} error={fieldError(save.error, 'expires')} />
          <PersonPicker label="Is this person" value={person} onChange={setPerson} help="Whose use they see as their own, and whose team as a manager." error={fieldError(save.error, 'person')} />
        </div>
        {of === undefined && (
          <div className="row">
            <TextInput label="First password" value={password} onChange={setPassword} required mono autoComplete="off" help={`Must be changed at the first sign-in. ${PASSWORD_HELP}`} error={fieldError(save.error, 'password')} />
            <Button icon="refresh" onPress={() => setPassword(firstPassword())}>Another</Button>
          </div>
        )}
        <Failure error={save.error} fields={FIELDS} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button type="submit" tone="primary" busy={save.busy} isDisabled={!ready}>{of ? 'Save' : 'Add it'}</Button></Buttons>
      </Form>
    </Dialog>
  )
}

function Reset({ of, onClose }: { of: Account; onClose: () => void }) {
  const [password, setPassword] = useState(firstPassword)
  const [done, setDone] = useState(false)
  const reset = useAction(async () => { await post(`/accounts/${of.id}/reset`, { password }); return true }, 'accounts')
  return (
    <Dialog title={`New password for ${of.name}`} open onClose={onClose} sure={done}>
      {done ? (
        <div className="stack">
          <p>Give it to {of.full_name} by another way than mail. It must be changed at the next sign-in, and is not shown again.</p>
          <CopyText text={password} what="the password" />
          <Buttons><Button tone="primary" onPress={onClose}>Done</Button></Buttons>
        </div>
      ) : (
        <Form label="New password" onSubmit={() => void reset.run().then(worked => worked && setDone(true))}>
          <Notice tone="warn">All their sessions end, their second factor is taken away, and they must choose a password of their own at the next sign-in. First make sure that it is them who ask.</Notice>
          <div className="row">
            <TextInput label="New password" value={password} onChange={setPassword} required mono autoComplete="off" error={fieldError(reset.error, 'password')} />
            <Button icon="refresh" onPress={() => setPassword(firstPassword())}>Another</Button>
          </div>
          <Failure error={reset.error} fields={['password']} />
          <Buttons><Button onPress={onClose}>Cancel</Button><Button type="submit" tone="danger" busy={reset.busy} isDisabled={password.length < 12}>Set it</Button></Buttons>
        </Form>
      )}
    </Dialog>
  )
}
