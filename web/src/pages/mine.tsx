// SPDX-License-Identifier: Apache-2.0
// What is known about me: for everybody, about themselves alone. Made for a telephone first.
import { useQuery } from '../api/query'
import type { Mine } from '../api/types'
import { Days } from '../charts/days'
import { Empty, Facts, Grid, Loaded, PageHead, Panel, Time } from '../components/page'
import { DataTable } from '../components/table'
import { number } from '../lib/format'
import { ToSign } from './my-documents'
import { useColumns } from './person'

const ALIASES: Record<string, string> = { user: 'Login', host: 'Machine', address: 'Address', account: 'Account of a service' }
const TOPICS = ['people', 'reveals', 'signals'] as const

export default function MinePage() {
  const mine = useQuery<Mine>('/mine', {}, { topics: TOPICS })
  const columns = useColumns()
  return (
    <>
      <PageHead title="What is known about me" lead="Use of messaging services in the institution’s network is recorded: who, when, which service, how much. What you write is not read unless a rule says so." />
      <ToSign />
      <Loaded of={mine}>
        {data => data.person === null ? (
          <Panel><Empty title="Your account belongs to nobody in the directory">So nothing can be shown as yours. An administrator can join the account to you.</Empty></Panel>
        ) : (
          <>
            <Grid>
              <Panel title="You">
                <Facts of={[['Name', data.person.name], ['Department', data.person.department], ['Manager', data.person.manager], ...data.aliases.map((one, i) => [`${ALIASES[one.kind] ?? one.kind}${i > 0 ? ' ' : ''}`, <span key={i} className="mono">{one.value}</span>] as const)]} />
              </Panel>
              <Panel title="Who looked at your name" note="Others see a pseudonym. It takes two people and a reason to see the name.">
                {data.reveals.length === 0 ? <p>Nobody has.</p> : <ul className="looked plain">{data.reveals.map((one, i) => <li key={i}><strong>{one.by}</strong>, <Time at={one.when} full seconds={false} /><br /><span className="muted">{one.reason}</span></li>)}</ul>}
              </Panel>
            </Grid>
            {data.use && <Days days={data.use.days} title="Your use, day by day" />}
            <Panel title="Services you used" flush>
              <DataTable label="Services you used" rows={data.use?.services.filter(one => one.flows > 0) ?? []} columns={columns} rowKey={one => `${one.service} ${one.action}`} empty={<Empty title="No use is recorded" />} />
            </Panel>
            {data.approved.length > 0 && (
              <Panel title="Your messages on approved channels" note="How many a day are counted, not what you write. Whoever falls silent there while active on public messengers may be asked why." flush>
                <DataTable label="Your messages on approved channels" rows={data.approved} columns={[{ id: 'channel', name: 'Channel', cell: one => one.channel, wide: true }, { id: 'days', name: 'Days', cell: one => number(one.days), align: 'end' }, { id: 'messages', name: 'Messages', cell: one => number(one.messages), align: 'end' }, { id: 'last', name: 'From – to', cell: one => <span className="nowrap">{one.first} – {one.last}</span> }]} rowKey={one => one.channel} empty={null} />
              </Panel>
            )}
            <Panel title="Your rights">
              <div className="prose"><p>Something is wrong, or you do not understand it? Ask the compliance department; it can see the same records by your pseudonym.</p></div>
            </Panel>
          </>
        )}
      </Loaded>
    </>
  )
}
