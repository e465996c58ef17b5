// SPDX-License-Identifier: Apache-2.0
// The register of risks: how many assessments in which field of the matrix, all of them, and services nobody assessed yet.
import { useState } from 'react'
import { post } from '../api/client'
import { useAction, usePages, useQuery } from '../api/query'
import type { Assessment, AssessmentDetail, AssessmentPage, RiskScore, RiskSummary } from '../api/types'
import { useDepartments, useServiceNames } from '../app/names'
import { go, Link } from '../app/router'
import { useCan } from '../app/session'
import { Button, Buttons, Dialog, Failure, fieldError, Form, LinkButton, Select } from '../components/controls'
import { FilterBar, useFilter } from '../components/filter-bar'
import { Badge, Empty, Loaded, PageHead, Panel, Tile, Tiles, Time } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { day, number, plural } from '../lib/format'
import { DECISIONS, IMPACT, levelOf, LEVELS, LIKELIHOOD, RISK_STATES } from '../lib/risk-words'

const TOPICS = ['risks'] as const
const CLASSES = [['im', 'Public instant messaging'], ['social', 'Social networks'], ['workplace', 'Workplace chat'], ['meeting', 'Meetings'], ['voice-chat', 'Voice chat']] as const

export const Score = ({ of }: { of: RiskScore | null }) => (of === null ? <span className="muted">not rated</span> : <Badge tone={LEVELS[of.level].tone}>{`${LEVELS[of.level].name} ${of.score}`}</Badge>)
export const Review = ({ of }: { of: Assessment }) => (of.review === null ? null : <>{day(of.review)}{of.due !== 'no' && <>{' '}<Badge tone={of.due === 'over' ? 'block' : 'alert'}>{of.due === 'over' ? 'due' : 'soon'}</Badge></>}</>)

const COLUMNS: Column<Assessment>[] = [
  { id: 'title', name: 'Service', cell: one => one.title, wide: true, always: true },
  { id: 'residual', name: 'Residual risk', cell: one => <Score of={one.residual} /> },
  { id: 'inherent', name: 'Inherent', cell: one => <Score of={one.inherent} />, extra: true },
  { id: 'decision', name: 'Decision', cell: one => (one.decision ? DECISIONS[one.decision] : '') },
  { id: 'state', name: 'State', cell: one => <Badge tone={RISK_STATES[one.state].tone}>{RISK_STATES[one.state].name}</Badge> },
  { id: 'owner', name: 'Owner', cell: one => one.owner ?? '' },
  { id: 'review', name: 'Review', cell: one => <Review of={one} /> },
  { id: 'changed', name: 'Changed', cell: one => <Time at={one.changed} />, extra: true },
]

export default function Risks() {
  const can = useCan()
  const { filter } = useFilter()
  const [beginning, setBeginning] = useState<string | null>(null)
  const summary = useQuery<RiskSummary>('/risks/summary', {}, { topics: TOPICS, keep: true })
  const { range: _span, ...rest } = filter
  const pages = usePages<Assessment, AssessmentPage>('/assessments', { ...rest, limit: 50 }, page => page.assessments, { topics: TOPICS, keep: true })
  return (
    <>
      <PageHead title="Risks" lead="What each service is worth, what it risks, and what was decided." actions={<>
        <LinkButton href="/protections" icon="shield">What covers what</LinkButton>
        {can('risk:write') && <Button tone="primary" icon="plus" onPress={() => setBeginning('')}>Assess a service …</Button>}
      </>} />
      <Loaded of={summary}>
        {data => (
          <>
            <Tiles label="Assessments" few>
              <Tile name="In force" value={number(data.signed)} />
              <Tile name="Wait for sign-off" value={number(data.waiting)} href="/risks?state=proposed" />
              <Tile name="Review due" value={number(data.over)} href="/risks?due=1" />
              <Tile name="Seen, not assessed" value={number(data.unassessed_count)} />
            </Tiles>
            <div className="grid">
              <Panel title="Residual risk of what is in force"><Matrix of={data.matrix} /></Panel>
              <Panel title="Seen, but not assessed" flush note="in the last 90 days">
                <DataTable label="Services seen, but not assessed" rows={data.unassessed} rowKey={one => one.service} columns={[
                  { id: 'name', name: 'Service', cell: one => one.name, wide: true, always: true },
                  { id: 'flows', name: 'Flows', cell: one => number(one.flows), align: 'end' },
                  ...(can('risk:write') ? [{ id: 'assess', name: 'Assess', cell: (one: RiskSummary['unassessed'][number]) => <Button small onPress={() => setBeginning(one.service)} aria-label={`Assess ${one.name}`}>Assess</Button> }] : []),
                ]} empty={<Empty title="Every service that was seen is assessed">A service that is new here appears in this list.</Empty>} />
              </Panel>
            </div>
          </>
        )}
      </Loaded>
      <h2 className="risk-register">Register</h2>
      <FilterBar range={false} search="Search services" fields={[
        { name: 'state', label: 'State', single: true, options: Object.entries(RISK_STATES).map(([id, one]) => ({ id, name: one.name })) },
        { name: 'level', label: 'Residual risk', single: true, options: Object.entries(LEVELS).map(([id, one]) => ({ id, name: one.name })) },
        { name: 'decision', label: 'Decision', single: true, options: Object.entries(DECISIONS).map(([id, name]) => ({ id, name })) },
      ]} />
      <Panel flush>
        <DataTable label="Register of risks" rows={pages.loading ? undefined : pages.rows} columns={COLUMNS} rowKey={one => one.id} href={one => `/risks/${one.id}`} loading={pages.loading} error={pages.error} onRetry={pages.reload}
          more={pages.cursor !== null ? pages.more : null} moreBusy={pages.busy} foot={plural(pages.rows.length, 'assessment')} choose="risks"
          empty={<Empty title="No assessment here">Assess a service: what was seen of it is filled in.</Empty>} />
      </Panel>
      {beginning !== null && <Begin service={beginning} onClose={() => setBeginning(null)} />}
    </>
  )
}

function Matrix({ of }: { of: number[][] }) {
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label="Risk matrix">
      <table className="risk-matrix">
        <caption className="muted small">Impact upward, likelihood to the right; each field: its level, and how many</caption>
        <thead><tr><th scope="col"><span className="hidden-text">Impact</span></th>{LIKELIHOOD.map(word => <th key={word} scope="col">{word}</th>)}</tr></thead>
        <tbody>
          {[4, 3, 2, 1, 0].map(i => (
            <tr key={i}>
              <th scope="row">{IMPACT[i]}</th>
              {[0, 1, 2, 3, 4].map(l => {
                const level = levelOf((i + 1) * (l + 1)), count = of[i]?.[l] ?? 0
                return <td key={l} className={`risk-${level}`}>{count > 0 ? <Link href={`/risks?likelihood=${l + 1}&impact=${i + 1}&state=signed`} aria-label={`${count}, ${level}`}><b>{number(count)}</b></Link> : null}<span className="small">{LEVELS[level].name}</span></td>
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Begin({ service, onClose }: { service: string; onClose: () => void }) {
  const names = useServiceNames()
  const departments = useDepartments()
  const [subject, setSubject] = useState(service)
  const [department, setDepartment] = useState('all')
  const begin = useAction(() => post<AssessmentDetail>('/assessments', { ...(subject.startsWith('class:') ? { class: subject.slice(6) } : { service: subject }), ...(department !== 'all' && { department: Number(department) }) }), 'risks')
  return (
    <Dialog title="Assess a service" open onClose={onClose}>
      <Form label="Assess a service" onSubmit={() => void begin.run().then(made => made && go(`/risks/${made.id}`))}>
        <Select label="Service, or a class of them" value={subject || null} onChange={setSubject} error={fieldError(begin.error, 'service')} choices={[...CLASSES.map(([id, name]) => ({ id: `class:${id}`, name: `${name} (all)` })), ...[...names].map(([id, name]) => ({ id, name }))]} />
        {departments.length > 1 && <Select label="For" value={department} onChange={setDepartment} choices={[{ id: 'all', name: 'The institution' }, ...departments.filter(one => one.id !== 'none')]} />}
        <p className="muted">What was seen of it in the last 90 days is filled in, and kept with it.</p>
        <Failure error={begin.error} fields={['service']} />
        <Buttons>
          <Button onPress={onClose}>Cancel</Button>
          <Button type="submit" tone="primary" busy={begin.busy} isDisabled={subject === ''}>Begin</Button>
        </Buttons>
      </Form>
    </Dialog>
  )
}
