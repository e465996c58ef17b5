// SPDX-License-Identifier: Apache-2.0
// What I am to learn, may learn, and have learnt. Made for a telephone first.
import { useState } from 'react'
import { get } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { Certificate, CertificateRow, DutyState, MineTraining, MyDuty } from '../api/types'
import { Link } from '../app/router'
import { Button, Buttons, Dialog, Failure, LinkButton, Progress } from '../components/controls'
import { saveText } from '../components/copy'
import { Badge, Empty, Facts, Loaded, Notice, PageHead, Panel, Time, type BadgeTone } from '../components/page'
import { day, plural } from '../lib/format'

const TOPICS = ['training'] as const
export const DUTY_STATES: Record<DutyState, { name: string; tone: BadgeTone }> = {
  open: { name: 'To do', tone: 'alert' }, overdue: { name: 'Overdue', tone: 'block' }, renew: { name: 'To renew', tone: 'alert' }, done: { name: 'Done', tone: 'allow' }, excused: { name: 'Excused', tone: 'plain' },
}
const WHY: Record<MyDuty['reason'], string | null> = {
  assigned: null, repeat: 'Your certificate comes to its end.',
  incident: 'Again, because you were part of an incident. That is no reproach: whoever has met an attack learns most from going through it.',
}

export default function MyTrainingPage() {
  const mine = useQuery<MineTraining>('/mine/training', {}, { topics: TOPICS })
  return (
    <>
      <PageHead title="My training" lead="Courses in short modules. Read a part when you have ten minutes; where you were is remembered." />
      <Loaded of={mine}>
        {data => !data.person ? (
          <Panel><Empty title="Your account belongs to nobody in the directory">Training is a person’s. An administrator can join the account to you.</Empty></Panel>
        ) : (
          <>
            {data.duties.length === 0 && data.offered.length === 0 && <Panel><Empty title="There is nothing to learn">When a course is assigned to you, it stands here, and you get a mail.</Empty></Panel>}
            {data.duties.map(one => <Duty key={one.course} of={one} />)}
            {data.offered.length > 0 && (
              <Panel title="If you like" note="Courses that you need not take.">
                <ul className="plain stack">{data.offered.map(one => <li key={one.course}><Link href={`/mine/training/${one.course}`}>{one.title}</Link> <span className="muted">about {plural(one.minutes, 'minute')}</span><p className="muted small">{one.summary}</p></li>)}</ul>
              </Panel>
            )}
            <Panel title="My certificates">
              {data.certificates.length === 0 ? <p className="muted">None yet: a course ends with a test, and a passed test with a certificate.</p> : <ul className="plain stack">{data.certificates.map(one => <li key={one.id}><CertificateLine of={one} /></li>)}</ul>}
            </Panel>
          </>
        )}
      </Loaded>
    </>
  )
}

function Duty({ of }: { of: MyDuty }) {
  const state = DUTY_STATES[of.state]
  const owed = of.state === 'open' || of.state === 'renew' || of.state === 'overdue'
  return (
    <Panel title={of.title} actions={<Badge tone={state.tone}>{state.name}</Badge>}>
      <div className="stack">
        <p>{of.summary}</p>
        {owed && WHY[of.reason] && <Notice>{WHY[of.reason]}</Notice>}
        <Facts of={[[of.state === 'overdue' ? 'Was due' : 'Due', owed && of.due ? day(of.due) : null], ['Counts until', of.valid_until ? day(of.valid_until) : null], ['Takes', `about ${plural(of.minutes, 'minute')}`]]} />
        {owed && <Progress label={`${of.read} of ${of.modules} modules read`} part={of.modules > 0 ? Math.min(1, of.read / of.modules) : 0} />}
        <Buttons><LinkButton tone={owed ? 'primary' : 'plain'} href={`/mine/training/${of.course}`}>{of.running !== null ? 'Go on with the test' : !owed ? 'Look at it again' : of.read > 0 ? 'Go on' : 'Begin'}</LinkButton></Buttons>
      </div>
    </Panel>
  )
}

export function CertificateLine({ of }: { of: CertificateRow }) {
  const [shown, setShown] = useState<Certificate | null>(null)
  const look = useAction(() => get<Certificate>(`/mine/training/certificates/${of.id}`))
  return (
    <>
      <strong>{of.title}</strong> <Badge tone={of.state === 'valid' ? 'allow' : 'plain'}>{of.state === 'valid' ? 'Counts' : 'Has ended'}</Badge>
      <Facts of={[['Number', <span className="mono">{of.number}</span>], ['Result', `${of.score} of ${of.of}`], ['Given', <Time at={of.issued} full seconds={false} />], ['Counts until', of.valid_until ? day(of.valid_until) : 'for good'], ['Version', of.version]]} />
      <Failure error={look.error} />
      <Button small busy={look.busy} onPress={() => void look.run().then(done => done && setShown(done))}>Show the document</Button>
      {shown && (
        <Dialog title={`Certificate ${of.number}`} open wide onClose={() => setShown(null)}>
          <div className="stack">
            <pre className="code" tabIndex={0}>{shown.document}</pre>
            <p className="small">SHA-256 of exactly this text: <span className="mono wrap">{of.hash}</span></p>
            <Buttons><Button icon="export" onPress={() => saveText(`${of.number}.json`, shown.document, 'application/json')}>Save</Button></Buttons>
          </div>
        </Dialog>
      )}
    </>
  )
}
