// SPDX-License-Identifier: Apache-2.0
// One risk assessment: what was seen, questions, scores, controls, the decision, who signed it off, and the rule it drafts.
import { useEffect, useState } from 'react'
import { patch, post, remove } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { AssessmentControl, AssessmentDetail, AssessmentRisk, RiskCondition, RiskDecision, RiskMethod } from '../api/types'
import { toast } from '../app/announce'
import { useDepartments } from '../app/names'
import { go, Link } from '../app/router'
import { Button, Buttons, Check, Confirm, Dialog, Failure, fieldError, Form, IconButton, Select, TextBox, TextInput } from '../components/controls'
import { Badge, Facts, Loaded, Notice, PageHead, Panel, Time } from '../components/page'
import { day, number, plural } from '../lib/format'
import { DECISIONS, IMPACT, incidentsOf, LIKELIHOOD, RISK_STATES, seenOf } from '../lib/risk-words'
import { Review, Score } from './risks'

const TOPICS = ['risks'] as const
const ANSWERS = [{ id: 'yes', name: 'Yes' }, { id: 'partly', name: 'Partly' }, { id: 'no', name: 'No' }, { id: 'unknown', name: 'Not known' }, { id: 'none', name: 'Does not apply' }]
const ACTS: Record<string, string> = { begin: 'Begun', propose: 'Put forward for sign-off', withdraw: 'Taken back', 'send back': 'Sent back', sign: 'Signed off', replace: 'Replaced by its next version', 'draft rule': 'Its rule was drafted' }
const steps = (words: readonly string[]) => words.map((word, i) => ({ id: String(i + 1), name: `${i + 1} ${word}` }))

export default function RiskPage({ parts }: { parts: Readonly<Record<string, string>> }) {
  const method = useQuery<RiskMethod>('/risks/method')
  const one = useQuery<AssessmentDetail>(`/assessments/${parts['id']}`, {}, { topics: TOPICS, keep: true })
  return <Loaded of={one}>{data => <Loaded of={method}>{known => <Shown key={data.id + data.state} of={data} method={known} />}</Loaded>}</Loaded>
}

function Shown({ of, method }: { of: AssessmentDetail; method: RiskMethod }) {
  const [asking, setAsking] = useState<'sign' | 'back' | 'remove' | null>(null)
  const act = useAction(async (path: string) => post<AssessmentDetail>(`/assessments/${of.id}/${path}`, path === 'observe' ? {} : undefined), 'risks', 'policy')
  const renew = useAction(() => post<AssessmentDetail>('/assessments', { ...(of.service ? { service: of.service } : { class: of.class }), ...(of.department && { department: of.department.id }) }), 'risks')
  const drop = useAction(async () => { await remove(`/assessments/${of.id}`); return true }, 'risks')
  const facts = of.facts
  return (
    <>
      <PageHead title={of.title} lead={`Risk assessment ${of.id}, version ${of.number}`} back={{ href: '/risks', name: 'Risks' }} actions={<>
        <Badge tone={RISK_STATES[of.state].tone}>{RISK_STATES[of.state].name}</Badge>
        {of.may.remove && <Button tone="quiet" icon="trash" onPress={() => setAsking('remove')}>Throw away …</Button>}
        {of.may.withdraw && <Button busy={act.busy} onPress={() => void act.run('withdraw')}>Take back</Button>}
        {of.may.sign && <><Button onPress={() => setAsking('back')}>Send back …</Button><Button tone="primary" onPress={() => setAsking('sign')}>Sign off …</Button></>}
        {of.state === 'draft' && of.may.decide && <Button tone="primary" busy={act.busy} isDisabled={!of.may.propose} onPress={() => void act.run('propose').then(done => done && toast('Put forward. Somebody else signs it off.'))}>Put forward</Button>}
        {of.may.draft_rule && <Button tone="primary" icon="edit" busy={act.busy} onPress={() => void act.run('rule').then(done => done && toast('The rule is drafted. Others approve it.'))}>Draft the rule</Button>}
        {of.may.renew && <Button busy={renew.busy} onPress={() => void renew.run().then(made => made && go(`/risks/${made.id}`))}>Assess again</Button>}
      </>} />
      <Failure error={act.error ?? renew.error} />
      {of.state === 'draft' && of.lacking.length > 0 && <Notice tone="warn"><p>Before it can be put forward:</p><ul>{of.lacking.slice(0, 6).map(word => <li key={word}>{word}</li>)}{of.lacking.length > 6 && <li>{`and ${of.lacking.length - 6} more`}</li>}</ul></Notice>}
      <div className="grid">
        <Panel title="Result">
          <Facts of={[
            ['Residual risk', <Score of={of.residual} />], ['Inherent risk', <Score of={of.inherent} />], ['Its worst', method.threats.find(t => t.key === of.worst)?.title],
            ['Decision', of.decision && DECISIONS[of.decision]], ['Conditions', of.conditions.map(key => method.conditions.find(c => c.key === key)?.text ?? key).join('; ')], ['Owner', of.owner], ['Review', of.review && <Review of={of} />],
            ['Signed off', of.signed && <>{day(of.signed)} by {of.signed_by}</>], ['Stopped since then', of.stopped !== null && plural(of.stopped, 'flow')], ['Written by', of.authors.join(', ')],
          ]} />
        </Panel>
        <Panel title="What was seen" note={`${day(facts.from)} to ${day(facts.until)}`} actions={of.may.write && <Button small icon="refresh" busy={act.busy} onPress={() => void act.run('observe')}>Look again</Button>}>
          <Facts of={[
            ['People', number(facts.people)], ['Flows', number(facts.flows)], ['Messages', number(facts.messages)], ['Files', `${number(facts.files)}, ${number(facts.scanned)} of them scanned`], ['Stopped', number(facts.stopped)], ['Alerts', number(facts.alerts)],
            ['On odd ports', number(facts.agile)], ['Incidents', incidentsOf(facts)], ['End to end', facts.end_to_end === null ? '' : facts.end_to_end ? 'encrypted' : 'not encrypted'], ['Catalog', facts.catalog.join('; ')],
          ]} />
        </Panel>
      </div>
      <Questions of={of} method={method} />
      <Scores of={of} method={method} />
      <Controls of={of} method={method} />
      <Decision key={written(of)} of={of} method={method} />
      {of.rule && (
        <Panel title="The rule of this decision" note={of.drafted ? undefined : 'drafted once it is signed off'}>
          <div className="stack tight">
            <h3>{of.rule.heading}</h3>
            <p>{of.rule.text}</p>
            <pre className="code" tabIndex={0} role="region" aria-label="Rule">{of.rule.yaml}</pre>
            {of.drafted && <p>Drafted in {of.drafted.policy ? <Link href={`/policy/${of.drafted.policy}`}>a draft of the policy</Link> : <Link href={`/documents/${of.drafted.document}/versions/${of.drafted.version}`}>the document “{of.drafted.title}”</Link>} by {of.drafted.by ?? 'the system'}: it is {of.drafted.state}.</p>}
          </div>
        </Panel>
      )}
      <Panel title="History"><ol>{of.steps.map((step, i) => <li key={i}><b>{ACTS[step.act] ?? step.act}</b> {step.who && `by ${step.who} `}<span className="muted"><Time at={step.time} /></span>{step.why && <p>{step.why}</p>}</li>)}</ol>
        {of.versions.length > 1 && <p>Versions: {of.versions.map(v => <span key={v.id}>{v.id === of.id ? <b>{v.number}</b> : <Link href={`/risks/${v.id}`}>{v.number} ({RISK_STATES[v.state].name})</Link>} </span>)}</p>}
      </Panel>
      {(asking === 'sign' || asking === 'back') && <SignOff of={of} sign={asking === 'sign'} onClose={() => setAsking(null)} />}
      <Confirm title="Throw this draft away?" open={asking === 'remove'} onClose={() => setAsking(null)} act="Throw away" danger busy={drop.busy} error={drop.error} onConfirm={() => void drop.run().then(done => done && go('/risks'))}>Its answers and scores are lost; versions that were signed off stay.</Confirm>
    </>
  )
}

function useSave(of: AssessmentDetail) {
  return useAction((what: object) => patch<AssessmentDetail>(`/assessments/${of.id}`, { sha256: of.sha256, ...what }), 'risks')
}

function Questions({ of, method }: { of: AssessmentDetail; method: RiskMethod }) {
  const [changed, setChanged] = useState<Record<string, string>>({})
  const save = useSave(of)
  const given = new Map(of.answers.map(one => [one.question, one.answer as string]))
  useEffect(() => setChanged(was => Object.fromEntries(Object.entries(was).filter(([key, answer]) => given.get(key) !== answer))), [of.sha256]) // what is stored is changed no more
  const groups = [...method.threats.map(t => ({ key: t.key, title: t.title, about: t.about })), { key: 'benefit', title: 'What the business gains', about: '' }]
  const openOf = (threat?: string) => method.questions.filter(q => (threat === undefined || q.threat === threat) && !given.has(q.key) && !changed[q.key]).length
  const open = openOf()
  return (
    <Panel title="Questions" note={open > 0 ? `${open} not answered` : 'all answered'} actions={of.may.write && <Button tone="primary" small busy={save.busy} isDisabled={Object.keys(changed).length === 0} onPress={() => void save.run({ answers: Object.entries(changed).map(([question, answer]) => ({ question, answer })) })}>Save answers</Button>}>
      <Failure error={save.error} />
      {groups.map(group => (
        <details key={group.key} className="risk-group" open={of.state === 'draft' && group.key === 'malware'}>
          <summary>{group.title} <span className="muted small">{plural(method.questions.filter(q => q.threat === group.key).length, 'question')}{openOf(group.key) > 0 && `, ${openOf(group.key)} not answered`}</span></summary>
          {group.about && <p className="muted">{group.about}</p>}
          {method.questions.filter(q => q.threat === group.key).map(q => {
            const seen = seenOf(of.facts, q.fact)
            const answer = changed[q.key] ?? given.get(q.key) ?? null
            return of.may.write && (of.may.decide || q.part === 'technical')
              ? <div key={q.key} className="risk-row"><span>{q.text} {seen && <span className="muted small nowrap">seen: {seen}</span>}</span><Select label={q.text} hideLabel value={answer} choices={ANSWERS} onChange={value => setChanged({ ...changed, [q.key]: value })} /></div>
              : <div key={q.key} className="risk-row"><span>{q.text}</span><b>{ANSWERS.find(a => a.id === answer)?.name ?? 'Not answered'}</b></div>
          })}
        </details>
      ))}
    </Panel>
  )
}

const PARTS = [['likelihood', 'Likelihood'], ['impact', 'Impact'], ['residual_likelihood', 'Likelihood with controls'], ['residual_impact', 'Impact with controls']] as const
type Part = (typeof PARTS)[number][0]

function Scores({ of, method }: { of: AssessmentDetail; method: RiskMethod }) {
  const [changed, setChanged] = useState<Record<string, Partial<Record<Part, number>>>>({})
  const save = useSave(of)
  useEffect(() => setChanged(was => Object.fromEntries(Object.entries(was).filter(([threat, parts]) => {
    const stored = of.risks.find(one => one.threat === threat)
    return PARTS.some(([key]) => parts[key] !== undefined && parts[key] !== stored?.[key])
  }))), [of.sha256])
  const take = () => setChanged(Object.fromEntries(of.risks.map(r => [r.threat, { likelihood: r.suggested.likelihood, impact: r.suggested.impact, residual_likelihood: r.suggested.residual_likelihood ?? r.suggested.likelihood, residual_impact: r.suggested.residual_impact ?? r.suggested.impact }])))
  const value = (r: AssessmentRisk, part: Part) => changed[r.threat]?.[part] ?? r[part]
  return (
    <Panel title="Scores" note="likelihood times impact, without and with controls" actions={of.may.write && <>
      <Button small onPress={take}>Take what is suggested</Button>
      <Button tone="primary" small busy={save.busy} isDisabled={Object.keys(changed).length === 0} onPress={() => void save.run({ risks: Object.entries(changed).map(([threat, parts]) => ({ threat, ...parts })) })}>Save scores</Button>
    </>}>
      <Failure error={save.error} />
      <div className="scroll-x" tabIndex={0} role="region" aria-label="Scores">
        <table className="risk-scores">
          <thead><tr><th scope="col">Threat</th>{PARTS.map(([key, name]) => <th key={key} scope="col">{name}</th>)}</tr></thead>
          <tbody>
            {of.risks.map(r => {
              const title = method.threats.find(t => t.key === r.threat)?.title ?? r.threat
              return (
                <tr key={r.threat}>
                  <th scope="row">{title}<br /><span className="muted small">suggested {r.suggested.likelihood} × {r.suggested.impact}: {r.suggested.because}</span></th>
                  {PARTS.map(([key, name]) => {
                    const now = value(r, key), words = key.endsWith('impact') ? IMPACT : LIKELIHOOD
                    return <td key={key} data-label={name}>{of.may.write ? <Select label={`${name}: ${title}`} hideLabel value={now ? String(now) : null} choices={steps(words)} onChange={v => setChanged({ ...changed, [r.threat]: { ...changed[r.threat], [key]: Number(v) } })} /> : now ? `${now} ${words[now - 1]}` : '–'}</td>
                  })}
                </tr>
              )
            })}
          </tbody>
        </table>
      </div>
    </Panel>
  )
}

function Controls({ of, method }: { of: AssessmentDetail; method: RiskMethod }) {
  const [adding, setAdding] = useState(false)
  const save = useSave(of)
  const carriers = { imward: 'imward', product: 'another product', people: 'people' }
  return (
    <Panel title="Controls" note="what lowers a risk, and by how much" actions={of.may.write && <Button small icon="plus" onPress={() => setAdding(true)}>Add a control …</Button>}>
      <Failure error={save.error} />
      {of.controls.length === 0 && <p className="muted">None is named yet. A score is lower with controls only where one is in place.</p>}
      <ul className="plain">
        {of.controls.map((one, i) => (
          <li key={i} className="risk-row">
            <span><b>{one.what}</b> <span className="muted">against {method.threats.find(t => t.key === one.threat)?.title ?? one.threat}; carried by {carriers[one.carrier]}; likelihood −{one.likelihood}, impact −{one.impact}</span></span>
            <span><Badge tone={one.state === 'planned' ? 'alert' : 'allow'}>{one.state === 'planned' ? 'Planned' : 'In place'}</Badge>{of.may.write && <IconButton label={`Remove ${one.what}`} icon="trash" onPress={() => void save.run({ controls: of.controls.filter((_, k) => k !== i) })} />}</span>
          </li>
        ))}
      </ul>
      {adding && <AddControl of={of} method={method} onClose={() => setAdding(false)} />}
    </Panel>
  )
}

function AddControl({ of, method, onClose }: { of: AssessmentDetail; method: RiskMethod; onClose: () => void }) {
  const [one, setOne] = useState<AssessmentControl>({ threat: method.threats[0]?.key ?? '', what: '', carrier: 'imward', state: 'in place', likelihood: 1, impact: 0 })
  const save = useSave(of)
  const numbers = [0, 1, 2, 3, 4].map(n => ({ id: String(n), name: n === 0 ? 'not' : `by ${n}` }))
  return (
    <Dialog title="Add a control" open onClose={onClose}>
      <Form label="Add a control" onSubmit={() => void save.run({ controls: [...of.controls, one] }).then(done => done && onClose())}>
        <TextInput label="What it is" value={one.what} onChange={what => setOne({ ...one, what })} required autoFocus error={fieldError(save.error, 'controls')} />
        <Select label="Against" value={one.threat} onChange={threat => setOne({ ...one, threat })} choices={method.threats.map(t => ({ id: t.key, name: t.title }))} />
        <Select label="Carried by" value={one.carrier} onChange={v => setOne({ ...one, carrier: v as AssessmentControl['carrier'] })} choices={[{ id: 'imward', name: 'imward' }, { id: 'product', name: 'Another product' }, { id: 'people', name: 'People, by a rule of work' }]} />
        <Select label="State" value={one.state} onChange={v => setOne({ ...one, state: v as AssessmentControl['state'] })} choices={[{ id: 'in place', name: 'In place' }, { id: 'planned', name: 'Planned' }]} />
        <Select label="Lowers likelihood" value={String(one.likelihood)} onChange={v => setOne({ ...one, likelihood: Number(v) })} choices={numbers} />
        <Select label="Lowers impact" value={String(one.impact)} onChange={v => setOne({ ...one, impact: Number(v) })} choices={numbers} />
        <Failure error={save.error} fields={['controls']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button type="submit" tone="primary" busy={save.busy} isDisabled={one.what.trim() === ''}>Add</Button></Buttons>
      </Form>
    </Dialog>
  )
}

/** What the form below begins with: who saves answers or scores above keeps what is written in it. */
const written = (of: AssessmentDetail) => JSON.stringify([of.benefit, of.benefit_level, of.decision, of.conditions, of.departments, of.reason, of.review])

function Decision({ of, method }: { of: AssessmentDetail; method: RiskMethod }) {
  const departments = useDepartments()
  const [benefit, setBenefit] = useState(of.benefit)
  const [level, setLevel] = useState(of.benefit_level === null ? null : String(of.benefit_level))
  const [decision, setDecision] = useState<string | null>(of.decision)
  const [conditions, setConditions] = useState<readonly RiskCondition[]>(of.conditions)
  const [allowed, setAllowed] = useState<readonly number[]>(of.departments.map(one => one.id))
  const [reason, setReason] = useState(of.reason)
  const [review, setReview] = useState(of.review?.slice(0, 10) ?? '')
  const save = useSave(of)
  if (!of.may.decide) return <Panel title="Benefit and decision"><Facts of={[['Benefit', of.benefit], ['How much', of.benefit_level && `${of.benefit_level} of 5`], ['Reason', of.reason], ['Departments', of.departments.map(one => one.name).join(', ')]]} />{!of.benefit && !of.reason && <p className="muted">Compliance writes this part.</p>}</Panel>
  return (
    <Panel title="Benefit and decision">
      <Form label="Benefit and decision" onSubmit={() => void save.run({ benefit, reason, decision: decision as RiskDecision | null, conditions: decision === 'conditions' ? conditions : [], departments: decision === 'conditions' && conditions.includes('departments') ? allowed : [], ...(level && { benefit_level: Number(level) }), review: review || null }).then(done => done && toast('Saved.'))}>
        <TextBox label="What the business gains" value={benefit} onChange={setBenefit} rows={2} error={fieldError(save.error, 'benefit')} />
        <Select label="How much" value={level} onChange={setLevel} choices={steps(['nearly nothing', 'little', 'some', 'much', 'indispensable'])} />
        <Select label="Decision" value={decision} onChange={setDecision} choices={method.decisions.map(one => ({ id: one.key, name: one.text }))} error={fieldError(save.error, 'decision')} />
        {decision === 'conditions' && (
          <fieldset className="field"><legend>Conditions</legend>
            {method.conditions.map(one => <Check key={one.key} checked={conditions.includes(one.key)} onChange={on => setConditions(on ? [...conditions, one.key] : conditions.filter(key => key !== one.key))}>{one.text}</Check>)}
            {conditions.includes('departments') && departments.filter(one => one.id !== 'none').map(one => <Check key={one.id} checked={allowed.includes(Number(one.id))} onChange={on => setAllowed(on ? [...allowed, Number(one.id)] : allowed.filter(id => id !== Number(one.id)))}>{`Department ${one.name}`}</Check>)}
          </fieldset>
        )}
        <TextBox label="Reason" value={reason} onChange={setReason} rows={2} error={fieldError(save.error, 'reason')} />
        <TextInput label="Looked at again on" type="date" value={review} onChange={setReview} error={fieldError(save.error, 'review')} />
        <Failure error={save.error} fields={['benefit', 'decision', 'reason', 'review']} />
        <Buttons><Button type="submit" tone="primary" busy={save.busy}>Save decision</Button></Buttons>
      </Form>
    </Panel>
  )
}

function SignOff({ of, sign, onClose }: { of: AssessmentDetail; sign: boolean; onClose: () => void }) {
  const [why, setWhy] = useState('')
  const act = useAction(() => post<AssessmentDetail>(`/assessments/${of.id}/decision`, { sign, why, sha256: of.sha256 }), 'risks')
  const title = sign ? 'Sign off' : 'Send back'
  return (
    <Dialog title={title} open onClose={onClose}>
      <Form label={title} onSubmit={() => void act.run().then(done => { if (done) { toast(sign ? 'Signed off.' : 'Sent back.'); onClose() } })}>
        {sign && <p>{of.title}: {of.decision && DECISIONS[of.decision].toLowerCase()}, residual risk <Score of={of.residual} />. You sign exactly what is shown here.</p>}
        <TextBox label={sign ? 'Remark' : 'What is to be changed'} value={why} onChange={setWhy} required={!sign} rows={3} error={fieldError(act.error, 'why')} />
        <Failure error={act.error} fields={['why']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button type="submit" tone="primary" busy={act.busy}>{title}</Button></Buttons>
      </Form>
    </Dialog>
  )
}
