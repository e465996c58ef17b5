// SPDX-License-Identifier: Apache-2.0
// A course to learn: its modules one by one, and its test. Made for a telephone first.
import { useEffect } from 'react'
import { PREFIX, post } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { Attempt, MineCourse } from '../api/types'
import { go, Link, useLocation } from '../app/router'
import type { Parts } from '../app/routes'
import { Button, Buttons, Failure, LinkButton, Progress } from '../components/controls'
import { Markdown } from '../components/markdown'
import { Badge, Loaded, Notice, PageHead, Panel, Time, type BadgeTone } from '../components/page'
import { plural, time } from '../lib/format'
import { CertificateLine } from './my-training'

const TOPICS = ['training'] as const
export const ATTEMPTS: Record<Attempt['state'], { name: string; tone: BadgeTone }> = {
  running: { name: 'Running', tone: 'alert' }, passed: { name: 'Passed', tone: 'allow' }, failed: { name: 'Not passed', tone: 'block' }, expired: { name: 'Out of time', tone: 'plain' },
}
const back = { href: '/mine/training', name: 'My training' }

export default function MyCoursePage({ parts }: { parts: Parts }) {
  const course = useQuery<MineCourse>(`/mine/training/${parts['course']}`, {}, { topics: TOPICS, keep: true })
  const wanted = Number(useLocation().search.get('module'))
  const at = course.data?.modules.findIndex(one => one.number === wanted) ?? -1
  const chosen = course.data && at >= 0 ? course.data.modules[at] : undefined
  return (
    <Loaded of={course}>
      {data => chosen ? <Lesson course={data} at={at} /> : <Contents course={data} />}
    </Loaded>
  )
}

function Contents({ course }: { course: MineCourse }) {
  const read = course.modules.filter(one => one.read).length
  const next = course.modules.find(one => !one.read) ?? course.modules[0]
  const running = course.attempts.find(one => one.state === 'running')
  const begin = useAction(() => post<Attempt>(`/mine/training/${course.course}/attempts`), 'training')
  const unread = course.rules.must_read && read < course.modules.length
  const rules = [
    `${plural(course.rules.asked, 'question')}, ${course.rules.pass_percent} % right`,
    course.rules.minutes_most > 0 ? `${course.rules.minutes_most} minutes` : 'no time limit',
    course.rules.attempts_a_day > 0 ? `${plural(course.rules.attempts_a_day, 'attempt')} a day` : null,
  ].filter(one => one !== null)
  return (
    <>
      <PageHead title={course.title} lead={course.summary} back={back} />
      <Panel title="Modules" note={`${read} of ${course.modules.length} read`}>
        <div className="stack">
          <Progress label="How far I am" part={course.modules.length > 0 ? read / course.modules.length : 0} />
          <ol className="lessons">{course.modules.map(one => (
            <li key={one.number}><Link href={`/mine/training/${course.course}?module=${one.number}`}>{one.title}</Link> <span className="muted small">{plural(one.minutes, 'minute')}</span> {one.read && <Badge tone="allow" icon="check">Read</Badge>}</li>
          ))}</ol>
          {next && <Buttons><LinkButton tone={unread ? 'primary' : 'plain'} href={`/mine/training/${course.course}?module=${next.number}`}>{read === 0 ? 'Begin' : unread ? 'Go on' : 'Read again'}</LinkButton></Buttons>}
        </div>
      </Panel>
      <Panel title="Test" note={rules.join(', ')}>
        <div className="stack">
          {course.certificate && <div><CertificateLine of={course.certificate} /></div>}
          {unread ? <p>First read all modules: {plural(course.modules.length - read, 'module')} to go.</p>
            : course.attempts_left === 0 && !running ? <Notice>No attempt is left for now. The next one is possible at {course.next_attempt ? time(course.next_attempt, false) : 'another time'}. Until then, read what was wrong again.</Notice>
            : <p>The questions are drawn at random. What was right, and why, you see when you have handed it in.</p>}
          <Failure error={begin.error} />
          <Buttons>
            <Button tone={unread ? 'plain' : 'primary'} busy={begin.busy} isDisabled={!running && (unread || course.attempts_left === 0)} onPress={() => void begin.run().then(made => made && go(`/mine/training/attempts/${made.id}`))}>{running ? 'Go on with the test' : 'Begin the test'}</Button>
          </Buttons>
          {course.attempts.length > 0 && <ul className="plain stack">{course.attempts.map(one => <li key={one.id}><Link href={`/mine/training/attempts/${one.id}`}><Time at={one.started} full seconds={false} /></Link> <Badge tone={ATTEMPTS[one.state].tone}>{ATTEMPTS[one.state].name}</Badge> {one.score !== null && <span className="muted">{one.score} of {one.of}</span>}</li>)}</ul>}
        </div>
      </Panel>
    </>
  )
}

function Lesson({ course, at }: { course: MineCourse; at: number }) {
  const one = course.modules[at]
  const read = useAction(async () => { await post(`/mine/training/${course.course}/modules/${one?.number}`); return true }, 'training')
  useEffect(() => { document.getElementById('page-title')?.focus() }, [one?.number])
  if (!one) return null
  const next = course.modules[at + 1]
  const contents = `/mine/training/${course.course}`
  const on = () => go(next ? `${contents}?module=${next.number}` : contents)
  return (
    <>
      <PageHead title={one.title} lead={`Module ${at + 1} of ${course.modules.length}, about ${plural(one.minutes, 'minute')}`} back={{ href: contents, name: course.title }} />
      <Panel>
        <Markdown text={one.body} level={2} asset={name => `${PREFIX}/mine/training/${course.course}/assets/${encodeURIComponent(name)}`} />
      </Panel>
      <Failure error={read.error} />
      <Buttons>
        {at > 0 && <LinkButton icon="left" href={`${contents}?module=${course.modules[at - 1]?.number}`}>Back</LinkButton>}
        <Button tone="primary" busy={read.busy} onPress={() => void (one.read ? Promise.resolve(true) : read.run()).then(done => { if (done) on() })}>{next ? 'I have read it, go on' : 'I have read it, to the test'}</Button>
      </Buttons>
    </>
  )
}
