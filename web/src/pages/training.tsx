// SPDX-License-Identifier: Apache-2.0
// Who is trained, who owes a course, who is overdue; a manager sees the team. People by page, assignments, and what it changed.
import { useState } from 'react'
import { post, remove } from '../api/client'
import { useAction, usePages, useQuery } from '../api/query'
import type { Assignment, DutyCounts, DutyRow, TrainingEffect, TrainingOverview } from '../api/types'
import { toast } from '../app/announce'
import { Link } from '../app/router'
import { useCan } from '../app/session'
import { AssignCourse } from '../components/assign-course'
import { Button, Buttons, Confirm, Dialog, Failure, fieldError, Form, TextBox, TextInput } from '../components/controls'
import { FilterBar, useFilter } from '../components/filter-bar'
import { Badge, Empty, Loaded, PageHead, Panel, Tile, Tiles, Time } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { day, number, plural } from '../lib/format'
import { DUTY_STATES } from './my-training'

const TOPICS = ['training', 'people'] as const
const share = (of: DutyCounts) => (of.people === 0 ? '—' : `${Math.floor(((of.done + of.renew) * 100) / of.people)} %`)
const COUNTS: Column<{ counts: DutyCounts }>[] = [
  { id: 'people', name: 'People', cell: one => number(one.counts.people), align: 'end', sort: one => one.counts.people },
  { id: 'trained', name: 'Trained', cell: one => share(one.counts), align: 'end', sort: one => (one.counts.people === 0 ? 0 : (one.counts.done + one.counts.renew) / one.counts.people) },
  { id: 'open', name: 'To do', cell: one => number(one.counts.open + one.counts.renew), align: 'end', sort: one => one.counts.open },
  { id: 'overdue', name: 'Overdue', cell: one => number(one.counts.overdue), align: 'end', sort: one => one.counts.overdue },
  { id: 'excused', name: 'Excused', cell: one => number(one.counts.excused), align: 'end', sort: one => one.counts.excused },
]

export default function TrainingPage() {
  const can = useCan()
  const { filter } = useFilter()
  const course = filter['course']?.[0] ?? ''
  const overview = useQuery<TrainingOverview>('/training', { course }, { topics: TOPICS, keep: true })
  const [assigning, setAssigning] = useState(false)
  return (
    <>
      <PageHead title="Training" lead={overview.data?.team ? 'Your team: who is trained, and who is overdue.' : 'Who is trained, who owes a course, who is overdue.'}
        actions={can('duty:write') && <Button icon="plus" onPress={() => setAssigning(true)}>Assign a course …</Button>} />
      <Loaded of={overview}>
        {data => {
          const all = data.courses.reduce<DutyCounts>((sum, { counts }) => ({ people: sum.people + counts.people, done: sum.done + counts.done, renew: sum.renew + counts.renew, open: sum.open + counts.open, overdue: sum.overdue + counts.overdue, excused: sum.excused + counts.excused }), { people: 0, done: 0, renew: 0, open: 0, overdue: 0, excused: 0 })
          return (
            <>
              <FilterBar range={false} search="Search people" fields={[
                { name: 'course', label: 'Course', options: data.courses.map(one => ({ id: String(one.course), name: one.title })) },
                { name: 'state', label: 'State', options: Object.entries(DUTY_STATES).map(([id, one]) => ({ id, name: one.name })) },
                { name: 'department', label: 'Department', options: data.departments.map(one => ({ id: one.department === null ? 'none' : String(one.department), name: one.name ?? 'None' })) },
              ]} />
              <Tiles label="Of all assigned courses" few>
                <Tile name="Trained" value={share(all)} />
                <Tile name="To do" value={number(all.open + all.renew)} />
                <Tile name="Overdue" value={number(all.overdue)} />
                <Tile name="Excused" value={number(all.excused)} />
              </Tiles>
              <Panel title="By course" flush><DataTable label="By course" rows={data.courses} columns={[{ id: 'title', name: 'Course', cell: one => one.title, wide: true }, ...(COUNTS as Column<TrainingOverview['courses'][number]>[])]} rowKey={one => one.course} empty={<Empty title="There is no published course">{can('course:write') ? <>Publish one under <Link href="/courses">Courses</Link>, then assign it.</> : 'Compliance publishes courses and assigns them.'}</Empty>} /></Panel>
              <Panel title="By department" flush><DataTable label="By department" rows={data.departments} columns={[{ id: 'name', name: 'Department', cell: one => one.name ?? 'None', wide: true, sort: one => one.name }, ...(COUNTS as Column<TrainingOverview['departments'][number]>[])]} rowKey={one => one.department ?? 0} empty={<Empty title="Nobody has to learn anything yet">Assign a course first.</Empty>} /></Panel>
            </>
          )
        }}
      </Loaded>
      <People filter={filter} />
      {!overview.data?.team && <Assignments />}
      <Effects course={course} />
      {assigning && <AssignCourse onClose={() => setAssigning(false)} />}
    </>
  )
}

function People({ filter }: { filter: Readonly<Record<string, readonly string[]>> }) {
  const can = useCan()
  const [excusing, setExcusing] = useState<DutyRow | null>(null)
  const list = usePages<DutyRow, { people: DutyRow[]; cursor: string | null }>('/training/people', { course: filter['course']?.[0], state: filter['state']?.[0] ?? 'overdue', department: filter['department']?.[0], q: filter['q']?.[0], limit: 100 }, page => page.people, { topics: TOPICS, keep: true })
  const again = useAction(async (one: DutyRow) => { await remove(`/training/people/${one.person}/excuse/${one.course}`); return true }, 'training')
  const columns: Column<DutyRow>[] = [
    { id: 'label', name: 'Person', cell: one => one.label },
    { id: 'department', name: 'Department', cell: one => one.department ?? '' },
    { id: 'title', name: 'Course', cell: one => one.title, wide: true },
    { id: 'state', name: 'State', cell: one => <span title={one.excused?.why ?? ''}><Badge tone={DUTY_STATES[one.state].tone}>{DUTY_STATES[one.state].name}</Badge>{one.reason === 'incident' && <span className="muted small"> after an incident</span>}</span> },
    { id: 'due', name: 'Due', cell: one => (one.due && one.state !== 'done' && one.state !== 'excused' ? day(one.due) : '') },
    { id: 'until', name: 'Counts until', cell: one => (one.valid_until ? day(one.valid_until) : '') },
    ...(can('duty:write') ? [{ id: 'act', name: 'Action', always: true as const, cell: (one: DutyRow) => one.state === 'excused' ? <Button small tone="quiet" busy={again.busy} onPress={() => void again.run(one).then(done => done && toast('It is owed again'))}>Owes it again</Button> : one.state === 'done' ? null : <Button small tone="quiet" onPress={() => setExcusing(one)}>Excuse …</Button> }] : []),
  ]
  return (
    <Panel title={filter['state']?.[0] ? 'People' : 'Overdue'} flush>
      <Failure error={again.error} />
      <DataTable label="People and their courses" rows={list.loading ? undefined : list.rows} columns={columns} rowKey={one => `${one.person} ${one.course}`} loading={list.loading} error={list.error} onRetry={list.reload} more={list.cursor !== null ? list.more : null} moreBusy={list.busy}
        empty={<Empty title="Nobody">Nobody is in this state. Choose another one above.</Empty>} />
      {excusing && <Excuse of={excusing} onClose={() => setExcusing(null)} />}
    </Panel>
  )
}

function Excuse({ of, onClose }: { of: DutyRow; onClose: () => void }) {
  const [why, setWhy] = useState('')
  const [until, setUntil] = useState('')
  const act = useAction(async () => { await post(`/training/people/${of.person}/excuse`, { course: of.course, why: why.trim(), ...(until && { until }) }); return true }, 'training')
  return (
    <Dialog title={`Excuse ${of.label}`} open onClose={onClose}>
      <Form onSubmit={() => void act.run().then(done => { if (done) { toast('Excused'); onClose() } })}>
        <p>{of.title}</p>
        <TextBox label="Why" value={why} onChange={setWhy} required autoFocus rows={3} error={fieldError(act.error, 'why')} />
        <TextInput label="Until" type="date" value={until} onChange={setUntil} help="Empty: for good" error={fieldError(act.error, 'until')} />
        <Failure error={act.error} fields={['why', 'until']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button tone="primary" type="submit" busy={act.busy} isDisabled={why.trim() === ''}>Excuse</Button></Buttons>
      </Form>
    </Dialog>
  )
}

function Assignments() {
  const can = useCan()
  const [ending, setEnding] = useState<Assignment | null>(null)
  const list = useQuery<{ assignments: Assignment[] }>('/training/assignments', {}, { topics: TOPICS })
  const end = useAction(async (id: number) => { await remove(`/training/assignments/${id}`); return true }, 'training')
  const columns: Column<Assignment>[] = [
    { id: 'title', name: 'Course', cell: one => one.title, wide: true },
    { id: 'who', name: 'Who', cell: one => (one.everybody ? 'Everybody' : [...one.departments.map(d => d.name), ...(one.people > 0 ? [plural(one.people, 'person', 'people')] : [])].join(', ')) },
    { id: 'assigned', name: 'People', cell: one => number(one.assigned), align: 'end' },
    { id: 'due', name: 'Due', cell: one => `in ${plural(one.due_days, 'day')}` },
    { id: 'again', name: 'Again', cell: one => [one.repeat_months !== null ? `every ${plural(one.repeat_months, 'month')}` : null, one.after_incident ? 'after an incident' : null].filter(Boolean).join(', ') || 'when the certificate ends' },
    { id: 'created', name: 'Since', cell: one => <><Time at={one.created} full seconds={false} />{one.by && <span className="muted small"> {one.by}</span>}</> },
    { id: 'act', name: 'Action', always: true, cell: one => one.state === 'ended' ? <Badge>Ended</Badge> : can('duty:write') ? <Button small tone="quiet" onPress={() => setEnding(one)}>End …</Button> : <Badge tone="allow">Active</Badge> },
  ]
  return (
    <Panel title="Assignments" flush>
      <DataTable label="Assignments" rows={list.data?.assignments} columns={columns} rowKey={one => one.id} loading={list.loading} error={list.error} onRetry={list.reload} empty={<Empty title="No course is assigned">“Assign a course” says who is to take which one by when.</Empty>} />
      <Confirm title="End this assignment" open={ending !== null} onClose={() => setEnding(null)} act="End it" busy={end.busy} error={end.error} danger onConfirm={() => ending && void end.run(ending.id).then(done => { if (done) { setEnding(null); toast('Ended') } })}>
        <p>Nobody owes {ending?.title} by it any more. Certificates stay.</p>
      </Confirm>
    </Panel>
  )
}

function Effects({ course }: { course: string }) {
  const list = useQuery<{ effects: TrainingEffect[] }>('/training/effect', { course }, { topics: TOPICS })
  type Row = TrainingEffect['rows'][number]
  const columns: Column<Row>[] = [
    { id: 'name', name: 'Department', cell: one => one.name ?? 'None', wide: true },
    { id: 'people', name: 'People', cell: one => number(one.people), align: 'end' },
    { id: 'before', name: 'Incidents before', cell: one => number(one.before), align: 'end' },
    { id: 'after', name: 'after', cell: one => number(one.after), align: 'end' },
    { id: 'before_per', name: 'Of 1,000 people, before', cell: one => number(one.before_per_1000), align: 'end' },
    { id: 'after_per', name: 'of 1,000, after', cell: one => number(one.after_per_1000), align: 'end' },
  ]
  return <>{(list.data?.effects ?? []).map(one => (
    <Panel key={one.course} title={`What it changed: ${one.title}`} note={`Incidents of people in the ${one.days} days before and after their first certificate`}>
      <DataTable label={`Before and after ${one.title}`} rows={one.rows} columns={columns} rowKey={row => `${row.name} ${row.department}`} empty={<Empty title="Too early to say">{`It needs at least ${one.least} people whose certificate is ${one.days} days old, and as many days of incidents before.`}</Empty>} />
      <ul className="small muted">{one.limits.map(text => <li key={text}>{text}</li>)}{one.hidden > 0 && <li>{plural(one.hidden, 'department')} {one.hidden === 1 ? 'is' : 'are'} not shown.</li>}</ul>
    </Panel>
  ))}</>
}
