// SPDX-License-Identifier: Apache-2.0
// Say who is to take a course: everybody, departments or people; by when, how often, and whether an incident asks for it again.
import { useState } from 'react'
import { post } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { CourseRow, Department } from '../api/types'
import { toast } from '../app/announce'
import { Button, Buttons, Check, Dialog, Failure, fieldError, Form, Select, TextInput } from './controls'
import { Empty } from './page'
import { TeamPicker, type Picked } from './person-picker'

export function AssignCourse({ course: given, onClose }: { course?: number; onClose: () => void }) {
  const courses = useQuery<{ courses: CourseRow[] }>('/courses')
  const departments = useQuery<{ departments: Department[] }>('/departments')
  const [course, setCourse] = useState<string | null>(given !== undefined ? String(given) : null)
  const [who, setWho] = useState('everybody')
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set())
  const [people, setPeople] = useState<readonly Picked[]>([])
  const [days, setDays] = useState('30')
  const [months, setMonths] = useState('')
  const [escalate, setEscalate] = useState('7')
  const [after, setAfter] = useState(true)
  const act = useAction(async () => {
    await post('/training/assignments', {
      course: Number(course), due_days: Number(days), after_incident: after, ...(escalate !== '' && { escalate_days: Number(escalate) }), ...(months !== '' && { repeat_months: Number(months) }),
      ...(who === 'departments' && { departments: [...chosen] }), ...(who === 'people' && { people: people.map(one => one.id) }),
    })
    return true
  }, 'training')
  const published = courses.data?.courses.filter(one => one.state === 'published') ?? []
  const ready = course !== null && days !== '' && (who !== 'departments' || chosen.size > 0) && (who !== 'people' || people.length > 0)
  return (
    <Dialog title="Assign a course" open onClose={onClose}>
      <Form onSubmit={() => void act.run().then(done => { if (done) { toast('Assigned'); onClose() } })}>
        {courses.data && published.length === 0 && <Empty title="No course is published yet">Publish one under Courses first.</Empty>}
        <Select label="Course" value={course} onChange={setCourse} choices={published.map(one => ({ id: String(one.id), name: one.title }))} error={fieldError(act.error, 'course')} />
        <Select label="Who" value={who} onChange={setWho} choices={[{ id: 'everybody', name: 'Everybody' }, { id: 'departments', name: 'Departments' }, { id: 'people', name: 'People' }]} error={fieldError(act.error, 'departments') ?? fieldError(act.error, 'people')} />
        {who === 'departments' && (
          <fieldset className="choices pick-box"><legend>Departments</legend>
            {(departments.data?.departments ?? []).map(one => <Check key={one.id} checked={chosen.has(one.id)} onChange={on => { const next = new Set(chosen); if (on) next.add(one.id); else next.delete(one.id); setChosen(next) }}>{one.name}</Check>)}
          </fieldset>
        )}
        {who === 'people' && (
          <>
            {people.length > 0 && <ul className="plain" aria-label="People chosen">{people.map(one => <li key={one.id} className="link-line"><span>{one.label}</span><Button small tone="quiet" onPress={() => setPeople(people.filter(other => other.id !== one.id))}>{`Not ${one.label}`}</Button></li>)}</ul>}
            <TeamPicker label={people.length > 0 ? 'And who else' : 'Who'} value={null} onChange={one => { if (one && !people.some(other => other.id === one.id)) setPeople([...people, one]) }} />
          </>
        )}
        <TextInput label="Due in days" type="number" value={days} onChange={setDays} required error={fieldError(act.error, 'due_days')} />
        <TextInput label="Again after months" type="number" value={months} onChange={setMonths} help="Empty: when the certificate ends" error={fieldError(act.error, 'repeat_months')} />
        <TextInput label="Days overdue until the manager is told" type="number" value={escalate} onChange={setEscalate} help="Empty: never" error={fieldError(act.error, 'escalate_days')} />
        <Check checked={after} onChange={setAfter} help="When one that somebody was part of is closed as real">Again after an incident</Check>
        <Failure error={act.error} fields={['course', 'departments', 'people', 'due_days', 'repeat_months', 'escalate_days']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button tone="primary" type="submit" busy={act.busy} isDisabled={!ready}>Assign</Button></Buttons>
      </Form>
    </Dialog>
  )
}
