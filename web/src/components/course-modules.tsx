// SPDX-License-Identifier: Apache-2.0
// The modules of a course in their order, and the editor of one: Markdown beside what it becomes.
import { useState } from 'react'
import { post, PREFIX, put, remove } from '../api/client'
import { useAction } from '../api/query'
import type { Course, CourseModule } from '../api/types'
import { toast } from '../app/announce'
import { useLeaveGuard } from '../app/router'
import { Button, Buttons, Confirm, Failure, fieldError, Form, IconButton, TextBox, TextInput } from './controls'
import { useWord } from './filter-bar'
import { Markdown } from './markdown'
import { Empty, Panel } from './page'
import { plural } from '../lib/format'

export const assetOf = (course: number) => (name: string) => `${PREFIX}/courses/${course}/assets/${encodeURIComponent(name)}`

export function CourseModules({ course, write }: { course: Course; write: boolean }) {
  const [show, setShow] = useWord('show', '')
  const [dropping, setDropping] = useState<CourseModule | null>(null)
  const chosen = course.modules.find(one => String(one.number) === show)
  const move = useAction(async (one: CourseModule, place: number) => { await put(`/courses/${course.id}/modules/${one.number}`, { title: one.title, body: one.body, minutes: one.minutes, place }); return true }, 'training')
  const drop = useAction(async (one: CourseModule) => { await remove(`/courses/${course.id}/modules/${one.number}`); return true }, 'training')
  if (write && (show === 'new' || chosen)) return <ModuleEditor key={show} course={course} of={chosen ?? null} onClose={() => setShow('')} />
  return (
    <Panel title="Modules" note={`In this order; together about ${plural(course.modules.reduce((sum, one) => sum + one.minutes, 0), 'minute')}.`} actions={write && <Button icon="plus" onPress={() => setShow('new')}>Add a module</Button>}>
      <Failure error={move.error} />
      {course.modules.length === 0 ? <Empty title="No module yet">A module is a text for five to ten minutes, with pictures or a film.</Empty> : (
        <ol className="plain parts">
          {course.modules.map((one, i) => (
            <li key={one.number}>
              <span className="part-number">{i + 1}</span>
              <div className="part-text"><strong>{one.title}</strong><span className="muted small">{plural(one.minutes, 'minute')}, {plural(one.body.split(/\s+/).filter(Boolean).length, 'word')}</span></div>
              {write && <span className="part-acts">
                <IconButton label={`Move ${one.title} up`} icon="up" isDisabled={i === 0 || move.busy} onPress={() => void move.run(one, i)} />
                <IconButton label={`Move ${one.title} down`} icon="down" isDisabled={i === course.modules.length - 1 || move.busy} onPress={() => void move.run(one, i + 2)} />
                <IconButton label={`Remove ${one.title}`} icon="trash" onPress={() => setDropping(one)} />
                <Button small icon="edit" aria-label={`Edit ${one.title}`} onPress={() => setShow(String(one.number))}>Edit</Button>
              </span>}
            </li>
          ))}
        </ol>
      )}
      <Confirm title="Remove this module" open={dropping !== null} onClose={() => setDropping(null)} act="Remove it" danger busy={drop.busy} error={drop.error} onConfirm={() => dropping && void drop.run(dropping).then(done => { if (done) { setDropping(null); toast('Removed from the draft') } })}>
        <p>{dropping?.title}: its text is gone from the draft. Versions that were published keep it.</p>
      </Confirm>
    </Panel>
  )
}

function ModuleEditor({ course, of, onClose }: { course: Course; of: CourseModule | null; onClose: () => void }) {
  const [title, setTitle] = useState(of?.title ?? '')
  const [minutes, setMinutes] = useState(String(of?.minutes ?? 5))
  const [body, setBody] = useState(of?.body ?? '')
  const changed = title !== (of?.title ?? '') || body !== (of?.body ?? '') || minutes !== String(of?.minutes ?? 5)
  useLeaveGuard(changed ? 'The module has changes that are not saved. Leave all the same?' : null)
  const save = useAction(async () => {
    const text = { title: title.trim(), body, minutes: Number(minutes) }
    await (of === null ? post(`/courses/${course.id}/modules`, text) : put(`/courses/${course.id}/modules/${of.number}`, text))
    return true
  }, 'training')
  return (
    <Form label={of === null ? 'New module' : `Module ${of.title}`} onSubmit={() => void save.run().then(done => { if (done) { toast('Saved in the draft'); onClose() } })}>
      <div className="grid policy-grid module-grid">
        <Panel title={of === null ? 'New module' : 'Edit the module'}>
          <div className="stack">
            <TextInput label="Title" value={title} onChange={setTitle} required autoFocus error={fieldError(save.error, 'title')} />
            <TextInput label="Minutes to read it" type="number" value={minutes} onChange={setMinutes} required error={fieldError(save.error, 'minutes')} />
            <TextBox label="Text" value={body} onChange={setBody} required rows={22} mono help={<>Markdown: <code>## heading</code>, <code>**bold**</code>, <code>- list</code>, <code>&gt; case</code>, <code>![words](asset:NAME)</code> for a picture or film.</>} error={fieldError(save.error, 'body')} />
            <Failure error={save.error} fields={['title', 'minutes', 'body']} />
            <Buttons><Button onPress={onClose}>{changed ? 'Cancel' : 'Back'}</Button><Button type="submit" tone="primary" busy={save.busy} isDisabled={title.trim() === '' || body.trim() === '' || minutes === ''}>Save</Button></Buttons>
          </div>
        </Panel>
        <Panel title="Preview">{body.trim() === '' ? <p className="muted">What you write is shown here as learners see it.</p> : <Markdown text={body} level={3} asset={assetOf(course.id)} />}</Panel>
      </div>
    </Form>
  )
}
