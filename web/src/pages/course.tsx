// SPDX-License-Identifier: Apache-2.0
// One course for those who write it: modules, questions, pictures and films, the rules of its test, a look at it as a
// learner has it, and its versions. Each change goes to the draft; people learn what is published.
import { useState } from 'react'
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components/Tabs'
import { patch, post, remove } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { Course, CourseVersion } from '../api/types'
import { toast } from '../app/announce'
import { go, Link, useLocation } from '../app/router'
import type { Parts } from '../app/routes'
import { useCan } from '../app/session'
import { AssignCourse } from '../components/assign-course'
import { Button, Confirm, Failure, fieldError, Form, Buttons, Check, LinkButton, MenuButton, TextBox, TextInput } from '../components/controls'
import { CourseAssets } from '../components/course-assets'
import { CourseModules } from '../components/course-modules'
import { CoursePreview } from '../components/course-preview'
import { CourseQuestions } from '../components/course-questions'
import { useWord } from '../components/filter-bar'
import { Badge, Empty, ErrorState, Loading, Notice, PageHead, Panel, Time } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { plural } from '../lib/format'
import { COURSE_STATES } from './courses'

const TOPICS = ['training'] as const
const back = { href: '/courses', name: 'Courses' }

export default function CoursePage({ parts }: { parts: Parts }) {
  const can = useCan()
  const version = useLocation().search.get('version') ?? undefined
  const course = useQuery<Course>(`/courses/${parts['id']}`, { version }, { topics: TOPICS, keep: true })
  const [tab, setTab] = useWord('tab', 'modules')
  const [doing, setDoing] = useState<'publish' | 'drop' | 'retire' | 'assign' | null>(null)
  const publish = useAction(async () => { await post(`/courses/${parts['id']}/publish`); return true }, 'training')
  const drop = useAction(async () => { await remove(`/courses/${parts['id']}/draft`); return true }, 'training')
  const retire = useAction(async (retired: boolean) => { await patch(`/courses/${parts['id']}`, { retired }); return true }, 'training')
  const it = course.data
  if (it === undefined) return <><PageHead title="Course" back={back} />{course.error ? <ErrorState error={course.error} onRetry={course.reload} /> : <Loading rows={6} />}</>
  const shown = it.versions.find(one => one.number === it.shown)
  const published = it.versions.find(one => one.state === 'published')
  const draft = it.versions.some(one => one.state === 'draft')
  const isDraft = shown?.state === 'draft'
  const write = can('course:write') && it.state !== 'retired' && version === undefined
  const close = () => setDoing(null)
  return (
    <>
      <PageHead title={it.title || 'Without a title'} back={back}
        lead={<span className="row center tight"><Badge tone={isDraft ? 'alert' : COURSE_STATES[it.state].tone}>{isDraft ? 'Draft' : shown?.state === 'replaced' ? 'Replaced' : COURSE_STATES[it.state].name}</Badge><span>version {it.shown}{published && isDraft && `, people learn version ${published.number}`}{shown && <>, changed <Time at={shown.changed} />{shown.author && ` by ${shown.author}`}</>}</span></span>}
        actions={<>
          {published && can('duty:read') && <LinkButton href={`/training?course=${it.id}`} icon="people">Who took it</LinkButton>}
          {published && it.state === 'published' && can('duty:write') && <Button onPress={() => setDoing('assign')}>Assign it …</Button>}
          {can('course:write') && (published || it.state === 'retired') && version === undefined && <MenuButton label="More about this course" entries={[...(draft && published ? [{ id: 'drop', name: 'Drop the draft …', danger: true }] : []), ...(it.state === 'retired' ? [{ id: 'back', name: 'Take it back' }] : [{ id: 'retire', name: 'Retire it …', danger: true }])]} onAction={id => (id === 'back' ? void retire.run(false).then(done => done && toast('It can be taken again')) : setDoing(id as 'drop' | 'retire'))} />}
          {write && isDraft && <Button tone="primary" isDisabled={it.problems.length > 0} onPress={() => setDoing('publish')}>Publish …</Button>}
        </>} />
      {version !== undefined && <Notice>This is version {it.shown}, as it was. <Link href={`/courses/${it.id}`}>Show the course as it is now</Link></Notice>}
      {it.state === 'retired' && version === undefined && <Notice tone="warn">It is retired: nobody is assigned to it any more. Certificates stay.</Notice>}
      {write && isDraft && it.problems.length > 0 && (
        <Notice tone="warn"><strong>Before it can be published:</strong><ul className="notice-list">{it.problems.map(text => <li key={text} className="sentence">{text}</li>)}</ul></Notice>
      )}
      {write && !isDraft && <Notice>What is published is never changed: your first change makes a draft of the next version, and people learn this one until you publish that.</Notice>}
      <Failure error={retire.error} />
      <Tabs className="course-tabs" selectedKey={tab} onSelectionChange={key => setTab(String(key))}>
        <TabList aria-label="About this course" className="tab-list">
          <Tab id="modules" className="tab">Modules <span className="muted">{it.modules.length}</span></Tab>
          <Tab id="questions" className="tab">Questions <span className="muted">{it.questions.length}</span></Tab>
          <Tab id="assets" className="tab">Pictures and films <span className="muted">{it.assets.length}</span></Tab>
          <Tab id="rules" className="tab">Title and test</Tab>
          <Tab id="preview" className="tab">As a learner sees it</Tab>
          <Tab id="versions" className="tab">Versions</Tab>
        </TabList>
        <TabPanel id="modules" className="tab-panel"><CourseModules course={it} write={write} /></TabPanel>
        <TabPanel id="questions" className="tab-panel"><CourseQuestions course={it} write={write} /></TabPanel>
        <TabPanel id="assets" className="tab-panel"><CourseAssets course={it} write={write} /></TabPanel>
        <TabPanel id="rules" className="tab-panel"><Rules key={`${it.id} ${it.shown}`} course={it} write={write} /></TabPanel>
        <TabPanel id="preview" className="tab-panel"><CoursePreview course={it} /></TabPanel>
        <TabPanel id="versions" className="tab-panel"><Versions course={it} /></TabPanel>
      </Tabs>
      <Confirm title={`Publish version ${it.shown}`} open={doing === 'publish'} onClose={close} act="Publish" busy={publish.busy} error={publish.error} onConfirm={() => void publish.run().then(done => { if (done) { close(); toast('Published: it is this version that people learn now') } })}>
        <p>{plural(it.modules.length, 'module')} and {plural(it.questions.length, 'question')}; a test asks {it.rules.asked} of them. {published ? `Certificates of version ${published.number} still count; who is in the middle of its test finishes that.` : 'Nobody owes it until you assign it.'}</p>
      </Confirm>
      <Confirm title="Drop the draft" open={doing === 'drop'} onClose={close} act="Drop it" danger busy={drop.busy} error={drop.error} onConfirm={() => void drop.run().then(done => { if (done) { close(); toast('The draft is gone') } })}>
        <p>All changes since version {published?.number} are lost. People go on learning that version.</p>
      </Confirm>
      <Confirm title="Retire this course" open={doing === 'retire'} onClose={close} act="Retire it" danger busy={retire.busy} error={retire.error} onConfirm={() => void retire.run(true).then(done => { if (done) { close(); toast('Retired') } })}>
        <p>Nobody owes it any more, and it cannot be assigned. Certificates stay and count until their end.</p>
      </Confirm>
      {doing === 'assign' && <AssignCourse course={it.id} onClose={close} />}
    </>
  )
}

const NUMBERS = [
  ['pass_percent', 'Right answers to pass, in percent', 'From 1 to 100'], ['asked', 'Questions of one test', 'Drawn at random out of the pool'], ['minutes_most', 'Minutes for the test', '0: no limit'],
  ['attempts_a_day', 'Attempts a day', '0: no limit'], ['valid_months', 'Months for which a certificate counts', '0: for good'],
] as const

function Rules({ course, write }: { course: Course; write: boolean }) {
  const [title, setTitle] = useState(course.title)
  const [summary, setSummary] = useState(course.summary)
  const [rules, setRules] = useState<Record<string, string>>(Object.fromEntries(NUMBERS.map(([name]) => [name, String(course.rules[name])])))
  const [read, setRead] = useState(course.rules.must_read)
  const save = useAction(async () => {
    await patch(`/courses/${course.id}`, { title: title.trim(), summary: summary.trim(), rules: { ...Object.fromEntries(NUMBERS.map(([name]) => [name, Number(rules[name])])), must_read: read } })
    return true
  }, 'training')
  return (
    <Panel>
      <div className="form-narrow">
        <Form label="Title and test" onSubmit={() => void save.run().then(done => done && toast('Saved in the draft'))}>
          <TextInput label="Title" value={title} onChange={setTitle} required disabled={!write} error={fieldError(save.error, 'title')} />
          <TextBox label="Summary" value={summary} onChange={setSummary} rows={3} disabled={!write} help="What it is about, in a sentence or two: it stands on everybody’s list of courses." error={fieldError(save.error, 'summary')} />
          {NUMBERS.map(([name, label, help]) => <TextInput key={name} label={label} type="number" value={rules[name] ?? ''} onChange={text => setRules({ ...rules, [name]: text })} required disabled={!write} help={help} error={fieldError(save.error, name)} />)}
          <Check checked={read} onChange={setRead} disabled={!write}>All modules must be read before the test</Check>
          <Failure error={save.error} fields={['title', 'summary', ...NUMBERS.map(([name]) => name)]} />
          {write && <Buttons><Button type="submit" tone="primary" busy={save.busy} isDisabled={title.trim() === '' || NUMBERS.some(([name]) => rules[name] === '')}>Save</Button></Buttons>}
        </Form>
      </div>
    </Panel>
  )
}

const VERSION_STATES = { draft: { name: 'Draft', tone: 'alert' }, published: { name: 'Published', tone: 'allow' }, replaced: { name: 'Replaced', tone: 'plain' } } as const
function Versions({ course }: { course: Course }) {
  const columns: Column<CourseVersion>[] = [
    { id: 'number', name: 'Version', cell: one => one.number },
    { id: 'state', name: 'State', cell: one => <Badge tone={VERSION_STATES[one.state].tone}>{VERSION_STATES[one.state].name}</Badge> },
    { id: 'author', name: 'Begun by', cell: one => one.author ?? '' },
    { id: 'changed', name: 'Changed', cell: one => <Time at={one.changed} full seconds={false} /> },
    { id: 'published', name: 'Published', cell: one => (one.published ? <><Time at={one.published} full seconds={false} /> <span className="muted small">{one.published_by}</span></> : '') },
    { id: 'sha256', name: 'SHA-256 of all that a learner meets', cell: one => <span className="digest">{one.sha256 ?? ''}</span>, wide: true },
    { id: 'look', name: 'Action', always: true, cell: one => (one.number === course.shown ? <span className="muted">Shown</span> : <Button small tone="quiet" onPress={() => go(`/courses/${course.id}?version=${one.number}`)}>Show</Button>) },
  ]
  return <Panel flush><DataTable label="Versions of this course" rows={course.versions} columns={columns} rowKey={one => one.number} empty={<Empty title="No version" />} /></Panel>
}
