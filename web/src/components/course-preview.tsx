// SPDX-License-Identifier: Apache-2.0
// A course as a learner has it: module by module, and a test of some of its questions, which nobody grades.
import { useMemo } from 'react'
import type { Course, CourseQuestion } from '../api/types'
import { Button, Buttons } from './controls'
import { assetOf } from './course-modules'
import { useWord } from './filter-bar'
import { Markdown } from './markdown'
import { Empty, Notice, Panel } from './page'
import { plural } from '../lib/format'

/** So many of the pool, evenly over all of it: the same ones each time somebody looks. */
function some(pool: readonly CourseQuestion[], most: number): readonly CourseQuestion[] {
  const n = Math.min(most, pool.length)
  return Array.from({ length: n }, (_, i) => pool[Math.floor((i * pool.length) / n)]).filter(one => one !== undefined)
}

export function CoursePreview({ course }: { course: Course }) {
  const [show, setShow] = useWord('show', '0')
  const at = Math.min(Math.max(0, Number(show) || 0), course.modules.length)
  const one = course.modules[at]
  const questions = useMemo(() => some(course.questions, Math.min(course.rules.asked, 5)), [course])
  const go = (to: number) => setShow(String(to))
  if (course.modules.length === 0 && questions.length === 0) return <Panel><Empty title="There is nothing to see yet">Add a module first.</Empty></Panel>
  return (
    <div className="preview">
      {one ? (
        <Panel title={one.title} note={`Module ${at + 1} of ${course.modules.length}, about ${plural(one.minutes, 'minute')}`}>
          <Markdown text={one.body} level={3} asset={assetOf(course.id)} />
        </Panel>
      ) : (
        <div className="stack">
          <Notice>Some questions of the pool, as a test shows them. What is right is told when it is handed in; here nothing is.</Notice>
          {questions.map((question, i) => (
            <fieldset key={question.number} className="panel question">
              <legend>{i + 1}. {question.text}</legend>
              {question.options.map((option, j) => <label key={j} className="answer"><input type={question.kind === 'single' ? 'radio' : 'checkbox'} name={`question-${question.number}`} /><span>{option.text}</span></label>)}
            </fieldset>
          ))}
        </div>
      )}
      <Buttons>
        <Button icon="left" isDisabled={at === 0} onPress={() => go(at - 1)}>Back</Button>
        <Button tone="primary" isDisabled={at >= course.modules.length || (at === course.modules.length - 1 && questions.length === 0)} onPress={() => go(at + 1)}>{at < course.modules.length - 1 ? 'Go on' : 'To the test'}</Button>
      </Buttons>
    </div>
  )
}
