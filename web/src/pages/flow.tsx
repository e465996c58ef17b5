// SPDX-License-Identifier: Apache-2.0
// One flow: told in plain words, then what happened on it in order, then the events as they were written.
import { useQuery } from '../api/query'
import type { EventDetail, FlowDetail } from '../api/types'
import { useServiceNames } from '../app/names'
import { Link } from '../app/router'
import { AskFile } from '../components/ask-reveal'
import { ActionBadge, Badge, Empty, ErrorState, Facts, Loading, Notice, PageHead, Panel, SeverityBadge, Time, WhoLink } from '../components/page'
import { Raw, ToldList } from '../components/told'
import { bytes, exact } from '../lib/format'
import { ACTIVITIES, DELIVERIES, KINDS, SCANS, word } from '../lib/words'

const TOPICS = ['events'] as const

export default function Flow({ parts }: { parts: Record<string, string> }) {
  const names = useServiceNames()
  const flow = useQuery<FlowDetail>(`/flows/${parts['id']}`, {}, { topics: TOPICS })
  const back = { href: '/events', name: 'Events' }
  if (flow.data === undefined) {
    return <><PageHead title="Flow" back={back} />{flow.error ? (flow.error.status === 404 ? <Empty title="This flow is not stored">It was removed when its time of retention had passed, or never came from a sensor.</Empty> : <ErrorState error={flow.error} onRetry={flow.reload} />) : <Loading rows={6} />}</>
  }
  const events = [...flow.data.events].sort((a, b) => a.time.localeCompare(b.time))
  const main = events.find(one => one.kind === 'flow') ?? events[0]
  if (!main) return <><PageHead title="Flow" back={back} /><Empty title="Nothing of this flow is stored" /></>
  const service = main.service ? (names.get(main.service) ?? main.service) : (main.protocol ?? 'Unknown service')
  const server = `${main.server_name ?? main.server ?? ''}${main.server_port === null ? '' : `:${main.server_port}`}`
  return (
    <>
      <PageHead title={`${service} to ${server}`} back={back} lead={<><WhoLink who={main.who} />, <Time at={main.time} full /> <ActionBadge action={main.action} stopped={main.stopped} /> {main.port_agile && <Badge tone="block" icon="warning">port-agile</Badge>}</>} />
      {flow.data.incidents.length > 0 && (
        <Notice tone="warn">Part of {flow.data.incidents.map((one, i) => <span key={one.id}>{i > 0 && ', '}<Link href={`/incidents/${one.id}`}>{one.title}</Link></span>)}.</Notice>
      )}
      <div className="grid main-aside">
        <div className="stack">
          <Panel title="What this is, and why">
            {flow.data.told.length > 0 ? <ToldList told={flow.data.told} /> : <p className="muted">Nothing more is known than the facts beside.</p>}
          </Panel>
          <Panel title="What happened" note={events.length === 1 ? 'One event' : `${events.length} events, the first one first`}>
            <ol className="timeline plain">{events.map(one => <Step key={one.id} event={one} />)}</ol>
          </Panel>
          {events.map(one => <Raw key={one.id} of={one.eve} title={`${word(KINDS, one.kind)} of ${exact(one.time)}, as the sensor wrote it (JSON)`} />)}
        </div>
        <Panel title="Facts">
          <Facts of={[
            ['Client', <WhoLink who={main.who} />], ['Address', main.who?.address && <span className="mono">{main.who.address}</span>], ['Machine', main.who?.host], ['Login', main.who?.login],
            ['Server', main.server_name], ['Server address', main.server && <span className="mono">{main.server}</span>], ['Port', main.server_port === null ? null : `${main.server_port} ${main.proto ?? ''}`],
            ['Service', main.service && <Link href={`/catalog/${main.service}`}>{service}</Link>], ['Protocol', main.protocol], ['Activity', main.activity.map(one => word(ACTIVITIES, one)).join(', ')], ['Delivery', word(DELIVERIES, main.delivery)],
            ['Rule', main.rule], ['Sent', bytes(main.bytes_out)], ['Received', bytes(main.bytes_in)], ['Sensor', main.sensor], ['Flow', <span className="mono">{flow.data.flow_id}</span>],
          ]} />
        </Panel>
      </div>
    </>
  )
}

function Step({ event: one }: { event: EventDetail }) {
  return (
    <li>
      <span className={`timeline-mark ${one.kind === 'alert' ? 'block' : one.kind === 'fileinfo' ? 'scan' : ''}`} aria-hidden="true" />
      <time dateTime={one.time} className="muted small">{exact(one.time)}</time>
      <div>
        <strong>{word(KINDS, one.kind)}</strong>{' '}
        {one.kind === 'alert' ? <>{one.signature} <SeverityBadge severity={one.severity} /></> : one.kind === 'fileinfo' ? <>{one.file} {one.scan && <Badge tone={one.scan === 'infected' ? 'block' : 'plain'}>{word(SCANS, one.scan)}</Badge>}</> : one.kind === 'im' ? <>{one.activity.map(activity => word(ACTIVITIES, activity)).join(', ')}{one.account && <> by {one.account}</>}{one.peer && <> to {one.peer}</>}{one.file && <>: {one.file}</>}</> : <>ended; {bytes(one.bytes_out)} sent, {bytes(one.bytes_in)} received <ActionBadge action={one.action} stopped={one.stopped} /></>}
        {one.sha256 && <div className="muted tiny mono break">SHA-256 {one.sha256}</div>}
        <AskFile of={one} />
      </div>
    </li>
  )
}
