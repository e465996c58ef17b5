// SPDX-License-Identifier: Apache-2.0
// Settings. Each part is saved by itself, with a proof of who it is; whoever may only read them sees them as they are.
import { lazy, Suspense, useState } from 'react'
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components/Tabs'
import { post } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { Role, Settings, Synced } from '../api/types'
import { useCan } from '../app/session'
import { Button, Check, Drop, Failure, IconButton, Progress, Select, Switch, TextBox, TextInput } from '../components/controls'
import { useWord } from '../components/filter-bar'
import { Loaded, Loading, Notice, PageHead } from '../components/page'
import { number } from '../lib/format'
import { ROLE_ORDER } from '../lib/permissions'
import { issuerProblem, ldapProblem, mapOf, rowsOf, type MapRow } from '../lib/settings'
import { ROLES } from '../lib/words'
import { NumberInput, Part, Secret, settingError, useSave, within } from './settings-parts'

const MailSettings = lazy(() => import('./settings-mail'))
const TOPICS = ['settings'] as const
const PARTS = [['general', 'Institution and signing in'], ['retention', 'Retention'], ['ldap', 'LDAP'], ['oidc', 'OpenID Connect'], ['mail', 'Mail']] as const

export default function SettingsPage() {
  const can = useCan()
  const [tab, setTab] = useWord('tab', 'general')
  const settings = useQuery<Settings>('/settings', {}, { topics: TOPICS })
  const fixed = !can('setting:write')
  return (
    <>
      <PageHead title="Settings" lead={fixed ? 'How the console is set up. Administrators change it.' : 'Each part is saved by itself. What was changed, and by whom, is in the audit trail.'} />
      <Loaded of={settings} rows={8}>
        {now => (
          <Tabs className="tabs" selectedKey={tab} onSelectionChange={key => setTab(String(key))}>
            <TabList className="tab-list" aria-label="Parts of the settings">{PARTS.map(([id, name]) => <Tab key={id} id={id} className="tab">{name}</Tab>)}</TabList>
            <TabPanel id="general" className="tab-panel"><General now={now} fixed={fixed} /></TabPanel>
            <TabPanel id="retention" className="tab-panel"><Kept now={now} fixed={fixed} /></TabPanel>
            <TabPanel id="ldap" className="tab-panel"><Ldap now={now} fixed={fixed} /></TabPanel>
            <TabPanel id="oidc" className="tab-panel"><Oidc now={now} fixed={fixed} /></TabPanel>
            <TabPanel id="mail" className="tab-panel"><Suspense fallback={<Loading rows={8} />}><MailSettings now={now} fixed={fixed} /></Suspense></TabPanel>
          </Tabs>
        )}
      </Loaded>
    </>
  )
}

function General({ now, fixed }: { now: Settings; fixed: boolean }) {
  const [institution, setInstitution] = useState(now.institution)
  const [roles, setRoles] = useState<readonly Role[]>(now.second_factor)
  const [idle, setIdle] = useState(String(now.session.idle_minutes))
  const [hours, setHours] = useState(String(now.session.hours))
  const [approvals, setApprovals] = useState(String(now.documents.approvals))
  const a = useSave()
  const b = useSave()
  const c = useSave()
  const d = useSave()
  return (
    <>
      <Part title="Institution" save={a} what={() => ({ institution: institution.trim() })} fields={['institution']} fixed={fixed}>
        <TextInput label="Name of the institution" value={institution} onChange={setInstitution} maxLength={120} disabled={fixed} help="Stands on the sign-in page." error={settingError(a, 'institution')} />
      </Part>
      <Part title="Second factor" note="Who must have one. Whoever has none yet sets it up at the next sign-in." save={b} what={() => ({ second_factor: roles })} fields={['second_factor']} fixed={fixed}>
        <fieldset className="choices two"><legend>Asked of</legend>
          {ROLE_ORDER.map(role => <Check key={role} checked={roles.includes(role)} disabled={fixed} onChange={on => setRoles(ROLE_ORDER.filter(one => (one === role ? on : roles.includes(one))))}>{ROLES[role]}</Check>)}
        </fieldset>
        {!roles.includes('administrator') && <Notice tone="warn">An administrator makes accounts for others: with a password alone, whoever learns it has all of it.</Notice>}
      </Part>
      <Part title="Sessions" save={c} what={() => ({ session: { idle_minutes: Number(idle), hours: Number(hours) } })} fields={['session.idle_minutes', 'session.hours']} fixed={fixed} ready={within(idle, 1, 1440) && within(hours, 1, 168)}>
        <div className="row top">
          <NumberInput label="Ends when nothing is done for" unit="minutes" min={1} max={1440} value={idle} onChange={setIdle} disabled={fixed} error={settingError(c, 'session.idle_minutes')} />
          <NumberInput label="Ends in any case after" unit="hours" min={1} max={168} value={hours} onChange={setHours} disabled={fixed} error={settingError(c, 'session.hours')} />
        </div>
      </Part>
      <Part title="Documents" note="How many people must agree to a version before it is published. Nobody of them has written it." save={d} what={() => ({ documents: { approvals: Number(approvals) } })} fields={['documents.approvals']} fixed={fixed} ready={within(approvals, 1, 5)}>
        <NumberInput label="Approvals" unit="people" min={1} max={5} value={approvals} onChange={setApprovals} disabled={fixed} error={settingError(d, 'documents.approvals')} />
      </Part>
    </>
  )
}

function Kept({ now, fixed }: { now: Settings; fixed: boolean }) {
  const [events, setEvents] = useState(String(now.retention.events_days))
  const [incidents, setIncidents] = useState(String(now.retention.incidents_days))
  const [sessions, setSessions] = useState(String(now.retention.sessions_days))
  const save = useSave()
  const shorter = Number(events) < now.retention.events_days || Number(incidents) < now.retention.incidents_days
  return (
    <Part title="How long things are kept" note="What is older is removed within the hour, and cannot be brought back. Law and works agreement decide how long that may be." save={save} fixed={fixed}
      what={() => ({ retention: { events_days: Number(events), incidents_days: Number(incidents), sessions_days: Number(sessions) } })} fields={['retention.events_days', 'retention.incidents_days', 'retention.sessions_days']}
      ready={within(events, 1, 36500) && within(incidents, 1, 36500) && within(sessions, 1, 3650)}>
      <NumberInput label="Events and use by client" unit="days" min={1} max={36500} value={events} onChange={setEvents} disabled={fixed} error={settingError(save, 'retention.events_days')} help="Whole days: the lines of sensors, what was used by whom, and what was imported." />
      <NumberInput label="Closed incidents and sums" unit="days" min={1} max={36500} value={incidents} onChange={setIncidents} disabled={fixed} error={settingError(save, 'retention.incidents_days')} help="Incidents since they were closed; sums name nobody." />
      <NumberInput label="Sessions that are over" unit="days" min={1} max={3650} value={sessions} onChange={setSessions} disabled={fixed} error={settingError(save, 'retention.sessions_days')} />
      <p className="muted small">The audit trail is kept for at least {number(now.retention.audit_years)} years, and then goes up to a signed checkpoint.</p>
      {shorter && <Notice tone="warn">That is shorter than now: what is too old by it goes within the hour of saving.</Notice>}
    </Part>
  )
}

/** Names to texts, a row each; where `roles`, the text is a choice of roles. */
function MapEditor({ label, of, onChange, name, value, roles, disabled, example }: { label: string; of: readonly MapRow[]; onChange: (rows: MapRow[]) => void; name: string; value: string; roles?: boolean; disabled: boolean; example: string }) {
  const set = (i: number, row: Partial<MapRow>) => onChange(of.map((one, k) => (k === i ? { ...one, ...row } : one)))
  return (
    <fieldset className="choices"><legend>{label}</legend>
      {of.map((row, i) => (
        <div className="map-row" key={i}>
          <TextInput label={`${name} ${i + 1}`} hideLabel value={row.key} onChange={key => set(i, { key })} mono disabled={disabled} placeholder={example} />
          {roles ? (
            <Drop button={row.value.split(' ').filter(Boolean).map(role => ROLES[role as Role] ?? role).join(', ') || value} label={`${value} of ${row.key || `${name} ${i + 1}`}`}>
              {() => <div className="drop-list">{ROLE_ORDER.map(role => {
                const has = row.value.split(' ').filter(Boolean)
                return <Check key={role} checked={has.includes(role)} disabled={disabled} onChange={on => set(i, { value: ROLE_ORDER.filter(one => (one === role ? on : has.includes(one))).join(' ') })}>{ROLES[role]}</Check>
              })}</div>}
            </Drop>
          ) : <TextInput label={`${value} ${i + 1}`} hideLabel value={row.value} onChange={text => set(i, { value: text })} mono disabled={disabled} placeholder={value} />}
          {!disabled && <IconButton label={`Remove ${row.key || `${name} ${i + 1}`}`} icon="trash" onPress={() => onChange(of.filter((_, k) => k !== i))} />}
        </div>
      ))}
      {of.length === 0 && <p className="muted small">None.</p>}
      {!disabled && <div><Button small icon="plus" onPress={() => onChange([...of, { key: '', value: '' }])}>{/^[AEIOU]/.test(name) ? `Add an ${name.toLowerCase()}` : `Add a ${name.toLowerCase()}`}</Button></div>}
    </fieldset>
  )
}
function Ldap({ now, fixed }: { now: Settings; fixed: boolean }) {
  const { password: has, attributes, roles, sync_hour: hour, ...first } = now.ldap
  const [ldap, setLdap] = useState(first)
  const [password, setPassword] = useState<string | null | undefined>(undefined)
  const [syncHour, setSyncHour] = useState(String(hour))
  const [attributeRows, setAttributeRows] = useState<MapRow[]>(rowsOf(attributes))
  const [roleRows, setRoleRows] = useState<MapRow[]>(rowsOf(roles))
  const save = useSave()
  const test = useAction(() => post<Synced>('/people/sync', undefined, { dry: true }))
  const [result, setResult] = useState<Synced | null>(null)
  const set = (part: Partial<typeof ldap>) => setLdap({ ...ldap, ...part })
  const problem = ldapProblem(ldap)
  return (
    <Part title="The institution’s directory" note="Its people sign in with their own password, and are known by department. LDAP or Active Directory." save={save} fixed={fixed} ready={problem === null && within(syncHour, 0, 23)}
      fields={['ldap.url', 'ldap.bind_dn', 'ldap.base', 'ldap.filter', 'ldap.ca', 'ldap.password']}
      what={() => ({ ldap: { ...ldap, sync_hour: Number(syncHour), attributes: mapOf(attributeRows), roles: mapOf(roleRows), ...(password !== undefined && { password }) } })}
      more={<Button busy={test.busy} isDisabled={!now.ldap.on} onPress={() => { setResult(null); void test.run().then(done => done && setResult(done)) }}>Test what is saved</Button>}>
      <Switch on={ldap.on} onChange={on => set({ on })} disabled={fixed}>Use the directory</Switch>
      <div className="row top">
        <TextInput label="Address" value={ldap.url} onChange={url => set({ url })} mono type="text" disabled={fixed} placeholder="ldaps://directory.bank.example" error={problem ?? settingError(save, 'ldap.url')} />
        <Select label="Kind" value={ldap.kind || 'openldap'} onChange={kind => set({ kind })} disabled={fixed} choices={[{ id: 'openldap', name: 'OpenLDAP or alike' }, { id: 'ad', name: 'Active Directory' }]} />
      </div>
      <Check checked={ldap.start_tls} onChange={start_tls => set({ start_tls })} disabled={fixed}>StartTLS on an ldap:// address</Check>
      {(ldap.plain || ldap.url.startsWith('ldap://')) && <Check checked={ldap.plain} onChange={plain => set({ plain })} disabled={fixed} help="Passwords cross the network for everybody to read. For a test only.">Without TLS</Check>}
      <div className="row top">
        <TextInput label="Signs in as (DN)" value={ldap.bind_dn} onChange={bind_dn => set({ bind_dn })} mono disabled={fixed} placeholder="cn=imward,ou=services,dc=bank,dc=example" help="An account that may only read." error={settingError(save, 'ldap.bind_dn')} />
      </div>
      <Secret label="Its password" has={has} value={password} onChange={setPassword} disabled={fixed} error={settingError(save, 'ldap.password')} />
      <TextInput label="Where people are (base DN)" value={ldap.base} onChange={base => set({ base })} mono disabled={fixed} placeholder="ou=people,dc=bank,dc=example" error={settingError(save, 'ldap.base')} />
      <div className="row top">
        <TextInput label="Filter" value={ldap.filter} onChange={filter => set({ filter })} mono disabled={fixed} help="Empty: all people." error={settingError(save, 'ldap.filter')} />
        <TextInput label="Where groups are (base DN)" value={ldap.group_base} onChange={group_base => set({ group_base })} mono disabled={fixed} help="Empty: as people." />
      </div>
      <MapEditor label="Which groups have which roles" of={roleRows} onChange={setRoleRows} name="Group" value="Roles" roles disabled={fixed} example="cn=compliance,ou=groups,dc=bank,dc=example" />
      <MapEditor label="Attributes that are called otherwise" of={attributeRows} onChange={setAttributeRows} name="Attribute" value="in the directory" disabled={fixed} example="number" />
      <TextBox label="Certificate authority (PEM)" value={ldap.ca} onChange={ca => set({ ca })} mono rows={3} disabled={fixed} help="Empty: the authorities that this machine knows." error={settingError(save, 'ldap.ca')} />
      <Switch on={ldap.sync} onChange={sync => set({ sync })} disabled={fixed}>Read its people every night</Switch>
      {ldap.sync && <NumberInput label="At" unit="o’clock" min={0} max={23} value={syncHour} onChange={setSyncHour} disabled={fixed} error={null} />}
      {test.busy && <Progress label="Asking the directory" part={null} />}
      <Failure error={test.error} />
      {result && <Notice tone="good">The directory answers: {number(result.added + result.changed + result.unchanged)} people. {number(result.added)} would be added, {number(result.changed)} changed, {number(result.left)} would have left. Nothing was changed.</Notice>}
      {!fixed && !now.ldap.on && <p className="muted small">To test it, turn it on and save first.</p>}
    </Part>
  )
}

function Oidc({ now, fixed }: { now: Settings; fixed: boolean }) {
  const { secret: has, roles, ...first } = now.oidc
  const [oidc, setOidc] = useState({ ...first, redirect: first.redirect || `${location.origin}/api/v1/session/oidc/return` })
  const [secret, setSecret] = useState<string | null | undefined>(undefined)
  const [roleRows, setRoleRows] = useState<MapRow[]>(rowsOf(roles))
  const save = useSave()
  const test = useAction(() => post<{ url: string }>('/settings/oidc/test'))
  const [result, setResult] = useState<string | null>(null)
  const set = (part: Partial<typeof oidc>) => setOidc({ ...oidc, ...part })
  const problem = issuerProblem(oidc)
  return (
    <Part title="Sign-in provider" note="Signing in by OpenID Connect: authorization code with PKCE." save={save} fixed={fixed} ready={problem === null} fields={['oidc.issuer', 'oidc.client', 'oidc.redirect', 'oidc.secret', 'oidc.name', 'oidc.ca']}
      what={() => ({ oidc: { ...oidc, roles: mapOf(roleRows), ...(secret !== undefined && { secret }) } })}
      more={<Button busy={test.busy} isDisabled={!now.oidc.on} onPress={() => { setResult(null); void test.run().then(done => done && setResult(done.url)) }}>Test what is saved</Button>}>
      <Switch on={oidc.on} onChange={on => set({ on })} disabled={fixed}>Let people sign in by it</Switch>
      <div className="row top">
        <TextInput label="Name" value={oidc.name} onChange={name => set({ name })} maxLength={80} disabled={fixed} help="On the sign-in page: “Sign in with …”." error={settingError(save, 'oidc.name')} />
        <TextInput label="Issuer" value={oidc.issuer} onChange={issuer => set({ issuer })} mono disabled={fixed} help="The provider's address, beginning with https, as the provider writes it." error={problem ?? settingError(save, 'oidc.issuer')} />
      </div>
      <TextInput label="Client" value={oidc.client} onChange={client => set({ client })} mono disabled={fixed} error={settingError(save, 'oidc.client')} />
      <Secret label="Client secret" has={has} value={secret} onChange={setSecret} disabled={fixed} error={settingError(save, 'oidc.secret')} />
      <TextInput label="Comes back to" value={oidc.redirect} onChange={redirect => set({ redirect })} mono disabled={fixed} help="Enter the same at the provider." error={settingError(save, 'oidc.redirect')} />
      <div className="row top">
        <TextInput label="Scopes" value={oidc.scopes} onChange={scopes => set({ scopes })} mono disabled={fixed} placeholder="openid profile email" />
        <TextInput label="Claim that has the groups" value={oidc.roles_claim} onChange={roles_claim => set({ roles_claim })} mono disabled={fixed} placeholder="groups" />
      </div>
      <MapEditor label="Which groups have which roles" of={roleRows} onChange={setRoleRows} name="Group" value="Roles" roles disabled={fixed} example="imward-compliance" />
      <TextBox label="Certificate authority (PEM)" value={oidc.ca} onChange={ca => set({ ca })} mono rows={3} disabled={fixed} help="Empty: the authorities that this machine knows." error={settingError(save, 'oidc.ca')} />
      {test.busy && <Progress label="Asking the provider" part={null} />}
      <Failure error={test.error} />
      {result && <Notice tone="good">The provider answers. A browser would be sent to {new URL(result).origin}. Whether it knows this client shows when somebody signs in.</Notice>}
      {!fixed && !now.oidc.on && <p className="muted small">To test it, turn it on and save first.</p>}
    </Part>
  )
}
