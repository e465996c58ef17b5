// SPDX-License-Identifier: Apache-2.0
// The pool of questions of a course: what may be answered, what is right, and why.
import { useState } from 'react'
import { post, put, remove } from '../api/client'
import { useAction } from '../api/query'
import type { Course, CourseQuestion } from '../api/types'
import { toast } from '../app/announce'
import { Button, Buttons, Check, Confirm, Dialog, Failure, fieldError, Form, IconButton, Select, TextBox, TextInput } from './controls'
import { Icon } from './icon'
import { Badge, Empty, Notice, Panel } from './page'

export function CourseQuestions({ course, write }: { course: Course; write: boolean }) {
  const [module, setModule] = useState('all')
  const [editing, setEditing] = useState<CourseQuestion | 'new' | null>(null)
  const [dropping, setDropping] = useState<CourseQuestion | null>(null)
  const drop = useAction(async (one: CourseQuestion) => { await remove(`/courses/${course.id}/questions/${one.number}`); return true }, 'training')
  const shown = course.questions.filter(one => module === 'all' || String(one.module ?? 'none') === module)
  const hidden = course.questions.some(one => one.options.some(option => option.right === null))
  return (
    <Panel title="Pool of questions" note={`A test asks ${course.rules.asked} of ${course.questions.length}, drawn at random, with the answers in another order each time.`} actions={write && <Button icon="plus" onPress={() => setEditing('new')}>Add a question …</Button>}>
      {hidden && <Notice>What is right is shown to those who write courses, and to examiners: you may take the test yourself.</Notice>}
      {course.questions.length > 0 && <div className="form-narrow"><Select label="Of which module" value={module} onChange={setModule} choices={[{ id: 'all', name: `All, ${course.questions.length}` }, ...course.modules.map(one => ({ id: String(one.number), name: `${one.title}, ${course.questions.filter(q => q.module === one.number).length}` })), ...(course.questions.some(one => one.module === null) ? [{ id: 'none', name: 'Of none' }] : [])]} /></div>}
      {shown.length === 0 ? <Empty title="No question here">{`Add some: a pool of three times what a test asks keeps tests different. It asks ${course.rules.asked}.`}</Empty> : (
        <ol className="plain parts">
          {shown.map(one => (
            <li key={one.number}>
              <span className="part-number">{one.number}</span>
              <div className="part-text">
                <strong>{one.text}</strong>{one.kind === 'multiple' && <Badge>Several are right</Badge>}
                <ul className="plain options">{one.options.map((option, i) => <li key={i} className={option.right ? 'is-right' : ''}><Icon name={option.right ? 'check' : 'minus'} size={12} /><span>{option.text}{option.right && <span className="hidden-text"> (right)</span>}</span></li>)}</ul>
                {one.explanation && <span className="muted small">{one.explanation}</span>}
              </div>
              {write && <span className="part-acts"><IconButton label={`Remove question ${one.number}`} icon="trash" onPress={() => setDropping(one)} /><Button small icon="edit" aria-label={`Edit question ${one.number}`} onPress={() => setEditing(one)}>Edit</Button></span>}
            </li>
          ))}
        </ol>
      )}
      {editing !== null && <QuestionEditor course={course} of={editing === 'new' ? null : editing} module={module} onClose={() => setEditing(null)} />}
      <Confirm title="Remove this question" open={dropping !== null} onClose={() => setDropping(null)} act="Remove it" danger busy={drop.busy} error={drop.error} onConfirm={() => dropping && void drop.run(dropping).then(done => { if (done) { setDropping(null); toast('Removed from the draft') } })}>
        <p>{dropping?.text}</p>
      </Confirm>
    </Panel>
  )
}

function QuestionEditor({ course, of, module: usual, onClose }: { course: Course; of: CourseQuestion | null; module: string; onClose: () => void }) {
  const [module, setModule] = useState(of ? String(of.module ?? 'none') : usual === 'all' ? String(course.modules[0]?.number ?? 'none') : usual)
  const [text, setText] = useState(of?.text ?? '')
  const [options, setOptions] = useState<{ text: string; right: boolean }[]>(of?.options.map(one => ({ text: one.text, right: one.right === true })) ?? [{ text: '', right: true }, { text: '', right: false }, { text: '', right: false }])
  const [explanation, setExplanation] = useState(of?.explanation ?? '')
  const right = options.filter(one => one.right).length
  const save = useAction(async () => {
    const body = { ...(module !== 'none' && { module: Number(module) }), kind: right > 1 ? 'multiple' : 'single', text: text.trim(), options: options.filter(one => one.text.trim() !== '').map(one => ({ text: one.text.trim(), right: one.right })), explanation: explanation.trim() }
    await (of === null ? post(`/courses/${course.id}/questions`, body) : put(`/courses/${course.id}/questions/${of.number}`, body))
    return true
  }, 'training')
  const change = (at: number, next: Partial<{ text: string; right: boolean }>) => setOptions(options.map((one, i) => (i === at ? { ...one, ...next } : one)))
  const written = options.filter(one => one.text.trim() !== '')
  return (
    <Dialog title={of === null ? 'Add a question' : `Question ${of.number}`} open wide onClose={onClose}>
      <Form onSubmit={() => void save.run().then(done => { if (done) { toast('Saved in the draft'); onClose() } })}>
        <Select label="Module" value={module} onChange={setModule} choices={[...course.modules.map(one => ({ id: String(one.number), name: one.title })), { id: 'none', name: 'Of none' }]} error={fieldError(save.error, 'module')} />
        <TextBox label="Question" value={text} onChange={setText} required autoFocus rows={2} error={fieldError(save.error, 'text')} />
        <fieldset className="choices"><legend>Answers; mark what is right</legend>
          {options.map((one, i) => (
            <div key={i} className="option-row">
              <Check checked={one.right} onChange={on => change(i, { right: on })}><span className="hidden-text">Answer {i + 1} is right</span></Check>
              <TextInput label={`Answer ${i + 1}`} hideLabel value={one.text} onChange={next => change(i, { text: next })} placeholder={`Answer ${i + 1}`} />
              <IconButton label={`Remove answer ${i + 1}`} icon="close" isDisabled={options.length <= 2} onPress={() => setOptions(options.filter((_, at) => at !== i))} />
            </div>
          ))}
          <span className="help">{right > 1 ? 'Several are right: a learner must mark all of them.' : 'One is right.'}</span>
          {fieldError(save.error, 'options') && <span className="field-error">{fieldError(save.error, 'options')}</span>}
          <div><Button small icon="plus" isDisabled={options.length >= 8} onPress={() => setOptions([...options, { text: '', right: false }])}>Another answer</Button></div>
        </fieldset>
        <TextBox label="Why that is right" value={explanation} onChange={setExplanation} rows={2} help="Shown when the test is handed in: it is where most is learnt." error={fieldError(save.error, 'explanation')} />
        <Failure error={save.error} fields={['module', 'text', 'options', 'explanation']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button type="submit" tone="primary" busy={save.busy} isDisabled={text.trim() === '' || written.length < 2 || !written.some(one => one.right)}>Save</Button></Buttons>
      </Form>
    </Dialog>
  )
}
