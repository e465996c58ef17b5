// SPDX-License-Identifier: Apache-2.0
// One exception: what it is for, its risk as it was when it was asked for, and what became of it. Also for whom it is
// (/mine/exceptions/ID), on a telephone.
import { useState } from 'react'
import { useQuery } from '../api/query'
import type { Exception, ExceptionDetail } from '../api/types'
import { useServiceNames } from '../app/names'
import { Link, useLocation } from '../app/router'
import type { Parts } from '../app/routes'
import { useCan } from '../app/session'
import { Button } from '../components/controls'
import { CloseOut, DecideException, EndException, ExceptionBadge, RiskView } from '../components/exceptions'
import { Badge, ErrorState, Facts, Loading, Notice, PageHead, Panel, Time } from '../components/page'
import { activitiesOf, whatOf } from '../lib/exceptions'
import { CLASSES, word } from '../lib/words'

const TOPICS = ['exceptions'] as const
interface Step { at: string; tone: string; what: string; by: string | null; text: string | null }

function stepsOf(one: Exception): Step[] {
  const by = (name: string | null) => name
  const emergency = one.kind === 'emergency'
  const steps: (Step | null)[] = [
    { at: one.asked, tone: emergency ? 'block' : 'accent', what: emergency ? 'Emergency use began' : 'Asked for', by: by(one.asked_by), text: null },
    !emergency && one.decided ? { at: one.decided, tone: one.state === 'refused' ? 'block' : 'allow', what: one.state === 'refused' ? 'Refused' : 'Granted', by: by(one.decided_by), text: one.decided_why } : null,
    one.ended ? { at: one.ended, tone: '', what: one.state === 'withdrawn' ? 'Withdrawn' : one.state === 'expired' ? 'Its time was over' : 'Ended', by: by(one.ended_by), text: one.ended_why } : null,
    one.closed ? { at: one.closed, tone: 'allow', what: 'Closed out', by: by(one.closed_by), text: null } : null,
  ]
  return steps.filter(step => step !== null).sort((a, b) => a.at.localeCompare(b.at))
}

export default function ExceptionOne({ parts }: { parts: Parts }) {
  const can = useCan()
  const names = useServiceNames()
  const mine = useLocation().path.startsWith('/mine/')
  const one = useQuery<ExceptionDetail>(`${mine ? '/mine' : ''}/exceptions/${parts['id']}`, {}, { topics: TOPICS, keep: true })
  const [doing, setDoing] = useState<'decide' | 'end' | 'close' | null>(null)
  const back = mine ? { href: '/mine/exceptions', name: 'My exceptions' } : { href: '/exceptions', name: 'Exceptions' }
  const it = one.data
  if (it === undefined) return <><PageHead title="Exception" back={back} />{one.error ? <ErrorState error={one.error} onRetry={one.reload} /> : <Loading rows={6} />}</>
  const name = whatOf(it, names)
  const close = () => setDoing(null)
  const running = it.state === 'granted' && Date.parse(it.until) > Date.now()
  return (
    <>
      <PageHead title={`${it.kind === 'emergency' ? 'Emergency use' : 'Exception'}: ${name}`} back={back} lead={<span className="row center tight"><ExceptionBadge of={it} /><span>#{it.id}, for {it.who.label}</span></span>}
        actions={<>
          {it.may.end && <Button onPress={() => setDoing('end')}>{it.state === 'asked' ? 'Withdraw …' : 'End it …'}</Button>}
          {it.may.close && <Button tone="primary" onPress={() => setDoing('close')}>Close it out …</Button>}
          {it.may.decide && <Button tone="primary" onPress={() => setDoing('decide')}>Decide …</Button>}
        </>} />
      {it.open && <Notice tone="bad">{running ? <>Emergency use runs until <Time at={it.until} full seconds={false} />.</> : 'Emergency use is over.'} It stays open until it is closed out with what was said and where that is archived.</Notice>}
      {it.state === 'asked' && it.kind === 'request' && !it.may.decide && <Notice>Compliance decides. {it.mine ? 'You get a mail, and the answer is here.' : 'Nobody decides on what they asked for, nor on what is for themselves.'}</Notice>}
      {running && !it.enforced && <Notice tone="warn">It is granted, but not on gateways yet: that takes seconds, or the policy in force takes no exceptions.</Notice>}
      <div className="grid main-aside">
        <div className="stack">
          <Panel title="Why">
            <Facts of={[[it.kind === 'emergency' ? 'What happened' : 'Purpose', <span className="pre-line">{it.purpose}</span>], ['Benefit', it.benefit !== '' && <span className="pre-line">{it.benefit}</span>]]} />
          </Panel>
          {it.said !== null && <Panel title="How it was closed out"><Facts of={[['What was said', <span className="pre-line">{it.said}</span>], ['Archived', <span className="pre-line">{it.archived}</span>]]} /></Panel>}
          <Panel title="Risk" note="As it was known when it was asked for."><RiskView of={it.risk} /></Panel>
        </div>
        <div className="stack">
          <Panel title="Facts">
            <Facts of={[
              ['Service', it.service === null ? `All of ${word(CLASSES, it.class)}` : can('catalog:read') ? <Link href={`/catalog/${it.service}`}>{name}</Link> : name],
              ['For what', <span className="sentence">{activitiesOf(it.activities)}</span>],
              ['For', <>{it.who.label}{it.who.kind === 'department' && ' (department)'}</>],
              ['From', it.from && <Time at={it.from} full seconds={false} />], ['Until', <Time at={it.until} full seconds={false} />],
              ['On gateways', running ? it.enforced ? <Badge tone="allow">Yes</Badge> : <Badge tone="alert">Not yet</Badge> : null],
              ['Rule', running && <span className="mono">{it.rule}</span>],
            ]} />
          </Panel>
          <Panel title="Time line">
            <ol className="timeline plain">
              {stepsOf(it).map((step, i) => (
                <li key={i}>
                  <span className={`timeline-mark ${step.tone}`} aria-hidden="true" />
                  <span className="muted small"><Time at={step.at} full seconds={false} />{step.by ? `, ${step.by}` : ''}</span>
                  <div>{step.what}</div>
                  {step.text && <div className="note-text">{step.text}</div>}
                </li>
              ))}
            </ol>
          </Panel>
        </div>
      </div>
      {doing === 'decide' && <DecideException of={it} name={name} onClose={close} />}
      {doing === 'end' && <EndException of={it} onClose={close} />}
      {doing === 'close' && <CloseOut of={it} onClose={close} />}
    </>
  )
}
