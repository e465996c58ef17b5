// SPDX-License-Identifier: Apache-2.0
// The institution's people: who is who behind logins, machines and addresses. Names are for administrators.
import { useState } from 'react'
import { post } from '../api/client'
import { useAction, usePages } from '../api/query'
import type { Person } from '../api/types'
import { toast } from '../app/announce'
import { useDepartments } from '../app/names'
import { go, Link } from '../app/router'
import { useCan } from '../app/session'
import { Button, Buttons, Dialog, Failure, fieldError, Form, LinkButton, TextInput } from '../components/controls'
import { FilterBar, useFilter } from '../components/filter-bar'
import { Badge, Empty, PageHead, Panel, Time } from '../components/page'
import { PersonPicker, type Picked } from '../components/person-picker'
import { SyncNow } from '../components/sync'
import { DataTable, type Column } from '../components/table'
import { number } from '../lib/format'

const TOPICS = ['people'] as const
export const PERSON_SOURCES: Record<Person['source'], string> = { ldap: 'Directory', csv: 'CSV file', hand: 'By hand' }
interface Page { people: Person[]; cursor: string | null; total: number }

export default function Directory() {
  const can = useCan()
  const write = can('people:write')
  const departments = useDepartments()
  const { filter } = useFilter()
  const [open, setOpen] = useState<null | 'add' | 'sync'>(null)
  const query = { q: filter['q']?.[0], state: filter['state'] ?? [], department: filter['department']?.[0], limit: 50 }
  const list = usePages<Person, Page>('/people', query, page => page.people, { topics: TOPICS, keep: true })
  const columns: Column<Person>[] = [
    { id: 'name', name: write ? 'Name' : 'Pseudonym', cell: one => one.name ?? <span className="mono">{one.pseudonym}</span>, always: true },
    { id: 'pseudonym', name: 'Pseudonym', cell: one => <span className="mono">{one.pseudonym}</span> },
    { id: 'number', name: 'Number', cell: one => one.number ?? '' },
    { id: 'department', name: 'Department', cell: one => one.department?.name ?? <span className="muted">none</span> },
    { id: 'title', name: 'Title', cell: one => one.title ?? '' },
    { id: 'manager', name: 'Manager', cell: one => (one.manager ? <Link href={`/directory/${one.manager.id}`}>{one.manager.label}</Link> : '') },
    { id: 'state', name: 'State', cell: one => (one.state === 'left' ? <span className="pair"><Badge>Left</Badge>{one.left && <Time at={one.left} />}</span> : <Badge tone="allow">Here</Badge>) },
    { id: 'source', name: 'From', cell: one => PERSON_SOURCES[one.source] },
  ]
  const filtered = Object.keys(filter).some(name => name !== 'range')
  return (
    <>
      <PageHead title="Directory" lead={write ? 'The institution’s people, and by which logins, machines and addresses the network shows them.' : 'The institution’s people, by pseudonym. A name is shown to you where two people agreed to reveal it.'}
        actions={write && <><Button icon="refresh" onPress={() => setOpen('sync')}>Read LDAP now …</Button><LinkButton href="/directory/import" icon="import">From a CSV file</LinkButton><Button tone="primary" icon="plus" onPress={() => setOpen('add')}>Add somebody …</Button></>} />
      <FilterBar range={false} search={write ? 'Search names, numbers, pseudonyms' : 'Search pseudonyms'} fields={[
        { name: 'department', label: 'Department', options: departments, single: true },
        { name: 'state', label: 'State', options: [{ id: 'active', name: 'Here' }, { id: 'left', name: 'Left' }], single: true },
      ]} />
      <Panel flush>
        <DataTable label="Directory" rows={list.loading ? undefined : list.rows} columns={columns} rowKey={one => one.id} href={one => `/directory/${one.id}`} choose="directory" loading={list.loading} error={list.error} onRetry={list.reload}
          foot={list.last ? `${number(list.rows.length)} of ${number(list.last.total)}` : ''} more={list.cursor !== null ? list.more : null} moreBusy={list.busy && !list.loading}
          empty={filtered ? <Empty title="Nobody fits">Take a filter away, or search for another word.</Empty> : <Empty title="Nobody is known yet" actions={write && <><LinkButton href="/directory/import" tone="primary">From a CSV file</LinkButton><LinkButton href="/settings?tab=ldap">Set up LDAP</LinkButton></>}>Bring in the people of the institution: then use can be told by department, and managers see their team.</Empty>} />
      </Panel>
      {open === 'add' && <Add onClose={() => setOpen(null)} />}
      {open === 'sync' && <SyncNow onClose={() => setOpen(null)} />}
    </>
  )
}

const FIELDS = ['name', 'number', 'email', 'title', 'department', 'manager']
function Add({ onClose }: { onClose: () => void }) {
  const add = useAction((body: Record<string, unknown>) => post<Person>('/people', body), 'people')
  return (
    <Dialog title="Add somebody" open onClose={onClose} wide>
      <PersonForm onClose={onClose} act="Add" busy={add.busy} error={add.error} onSave={body => void add.run(Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null && value !== ''))).then(one => { if (one) { toast(`${one.name ?? one.pseudonym} is added`); go(`/directory/${one.id}`) } })} />
    </Dialog>
  )
}
export function PersonForm({ of, onSave, onClose, act, busy, error }: { of?: Person; onSave: (body: Record<string, unknown>) => void; onClose: () => void; act: string; busy: boolean; error: Parameters<typeof fieldError>[0] }) {
  const [name, setName] = useState(of?.name ?? '')
  const [nr, setNr] = useState(of?.number ?? '')
  const [email, setEmail] = useState(of?.email ?? '')
  const [title, setTitle] = useState(of?.title ?? '')
  const [department, setDepartment] = useState(of?.department?.name ?? '')
  const [manager, setManager] = useState<Picked | null>(of?.manager ?? null)
  return (
    <Form label={act} onSubmit={() => name.trim() !== '' && onSave({ name: name.trim(), number: nr.trim() || null, email: email.trim() || null, title: title.trim() || null, department: department.trim() || null, manager: manager?.id ?? null })}>
      <div className="row top">
        <TextInput label="Name" value={name} onChange={setName} required autoFocus maxLength={128} error={fieldError(error, 'name')} />
        <TextInput label="Number" value={nr} onChange={setNr} maxLength={64} help="The institution’s own." error={fieldError(error, 'number')} />
      </div>
      <div className="row top">
        <TextInput label="E-mail" type="email" value={email} onChange={setEmail} maxLength={254} error={fieldError(error, 'email')} />
        <TextInput label="Title" value={title} onChange={setTitle} maxLength={128} error={fieldError(error, 'title')} />
      </div>
      <div className="row top">
        <TextInput label="Department" value={department} onChange={setDepartment} maxLength={128} help="One that is new is made." error={fieldError(error, 'department')} />
        <PersonPicker label="Manager" value={manager} onChange={setManager} error={fieldError(error, 'manager')} />
      </div>
      <Failure error={error} fields={FIELDS} />
      <Buttons><Button onPress={onClose}>Cancel</Button><Button type="submit" tone="primary" busy={busy} isDisabled={name.trim() === ''}>{act}</Button></Buttons>
    </Form>
  )
}
