// SPDX-License-Identifier: Apache-2.0
// One person of the directory: what is known of them, and by what the network shows them.
import { useState } from 'react'
import { patch, post, remove } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { Person } from '../api/types'
import { toast } from '../app/announce'
import { Link } from '../app/router'
import { useCan } from '../app/session'
import { Button, Buttons, Confirm, Dialog, Failure, fieldError, Form, LinkButton, Select, TextInput } from '../components/controls'
import { Badge, Empty, ErrorState, Facts, Grid, Loading, Notice, PageHead, Panel, Time } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { PERSON_SOURCES, PersonForm } from './directory'

const TOPICS = ['people'] as const
type Alias = Person['aliases'][number]
const KINDS: Record<string, { name: string; help: string; example: string }> = {
  user: { name: 'Login', help: 'a login name, without its domain', example: 'anna' },
  host: { name: 'Machine', help: 'the name of a machine', example: 'desk-17' },
  address: { name: 'Address', help: 'an IP address, or a network', example: '10.20.0.17' },
  account: { name: 'Account of a service', help: 'the service, a colon, the name there', example: 'oscar:annie' },
}
const ended = (one: Alias) => one.until !== null && Date.parse(one.until) <= Date.now()

export default function DirectoryPerson({ parts }: { parts: Record<string, string> }) {
  const can = useCan()
  const write = can('people:write')
  const [open, setOpen] = useState<null | 'edit' | 'alias' | 'left'>(null)
  const [ending, setEnding] = useState<Alias | null>(null)
  const path = `/people/${parts['id']}`
  const person = useQuery<Person>(path, {}, { topics: TOPICS })
  const change = useAction((body: Record<string, unknown>) => patch<Person>(path, body), 'people')
  const end = useAction(async (one: Alias) => { await remove(`${path}/aliases`, { kind: one.kind, value: one.value }); return true }, 'people')
  const back = { href: '/directory', name: 'Directory' }
  const one = person.data
  if (one === undefined) return <><PageHead title="Person" back={back} />{person.error ? <ErrorState error={person.error} onRetry={person.reload} /> : <Loading rows={6} />}</>
  const close = () => { change.clear(); setOpen(null) }
  const set = (body: Record<string, unknown>, said: string) => void change.run(body).then(done => { if (done) { setOpen(null); toast(said) } })
  const label = one.name ?? one.pseudonym
  const columns: Column<Alias>[] = [
    { id: 'kind', name: 'Kind', cell: alias => KINDS[alias.kind]?.name ?? alias.kind },
    { id: 'value', name: 'Is', cell: alias => <span className="mono break">{alias.value}</span>, wide: true },
    { id: 'source', name: 'From', cell: alias => PERSON_SOURCES[alias.source as Person['source']] ?? alias.source },
    { id: 'until', name: 'Until', cell: alias => (alias.until ? <Time at={alias.until} full seconds={false} /> : 'now') },
    { id: 'act', name: 'Action', cell: alias => write && !ended(alias) && <Button small tone="danger" onPress={() => setEnding(alias)} aria-label={`End the alias ${alias.value}`}>End it</Button> },
  ]
  return (
    <>
      <PageHead title={label} back={back} lead={<span className="row center tight">{one.state === 'left' ? <Badge>Left</Badge> : <Badge tone="allow">Here</Badge>}<span>{one.department?.name ?? 'No department'}</span></span>}
        actions={<>
          {can('usage:read') && <LinkButton href={`/events?person=${one.id}&range=30d`} icon="events">Their events</LinkButton>}
          {write && (one.state === 'active' ? <Button tone="danger" onPress={() => setOpen('left')}>Has left …</Button> : <Button busy={change.busy} onPress={() => set({ state: 'active' }, `${label} is here again`)}>Is here again</Button>)}
          {write && one.source === 'hand' && <Button icon="edit" onPress={() => setOpen('edit')}>Change …</Button>}
        </>} />
      {open === null && <Failure error={change.error} />}
      {write && one.source !== 'hand' && <Notice>What is known of {label} comes from the {one.source === 'ldap' ? 'directory (LDAP)' : 'CSV file'}: change it there. Aliases can be added here, too.</Notice>}
      <Grid>
        <Panel title="Known of them">
          <Facts of={[['Pseudonym', <span className="mono">{one.pseudonym}</span>], ['Name', one.name], ['Number', one.number], ['E-mail', one.email], ['Title', one.title], ['Department', one.department && <Link href={`/directory?department=${one.department.id}`}>{one.department.name}</Link>], ['Manager', one.manager && <Link href={`/directory/${one.manager.id}`}>{one.manager.label}</Link>], ['From', PERSON_SOURCES[one.source]], ['Joined', <Time at={one.joined} full seconds={false} />], ['Left', one.left && <Time at={one.left} full seconds={false} />]]} />
        </Panel>
        <Panel title="Aliases" note="What the network shows of them. An alias is one person’s at a time." flush actions={write && <Button small icon="plus" onPress={() => setOpen('alias')}>Add …</Button>}>
          <DataTable label={`Aliases of ${label}`} rows={one.aliases} columns={columns} rowKey={alias => `${alias.kind} ${alias.value} ${alias.until}`} empty={<Empty title="No alias">{write ? 'Add a login, a machine or an address: then what the network shows of it is theirs.' : 'So nothing that the network shows is known to be theirs, or it is not shown to you.'}</Empty>} />
        </Panel>
      </Grid>
      {open === 'edit' && <Dialog title={`Change ${label}`} open onClose={close} wide><PersonForm of={one} act="Save" busy={change.busy} error={change.error} onClose={close} onSave={body => set(body, `${label} is changed`)} /></Dialog>}
      {open === 'alias' && <AddAlias path={path} onClose={close} />}
      <Confirm title={`${label} has left`} open={open === 'left'} onClose={close} act="Has left" danger busy={change.busy} error={change.error} onConfirm={() => set({ state: 'left' }, `${label} has left`)}>
        <p>Their aliases end, their account is disabled, their sessions and tokens end. What they did stays.</p>
      </Confirm>
      <Confirm title="End the alias" open={ending !== null} onClose={() => { end.clear(); setEnding(null) }} act="End it" danger busy={end.busy} error={end.error} onConfirm={() => ending && void end.run(ending).then(done => { if (done) { setEnding(null); toast('Alias ended') } })}>
        <p>From now on {ending?.value} is not {label}. What it was until now stays theirs.</p>
      </Confirm>
    </>
  )
}

function AddAlias({ path, onClose }: { path: string; onClose: () => void }) {
  const [kind, setKind] = useState('user')
  const [value, setValue] = useState('')
  const add = useAction(() => post<Person>(`${path}/aliases`, { kind, value: value.trim() }), 'people')
  return (
    <Dialog title="Add an alias" open onClose={onClose}>
      <Form label="Add an alias" onSubmit={() => void add.run().then(done => { if (done) { toast('Alias added'); onClose() } })}>
        <Select label="Kind" value={kind} onChange={setKind} choices={Object.entries(KINDS).map(([id, one]) => ({ id, name: one.name, help: one.help }))} error={fieldError(add.error, 'kind')} />
        <TextInput label={KINDS[kind]?.name ?? 'Value'} value={value} onChange={setValue} required mono maxLength={255} placeholder={KINDS[kind]?.example ?? ''} error={fieldError(add.error, 'value')} />
        <Failure error={add.error} fields={['kind', 'value']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button type="submit" tone="primary" busy={add.busy} isDisabled={value.trim() === ''}>Add it</Button></Buttons>
      </Form>
    </Dialog>
  )
}
