// SPDX-License-Identifier: Apache-2.0
// Courses: those that are published, drafts, and ours that can be taken over.
import { useState } from 'react'
import { post } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { Course, CourseRow, CourseState, CourseTemplate } from '../api/types'
import { toast } from '../app/announce'
import { go } from '../app/router'
import { useCan } from '../app/session'
import { AssignCourse } from '../components/assign-course'
import { Button, Buttons, Dialog, Failure, fieldError, Form, TextInput } from '../components/controls'
import { Badge, Empty, PageHead, Panel, Time, type BadgeTone } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { number, plural } from '../lib/format'

const TOPICS = ['training'] as const
export const COURSE_STATES: Record<CourseState, { name: string; tone: BadgeTone }> = {
  draft: { name: 'Draft', tone: 'alert' }, published: { name: 'Published', tone: 'allow' }, retired: { name: 'Retired', tone: 'plain' },
}

export default function CoursesPage() {
  const can = useCan()
  const list = useQuery<{ courses: CourseRow[]; templates: CourseTemplate[] }>('/courses', {}, { topics: TOPICS, keep: true })
  const [making, setMaking] = useState(false)
  const [assigning, setAssigning] = useState(false)
  const take = useAction((key: string) => post<Course>('/courses', { template: key }), 'training')
  const write = can('course:write')
  const columns: Column<CourseRow>[] = [
    { id: 'title', name: 'Course', cell: one => one.title, wide: true, sort: one => one.title },
    { id: 'state', name: 'State', cell: one => <span className="badges"><Badge tone={COURSE_STATES[one.state].tone}>{COURSE_STATES[one.state].name}</Badge>{one.state === 'published' && one.draft !== null && <Badge tone="alert">Draft of version {one.draft}</Badge>}</span> },
    { id: 'version', name: 'Version', cell: one => one.version ?? '', align: 'end' },
    { id: 'modules', name: 'Modules', cell: one => number(one.modules), align: 'end' },
    { id: 'questions', name: 'Questions', cell: one => number(one.questions), align: 'end' },
    { id: 'minutes', name: 'Minutes', cell: one => number(one.minutes), align: 'end' },
    { id: 'published', name: 'Published', cell: one => (one.published ? <Time at={one.published} full seconds={false} /> : '') },
  ]
  const templates = (list.data?.templates ?? []).filter(one => !list.data?.courses.some(course => course.key === one.key))
  return (
    <>
      <PageHead title="Courses" lead="What people learn: modules to read, a pool of questions, and the rules of the test."
        actions={write && <><Button icon="plus" onPress={() => setMaking(true)}>New course …</Button>{can('duty:write') && list.data?.courses.some(one => one.state === 'published') && <Button tone="primary" onPress={() => setAssigning(true)}>Assign a course …</Button>}</>} />
      <Panel flush>
        <DataTable label="Courses" rows={list.data?.courses} columns={columns} rowKey={one => one.id} href={one => `/courses/${one.id}`} loading={list.loading} error={list.error} onRetry={list.reload}
          empty={<Empty title="There is no course yet">{write ? 'Take over ours below and make it your own, or begin an empty one.' : 'Compliance writes and publishes them.'}</Empty>} />
      </Panel>
      {write && templates.map(one => (
        <Panel key={one.key} title={`Ours: ${one.title}`} note={`${plural(one.modules, 'module')}, ${plural(one.questions, 'question')}, about ${plural(one.minutes, 'minute')}`} actions={<Button icon="copy" busy={take.busy} onPress={() => void take.run(one.key).then(made => { if (made) { toast('Taken over as a draft'); go(`/courses/${made.id}`) } })}>Take it over</Button>}>
          <p className="prose">{one.summary}</p>
          <Failure error={take.error} />
        </Panel>
      ))}
      {making && <NewCourse onClose={() => setMaking(false)} />}
      {assigning && <AssignCourse onClose={() => setAssigning(false)} />}
    </>
  )
}

function NewCourse({ onClose }: { onClose: () => void }) {
  const [title, setTitle] = useState('')
  const act = useAction(() => post<Course>('/courses', { title: title.trim() }), 'training')
  return (
    <Dialog title="New course" open onClose={onClose}>
      <Form onSubmit={() => void act.run().then(made => { if (made) { onClose(); go(`/courses/${made.id}`) } })}>
        <TextInput label="Title" value={title} onChange={setTitle} required autoFocus error={fieldError(act.error, 'title')} />
        <Failure error={act.error} fields={['title']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button type="submit" tone="primary" busy={act.busy} isDisabled={title.trim() === ''}>Make it</Button></Buttons>
      </Form>
    </Dialog>
  )
}
