// SPDX-License-Identifier: Apache-2.0
// One version of the policy: its text, checked while it is written; what each rule says in words; what it would have
// done in the days that are stored; and, of a draft, its publishing.
import { useEffect, useMemo, useRef, useState } from 'react'
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components/Tabs'
import { call, get, post, put } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { Action, PolicyVersion, WhatIf } from '../api/types'
import { toast } from '../app/announce'
import { useServiceNames } from '../app/names'
import { go, Link, useLeaveGuard } from '../app/router'
import { useCan } from '../app/session'
import { Button, Confirm, Failure, Progress, Select } from '../components/controls'
import { Editor, type EditorHandle, type Problem } from '../components/editor'
import { Icon } from '../components/icon'
import { ActionBadge, Empty, ErrorState, Loading, Notice, PageHead, Panel, Time, WhoLink } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { number, plural, time } from '../lib/format'
import { ACTIONS } from '../lib/words'
import { CarriedBy, PolicyState, useCarrier } from './policies'

const TOPICS = ['policy'] as const
interface Rule { name: string; action: Action; line: number; text: string }
interface Checked { ok: boolean; version: string | null; problems: Problem[]; rules: Rule[] }

export default function Policy({ parts }: { parts: Record<string, string> }) {
  const policy = useQuery<PolicyVersion & { text: string }>(`/policies/${parts['id']}`, {}, { topics: TOPICS, hold: true })
  const back = { href: '/policy', name: 'Policy' }
  if (policy.data === undefined) return <><PageHead title="Policy" back={back} />{policy.error ? <ErrorState error={policy.error} onRetry={policy.reload} /> : <Loading rows={6} />}</>
  return <Edit key={policy.data.id} policy={policy.data} reload={policy.reload} />
}

function Edit({ policy, reload }: { policy: PolicyVersion & { text: string }; reload: () => void }) {
  const can = useCan()
  const [text, setText] = useState(policy.text)
  const [saved, setSaved] = useState(policy.text)
  const [checked, setChecked] = useState<Checked | null>(null)
  const [checkFailed, setCheckFailed] = useState<string | null>(null)
  const [tab, setTab] = useState('rules')
  const [publishing, setPublishing] = useState(false)
  const editor = useRef<EditorHandle>(null)
  const carrier = useCarrier()
  const draft = policy.state === 'draft'
  const write = draft && can('policy:write')
  const dirty = text !== saved
  useLeaveGuard(dirty ? 'The draft has changes that are not saved. Leave all the same?' : null)

  // Checked by the program itself, a moment after the last key.
  useEffect(() => {
    const abort = new AbortController()
    const timer = setTimeout(() => {
      call<Checked>('POST', '/policies/check', { body: { text }, signal: abort.signal }).then(
        answer => { setChecked(answer); setCheckFailed(null) },
        error => { if (!abort.signal.aborted) setCheckFailed(error instanceof Error ? error.message : String(error)) },
      )
    }, checked === null ? 0 : 450)
    return () => { clearTimeout(timer); abort.abort() }
  }, [text])

  const save = useAction(async () => { await put(`/policies/${policy.id}`, { text }); setSaved(text); return true }, 'policy')
  const publish = useAction(async () => {
    if (dirty) { await put(`/policies/${policy.id}`, { text }); setSaved(text) }
    await post(`/policies/${policy.id}/publish`)
    return true
  }, 'policy')
  const again = useAction(async () => post<PolicyVersion>('/policies', { text: (await get<{ text: string }>(`/policies/${policy.id}`)).text, from: policy.id }), 'policy')
  const problems = checked?.problems ?? []
  const errors = problems.filter(one => one.level === 'error').length
  return (
    <>
      <PageHead title={draft ? `Draft ${policy.id}` : `Policy ${policy.version ?? policy.id}`} back={{ href: '/policy', name: 'Policy' }}
        lead={<span className="row center tight"><PolicyState state={policy.state} /><span>{policy.author && `written by ${policy.author}, `}changed <Time at={policy.changed} />{policy.published && <>, published <Time at={policy.published} full seconds={false} /></>}</span></span>}
        actions={write ? (
          <>
            <Button busy={save.busy} isDisabled={!dirty} onPress={() => void save.run().then(done => done && toast('Draft saved'))}>{dirty ? 'Save the draft' : 'Saved'}</Button>
            {carrier === null && <Button tone="primary" isDisabled={errors > 0 || checked === null} onPress={() => setPublishing(true)}>Publish …</Button>}
          </>
        ) : can('policy:write') && <Button icon="edit" busy={again.busy} onPress={() => void again.run().then(made => made && go(`/policy/${made.id}`))}>Draft a change of it</Button>} />
      <Failure error={save.error ?? again.error} />
      <CarriedBy document={carrier} />
      <div className="grid policy-grid">
        <Panel flush>
          <Editor ref={editor} label={write ? 'Text of the policy' : 'Text of the policy, not to be changed'} value={text} onChange={setText} readOnly={!write} problems={problems} />
          <div className="editor-foot" role="status">
            {checkFailed !== null ? <><Icon name="warning" />Not checked: {checkFailed}</> : checked === null ? 'Checking …' : errors > 0 ? <span className="bad-text"><Icon name="warning" />{plural(errors, 'error')}</span> : <span className="good-text"><Icon name="check" />No errors{problems.length > 0 && `, ${plural(problems.length, 'warning')}`}</span>}
            {checked?.version && <span className="muted small mono">{checked.version}</span>}
          </div>
        </Panel>
        <div className="stack">
          {problems.length > 0 && (
            <Panel title="Problems">
              <ul className="problems plain">
                {problems.map((one, i) => (
                  <li key={i} className={one.level}>
                    <button type="button" onClick={() => editor.current?.goTo(one.line, one.column)}><Icon name="warning" /><span><span className="muted">Line {one.line}{one.key && `, ${one.key}`}:</span> {one.text}</span></button>
                  </li>
                ))}
              </ul>
            </Panel>
          )}
          <Panel>
            <Tabs selectedKey={tab} onSelectionChange={key => setTab(String(key))}>
              <TabList aria-label="About this policy" className="tab-list"><Tab id="rules" className="tab">Rules</Tab>{can('usage:read') && <Tab id="what-if" className="tab">What if</Tab>}</TabList>
              <TabPanel id="rules" className="tab-panel">
                {checked === null ? <Loading /> : checked.rules.length === 0 ? <Empty title="No rules">{errors > 0 ? 'They are shown when the text has no errors.' : 'The default decides on everything.'}</Empty> : (
                  <ol className="rules plain">
                    {checked.rules.map((rule, i) => (
                      <li key={i}><span className="muted small">{i + 1}</span><button type="button" className="narrow" onClick={() => editor.current?.goTo(rule.line)}><strong>{rule.name}</strong><br /><span className="muted">{rule.text.replace(/^\s*- name: .*?(?=\s(?:match|action|when|reason)\b)/s, '').trim()}</span></button><ActionBadge action={rule.action} /></li>
                    ))}
                  </ol>
                )}
              </TabPanel>
              <TabPanel id="what-if" className="tab-panel"><Past text={text} rules={checked?.rules ?? []} broken={errors > 0} /></TabPanel>
            </Tabs>
          </Panel>
        </div>
      </div>
      <Confirm title="Publish this policy" open={publishing} onClose={() => setPublishing(false)} act="Publish" busy={publish.busy} error={publish.error} onConfirm={() => void publish.run().then(done => { if (done) { setPublishing(false); toast('Published. Sensors and gateways take it over.'); reload() } })}>
        <p>It replaces the version in force. Sensors and gateways that take their policy from here decide by it from now on; who signed the version before may have to sign again.</p>
      </Confirm>
    </>
  )
}

/** What would it have done? The stored flows, decided anew. */
function Past({ text, rules, broken }: { text: string; rules: readonly Rule[]; broken: boolean }) {
  const names = useServiceNames()
  const [days, setDays] = useState('7')
  const [rule, setRule] = useState('')
  const [result, setResult] = useState<WhatIf | null>(null)
  const [of, setOf] = useState<string | null>(null)
  const ask = useAction(() => post<WhatIf>('/policies/what-if', { text, days: Number(days), ...(rule !== '' && { rule }) }))
  const key = `${days} ${rule} ${text}`
  const changed = useMemo(() => result?.changed.filter(one => one.from !== one.to) ?? [], [result])
  const ruleColumns: Column<WhatIf['by_rule'][number]>[] = [
    { id: 'rule', name: 'Rule', cell: one => <>{one.rule}{one.services.length > 0 && <div className="muted tiny">{one.services.map(service => names.get(service) ?? service).join(', ')}</div>}</>, wide: true },
    { id: 'action', name: 'Verdict', cell: one => <ActionBadge action={one.action} /> },
    { id: 'flows', name: 'Flows', cell: one => number(one.flows), align: 'end', sort: one => one.flows },
    { id: 'people', name: 'People', cell: one => number(one.people), align: 'end', sort: one => one.people },
  ]
  const exampleColumns: Column<WhatIf['examples'][number]>[] = [
    { id: 'time', name: 'Time', cell: one => <Time at={one.event.time} full seconds={false} /> },
    { id: 'what', name: 'What', cell: one => <>{names.get(one.event.service ?? '') ?? one.event.service}<div className="muted tiny"><WhoLink who={one.event.who} plain /></div></>, wide: true },
    { id: 'change', name: 'Change', cell: one => <><Change from={one.from} to={one.to} /><div className="muted tiny">{one.rule}</div></> },
  ]
  return (
    <div className="stack">
      <p className="muted">What would this text have done with the flows that are stored? Nothing is changed by asking.</p>
      <div className="row">
        <Select label="Look back" value={days} onChange={setDays} choices={['1', '7', '30', '90'].map(id => ({ id, name: id === '1' ? '1 day' : `${id} days` }))} />
        <Select label="Only the rule" value={rule === '' ? '*' : rule} onChange={id => setRule(id === '*' ? '' : id)} choices={[{ id: '*', name: 'All rules' }, ...rules.map(one => ({ id: one.name, name: one.name }))]} />
        <Button tone="primary" busy={ask.busy} isDisabled={broken} onPress={() => void ask.run().then(done => { if (done) { setResult(done); setOf(key) } })}>Try it</Button>
      </div>
      {broken && <p className="muted small">Mend the errors first.</p>}
      {ask.busy && <Progress label="Deciding anew" part={null} />}
      <Failure error={ask.error} />
      {result && !ask.busy && (
        <>
          {of !== key && <Notice tone="warn">The text or the choice has changed since: try it again.</Notice>}
          <p><strong>{plural(result.flows, 'flow')}</strong> from {time(result.from, false)} to {time(result.to, false)}{result.complete ? '' : ' (not all: the search took too long; ask for fewer days)'}: {changed.length === 0 ? 'none would have been decided otherwise.' : `${number(changed.reduce((sum, one) => sum + one.flows, 0))} would have been decided otherwise.`}</p>
          {changed.length > 0 && (
            <ul className="changes plain">{changed.map(one => <li key={`${one.from} ${one.to}`}><Change from={one.from} to={one.to} /><span><strong>{number(one.flows)}</strong> {one.flows === 1 ? 'flow' : 'flows'} of {plural(one.people, 'person', 'people')}</span></li>)}</ul>
          )}
          <DataTable label="By rule" rows={result.by_rule} columns={ruleColumns} rowKey={one => `${one.rule} ${one.action}`} dense empty={<Empty title="No rule would have decided" />} />
          {result.examples.length > 0 && <><h3>Examples</h3><DataTable label="Examples of what would change" rows={result.examples} columns={exampleColumns} rowKey={one => one.event.id} href={one => (one.event.flow_id !== null ? `/flows/${one.event.flow_id}` : `/events/${one.event.id}`)} dense empty={null} /></>}
          <p className="small"><Link href="/events?kind=flow">All flows</Link></p>
        </>
      )}
    </div>
  )
}
const Change = ({ from, to }: { from: Action; to: Action }) => <span className="row center tight nowrap"><ActionBadge action={from} /><Icon name="right" size={12} /><span className="hidden-text">becomes</span><ActionBadge action={to} /><span className="hidden-text">{ACTIONS[to]}</span></span>
