// SPDX-License-Identifier: Apache-2.0
// Incidents: alerts that belong together, to be looked at by somebody.
import { useState } from 'react'
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components/Tabs'
import { post } from '../api/client'
import { useAction, usePages } from '../api/query'
import type { IncidentRow, IncidentState } from '../api/types'
import { toast } from '../app/announce'
import { useServiceNames } from '../app/names'
import { go } from '../app/router'
import { useCan, useMe } from '../app/session'
import { Button, Buttons, Dialog, Failure, fieldError, Form, Select, TextBox, TextInput } from '../components/controls'
import { FilterBar, useFilter } from '../components/filter-bar'
import { Empty, PageHead, Panel, SeverityBadge, StateBadge, Time, WhoLink } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { withOnly } from '../lib/filter'
import { number, plural } from '../lib/format'
import { SEVERITIES, STATES } from '../lib/words'

const TOPICS = ['incidents'] as const
interface Page { incidents: IncidentRow[]; cursor: string | null; counts: Partial<Record<IncidentState, number>> }
const rowsOf = (page: Page) => page.incidents
const TABS: { id: string; name: string; states: IncidentState[] }[] = [
  { id: '', name: 'To do', states: ['new', 'open', 'contained'] },
  { id: 'new', name: 'New', states: ['new'] },
  { id: 'open', name: 'Open', states: ['open'] },
  { id: 'contained', name: 'Contained', states: ['contained'] },
  { id: 'closed', name: 'Closed', states: ['closed'] },
  { id: 'false-alarm', name: 'False alarms', states: ['false-alarm'] },
]

export default function Incidents() {
  const can = useCan()
  const me = useMe()
  const names = useServiceNames()
  const { filter, setFilter } = useFilter()
  const [marked, setMarked] = useState<ReadonlySet<string | number>>(new Set())
  const [making, setMaking] = useState(false)
  const [merging, setMerging] = useState(false)
  const tab = filter['state']?.[0] ?? ''
  const { range: _span, ...rest } = filter
  const states = TABS.find(one => one.id === tab)?.states ?? [tab as IncidentState]
  const pages = usePages<IncidentRow, Page>('/incidents', { ...rest, state: states, limit: 50 }, rowsOf, { topics: TOPICS, keep: true })
  const counts = pages.last?.counts
  const columns: Column<IncidentRow>[] = [
    { id: 'title', name: 'Incident', cell: one => one.title, wide: true, always: true },
    { id: 'severity', name: 'Severity', cell: one => <SeverityBadge severity={one.severity} />, sort: one => one.severity },
    { id: 'state', name: 'State', cell: one => <StateBadge state={one.state} /> },
    { id: 'service', name: 'Service', cell: one => (one.service ? (names.get(one.service) ?? one.service) : '') },
    { id: 'who', name: 'Who', cell: one => <WhoLink who={one.who} /> },
    { id: 'assignee', name: 'Assigned to', cell: one => one.assignee?.name ?? <span className="muted">nobody</span> },
    { id: 'alerts', name: 'Alerts', cell: one => number(one.alerts), sort: one => one.alerts, align: 'end' },
    { id: 'first', name: 'First', cell: one => <Time at={one.first} />, extra: true },
    { id: 'last', name: 'Last', cell: one => <Time at={one.last} />, sort: one => one.last },
  ]
  return (
    <>
      <PageHead title="Incidents" lead="Alerts that belong together, to be looked at, decided, and closed." actions={can('incident:write') && <>
        {marked.size > 1 && <Button onPress={() => setMerging(true)}>{`Merge ${marked.size} …`}</Button>}
        <Button tone="primary" icon="plus" onPress={() => setMaking(true)}>New incident …</Button>
      </>} />
      <Tabs selectedKey={tab || 'todo'} onSelectionChange={key => setFilter(withOnly(filter, 'state', key === 'todo' ? '' : String(key)))} className="tabs">
        <TabList aria-label="State" className="tab-list">
          {TABS.map(one => <Tab key={one.id} id={one.id || 'todo'} className="tab">{one.name}<span className="muted small">{counts ? number(one.states.reduce((sum, state) => sum + (counts[state] ?? 0), 0)) : ''}</span></Tab>)}
        </TabList>
        <TabPanel id={tab || 'todo'} className="tab-panel">
          <FilterBar range={false} search="Search titles" fields={[
            { name: 'severity', label: 'Severity', options: Object.entries(SEVERITIES).map(([id, name]) => ({ id, name })) },
            { name: 'assignee', label: 'Assigned to', options: [{ id: String(me.account.id), name: 'Me' }, { id: 'none', name: 'Nobody' }], single: true },
          ]} views="incidents" />
          <Panel flush>
            <DataTable label="Incidents" rows={pages.loading ? undefined : pages.rows} columns={columns} rowKey={one => one.id} href={one => `/incidents/${one.id}`} choose="incidents"
              loading={pages.loading} error={pages.error} onRetry={pages.reload} more={pages.cursor !== null ? pages.more : null} moreBusy={pages.busy} foot={plural(pages.rows.length, 'incident')}
              selected={can('incident:write') ? marked : undefined} onSelect={setMarked} rowName={one => `Mark ${one.title}`}
              empty={<Empty title={tab === '' ? 'Nothing to do' : 'No incident here'}>Incidents are made of alerts as they come, or by hand.</Empty>} />
          </Panel>
        </TabPanel>
      </Tabs>
      {making && <NewIncident onClose={() => setMaking(false)} />}
      {merging && <Merge of={pages.rows.filter(one => marked.has(one.id))} onClose={done => { setMerging(false); if (done) setMarked(new Set()) }} />}
    </>
  )
}

export function NewIncident({ onClose, events }: { onClose: () => void; events?: number[] }) {
  const [title, setTitle] = useState('')
  const [severity, setSeverity] = useState('2')
  const [note, setNote] = useState('')
  const make = useAction(() => post<{ id: number }>('/incidents', { title: title.trim(), severity: Number(severity), ...(note.trim() && { note: note.trim() }), ...(events && { events }) }), 'incidents')
  return (
    <Dialog title="New incident" open onClose={onClose}>
      <Form onSubmit={() => void make.run().then(made => { if (made) { toast('Incident made'); go(`/incidents/${made.id}`) } })}>
        <TextInput label="Title" value={title} onChange={setTitle} required autoFocus maxLength={200} error={fieldError(make.error, 'title')} />
        <Select label="Severity" value={severity} onChange={setSeverity} choices={Object.entries(SEVERITIES).map(([id, name]) => ({ id, name }))} />
        <TextBox label="Note" value={note} onChange={setNote} help="What is known, and what is to be done." error={fieldError(make.error, 'note')} />
        <Failure error={make.error} fields={['title', 'note']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button type="submit" tone="primary" busy={make.busy} isDisabled={title.trim() === ''}>Make it</Button></Buttons>
      </Form>
    </Dialog>
  )
}

function Merge({ of, onClose }: { of: IncidentRow[]; onClose: (done: boolean) => void }) {
  const [into, setInto] = useState(String(of[0]?.id ?? ''))
  const merge = useAction(async () => { await post('/incidents/merge', { into: Number(into), from: of.map(one => one.id).filter(id => String(id) !== into) }); return true }, 'incidents')
  return (
    <Dialog title="Merge incidents" open onClose={() => onClose(false)}>
      <Form onSubmit={() => void merge.run().then(done => { if (done) { toast('Merged'); onClose(true); go(`/incidents/${into}`) } })}>
        <p>The alerts, notes and links of the others go to one incident; the others are closed and point to it.</p>
        <Select label="The one that stays" value={into} onChange={setInto} choices={of.map(one => ({ id: String(one.id), name: `#${one.id} ${one.title}`, help: `${STATES[one.state]}, ${plural(one.alerts, 'alert')}` }))} />
        <Failure error={merge.error} />
        <Buttons><Button onPress={() => onClose(false)}>Cancel</Button><Button type="submit" tone="primary" busy={merge.busy}>Merge</Button></Buttons>
      </Form>
    </Dialog>
  )
}
