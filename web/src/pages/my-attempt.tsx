// SPDX-License-Identifier: Apache-2.0
// The test: all questions on one page, handed in at once; then what was right, and why.
import { useEffect, useState } from 'react'
import { post } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { Attempt, AttemptQuestion } from '../api/types'
import { announce } from '../app/announce'
import { useLeaveGuard } from '../app/router'
import type { Parts } from '../app/routes'
import { Button, Buttons, Confirm, Failure, LinkButton } from '../components/controls'
import { Icon } from '../components/icon'
import { Badge, Loaded, Notice, PageHead, Panel } from '../components/page'
import { plural, time } from '../lib/format'
import { ATTEMPTS } from './my-course'
import { CertificateLine } from './my-training'

export default function MyAttemptPage({ parts }: { parts: Parts }) {
  const attempt = useQuery<Attempt>(`/mine/training/attempts/${parts['id']}`)
  const [done, setDone] = useState<Attempt | null>(null)
  return <Loaded of={attempt}>{data => (done ?? data).state === 'running' ? <Running of={data} onDone={setDone} /> : <Result of={done ?? data} />}</Loaded>
}

/** Seconds until a time, told as minutes; the last minute is announced once. */
function useLeft(until: string | null): number | null {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    if (until === null) return
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [until])
  const left = until === null ? null : Math.max(0, Math.round((Date.parse(until) - now) / 1000))
  useEffect(() => {
    if (left === 60) announce('One minute is left')
  }, [left])
  return left
}

function Running({ of, onDone }: { of: Attempt; onDone: (done: Attempt) => void }) {
  const [answers, setAnswers] = useState<readonly (readonly number[])[]>(() => of.questions.map(() => []))
  const [asking, setAsking] = useState(false)
  const left = useLeft(of.until)
  const open = answers.filter(one => one.length === 0).length
  const hand = useAction(() => post<Attempt>(`/mine/training/attempts/${of.id}`, { answers }), 'training')
  useLeaveGuard(open < answers.length && !hand.busy ? 'Your answers are not handed in yet.' : null)
  const send = () => void hand.run().then(done => { if (done) { onDone(done); window.scrollTo(0, 0) } else setAsking(false) })
  const choose = (at: number, place: number, many: boolean) => setAnswers(was => was.map((one, i) => i !== at ? one : !many ? [place] : one.includes(place) ? one.filter(p => p !== place) : [...one, place]))
  return (
    <>
      <PageHead title={`Test: ${of.title}`} lead={`${plural(of.questions.length, 'question')}; ${of.pass_percent} % right is passed.`} back={{ href: `/mine/training/${of.course}`, name: of.title }} />
      {left !== null && <p className="test-clock" role="timer"><Icon name="clock" /> {left > 0 ? <>{Math.floor(left / 60)}:{String(left % 60).padStart(2, '0')} left</> : 'The time is over.'}</p>}
      <div className="stack">{of.questions.map((one, i) => <Question key={i} of={one} number={i + 1} chosen={answers[i] ?? []} onChoose={place => choose(i, place, one.kind === 'multiple')} />)}</div>
      <Failure error={hand.error} />
      <Buttons><Button tone="primary" busy={hand.busy} isDisabled={left === 0} onPress={() => (open > 0 ? setAsking(true) : send())}>Hand in</Button></Buttons>
      <Confirm title="Hand it in as it is?" open={asking} onClose={() => setAsking(false)} act="Hand in" busy={hand.busy} onConfirm={send}>
        <p>{plural(open, 'question')} {open === 1 ? 'has' : 'have'} no answer yet.</p>
      </Confirm>
    </>
  )
}

function Question({ of, number, chosen, onChoose }: { of: AttemptQuestion; number: number; chosen: readonly number[]; onChoose: (place: number) => void }) {
  return (
    <fieldset className="panel question">
      <legend>{number}. {of.text}</legend>
      <p className="muted small">{of.kind === 'single' ? 'One answer is right.' : 'One or more answers are right.'}</p>
      {of.options.map((text, i) => (
        <label key={i} className="answer"><input type={of.kind === 'single' ? 'radio' : 'checkbox'} name={`question-${number}`} checked={chosen.includes(i)} onChange={() => onChoose(i)} /><span>{text}</span></label>
      ))}
    </fieldset>
  )
}

function Result({ of }: { of: Attempt }) {
  const state = ATTEMPTS[of.state]
  return (
    <>
      <PageHead title={of.state === 'passed' ? 'Passed' : of.state === 'failed' ? 'Not passed this time' : 'Out of time'} lead={of.title} back={{ href: `/mine/training/${of.course}`, name: of.title }} />
      <Panel>
        <div className="stack">
          <p><Badge tone={state.tone}>{state.name}</Badge> {of.score !== null && <strong>{of.score} of {of.of} right</strong>}{of.ended && <span className="muted"> {time(of.ended, false)}</span>}</p>
          {of.state !== 'passed' && <Notice>{of.pass_percent} % are needed. Read below what was wrong and why; the next test asks other questions.</Notice>}
          {of.certificate && <div><CertificateLine of={of.certificate} /></div>}
          <Buttons><LinkButton tone="primary" href={of.state === 'passed' ? '/mine/training' : `/mine/training/${of.course}`}>{of.state === 'passed' ? 'My training' : 'Back to the course'}</LinkButton></Buttons>
        </div>
      </Panel>
      <div className="stack">{of.questions.map((one, i) => (
        <Panel key={i} title={`${i + 1}. ${one.text}`} actions={<Badge tone={one.correct ? 'allow' : 'block'} icon={one.correct ? 'check' : 'close'}>{one.correct ? 'Right' : 'Wrong'}</Badge>}>
          <div className="stack">
            <ul className="plain result">{one.options.map((text, k) => (
              <li key={k} className={one.right?.includes(k) ? 'is-right' : ''}>{text}{one.right?.includes(k) && <Badge tone="allow">right</Badge>}{one.chosen?.includes(k) && <Badge tone={one.right?.includes(k) ? 'allow' : 'block'}>your answer</Badge>}</li>
            ))}</ul>
            {one.explanation && <p>{one.explanation}</p>}
          </div>
        </Panel>
      ))}</div>
    </>
  )
}
