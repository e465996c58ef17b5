// SPDX-License-Identifier: Apache-2.0
// How a worm, a link or a file went from machine to machine.
import { useState } from 'react'
import { useQuery } from '../api/query'
import type { Propagation } from '../api/types'
import { useServiceNames } from '../app/names'
import { Link } from '../app/router'
import { SpreadGraph } from '../charts/spread-graph'
import { FilterBar, useFilter } from '../components/filter-bar'
import { Empty, Facts, Loaded, PageHead, Panel, Time, WhoLink } from '../components/page'
import { filterQuery } from '../lib/filter'
import { number } from '../lib/format'

const TOPICS = ['events'] as const
export default function SpreadPage() {
  const names = useServiceNames()
  const { filter } = useFilter()
  const [chosen, setChosen] = useState<string | null>(null)
  const graph = useQuery<Propagation>('/usage/propagation', filterQuery(filter), { topics: TOPICS, keep: true, hold: true })
  return (
    <>
      <PageHead title="Spread" lead="How the same link or file went from one machine to the next: where it began, whom it reached, and who passed it on." />
      <FilterBar fields={[
        { name: 'service', label: 'Service', options: [...names].map(([id, name]) => ({ id, name })).sort((a, b) => a.name.localeCompare(b.name)) },
        { name: 'detector', label: 'Detector', options: [{ id: 'worm', name: 'Worms' }, { id: 'malware', name: 'Malware' }, { id: 'spam', name: 'Spam' }] },
      ]} views="spread" />
      <Loaded of={graph} rows={8}>
        {data => data.nodes.length === 0 ? (
          <Panel><Empty title="Nothing spread in this span">A graph is drawn when alerts of worms or malware tell from whom something came. Choose a longer span of time.</Empty></Panel>
        ) : (
          <div className="grid main-aside">
            <SpreadGraph graph={data} chosen={chosen} onChoose={id => setChosen(chosen === id ? null : id)} />
            <Detail graph={data} id={chosen} names={names} />
          </div>
        )}
      </Loaded>
    </>
  )
}
function Detail({ graph, id, names }: { graph: Propagation; id: string | null; names: ReadonlyMap<string, string> }) {
  const node = graph.nodes.find(one => one.id === id)
  if (!node) return <Panel title="Machine"><p className="muted">Choose a machine in the drawing to see what reached it and what it passed on.</p></Panel>
  const label = (other: string) => graph.nodes.find(one => one.id === other)?.label ?? other
  const part = (title: string, edges: Propagation['edges'], other: (edge: Propagation['edges'][number]) => string) => edges.length > 0 && (
    <div className="link-group"><h3>{title}</h3><ul className="plain">{edges.slice(0, 40).map((edge, i) => <li key={i} className="link-line"><Link href={`/events/${edge.event}`}>{label(other(edge))}</Link><span className="muted small">{edge.what}, {names.get(edge.service) ?? edge.service}, <Time at={edge.time} full /></span></li>)}</ul></div>
  )
  return (
    <Panel title={node.label}>
      <Facts of={[['Who', <WhoLink who={node.who} />], ['First', <Time at={node.first} full />], ['Alerts', number(node.alerts)], ['Began it', node.origin && 'yes']]} />
      {part('Reached by', graph.edges.filter(edge => edge.to === id), edge => edge.from)}
      {part('Passed on to', graph.edges.filter(edge => edge.from === id), edge => edge.to)}
    </Panel>
  )
}
