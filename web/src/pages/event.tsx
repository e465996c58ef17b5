// SPDX-License-Identifier: Apache-2.0
// One event that belongs to no flow, or by itself.
import { useQuery } from '../api/query'
import type { EventDetail } from '../api/types'
import { useServiceNames } from '../app/names'
import { Link } from '../app/router'
import { AskFile } from '../components/ask-reveal'
import { ErrorState, Facts, Loading, PageHead, Panel, SeverityBadge, Time, WhoLink } from '../components/page'
import { Raw, ToldList } from '../components/told'
import { KINDS, word } from '../lib/words'

export default function Event({ parts }: { parts: Record<string, string> }) {
  const names = useServiceNames()
  const event = useQuery<EventDetail>(`/events/${parts['id']}`)
  const back = { href: '/events', name: 'Events' }
  const one = event.data
  if (one === undefined) return <><PageHead title="Event" back={back} />{event.error ? <ErrorState error={event.error} onRetry={event.reload} /> : <Loading />}</>
  return (
    <>
      <PageHead title={one.signature ? one.signature.charAt(0).toUpperCase() + one.signature.slice(1) : word(KINDS, one.kind)} back={back} lead={<><Time at={one.time} full /> {one.severity !== null && <SeverityBadge severity={one.severity} />}</>} />
      <div className="grid main-aside">
        <div className="stack">
          <Panel title="What this is, and why">{one.told.length > 0 ? <ToldList told={one.told} /> : <p className="muted">Nothing more is known than the facts beside.</p>}</Panel>
          <Raw of={one.eve} />
        </div>
        <Panel title="Facts">
          <Facts of={[['Who', <WhoLink who={one.who} />], ['Service', one.service && <Link href={`/catalog/${one.service}`}>{names.get(one.service) ?? one.service}</Link>], ['Server', one.server_name ?? one.server], ['Rule', one.rule], ['File', one.file], ['SHA-256', one.sha256 && <span className="mono">{one.sha256}</span>], ['Sensor', one.sensor], ['Flow', one.flow_id !== null && <Link href={`/flows/${one.flow_id}`}>{one.flow_id}</Link>]]} />
          <AskFile of={one} />
        </Panel>
      </div>
    </>
  )
}
