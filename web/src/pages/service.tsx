// SPDX-License-Identifier: Apache-2.0
// One service of the catalog. Its lists come as the catalog has them: texts, or objects whose members are named.
import type { ReactNode } from 'react'
import { useQuery } from '../api/query'
import type { CatalogRow } from '../api/types'
import { LinkButton } from '../components/controls'
import { Empty, ErrorState, Facts, Grid, Loading, PageHead, Panel, Time } from '../components/page'
import { useCan } from '../app/session'
import { number } from '../lib/format'
import { CLASSES, word } from '../lib/words'
import { EndToEnd } from './catalog'

type Item = string | number | Record<string, unknown>
interface Service extends Omit<CatalogRow, 'domains'> { addresses?: Item[]; ports?: Item[]; fingerprints?: Item[]; clients?: Item[]; risks?: Item[]; seen?: { flows: number; people: number; last: string | null } }

export default function ServicePage({ parts }: { parts: Record<string, string> }) {
  const can = useCan()
  const service = useQuery<Service & { domains: number | Item[] }>(`/catalog/${parts['service']}`)
  const back = { href: '/catalog', name: 'Catalog' }
  const one = service.data
  if (one === undefined) return <><PageHead title={parts['service'] ?? ''} back={back} />{service.error ? (service.error.status === 404 ? <Empty title="The catalog has no such service" /> : <ErrorState error={service.error} onRetry={service.reload} />) : <Loading />}</>
  return (
    <>
      <PageHead title={one.name} back={back} lead={`${word(CLASSES, one.class)}, ${one.vendor.replace(/^\((.*)\)$/, '$1')}`} actions={can('usage:read') && <LinkButton href={`/events?service=${encodeURIComponent(one.service)}`} icon="events">Its events</LinkButton>} />
      <Grid>
        <div className="stack">
          <Panel title="Seen here">
            <Facts of={[['Flows', one.seen && number(one.seen.flows)], ['People and machines', one.seen && number(one.seen.people)], ['Last', one.seen && <Time at={one.seen.last} full seconds={false} />], ['End-to-end encrypted', <EndToEnd value={one.end_to_end} />]]} />
          </Panel>
          <List title="Names" of={Array.isArray(one.domains) ? one.domains : []} empty="None: it is known by its protocol." />
          <List title="Addresses" of={one.addresses} empty="None are published." />
        </div>
        <div className="stack">
          <Risks of={one.risks ?? one.risk} />
          <List title="Clients" of={one.clients} empty="None are listed." />
          <List title="Ports" of={one.ports} empty="None of its own." />
          <List title="Fingerprints" of={one.fingerprints} empty="None that are its own alone." />
        </div>
      </Grid>
    </>
  )
}

// What the catalog's words mean to who reads them; a word that is none of these stands as it is.
const HEADS: Record<string, string> = { name: 'Name', network: 'Network', role: 'Used for', shared: 'Others use it, too', text: 'What', kind: 'Kind', source: 'Source' }
const ROLES: Record<string, string> = { login: 'sign-in', chat: 'chat', media: 'files and media', call: 'calls', web: 'its web page', push: 'notices', proxy: 'proxy' }
const RISKS: Record<string, string> = {
  files: 'Files can be sent', ephemeral: 'Messages can disappear by themselves', remote_delete: 'The sender can delete messages at the receiver’s',
  archive: 'The vendor offers an archive of what was said', retention: 'What the vendor keeps', jurisdiction: 'Under the law of',
}
const said = (value: string) => (value === 'true' ? 'yes' : value === 'false' ? 'no' : value)
/** "remote_delete: true", as the catalog writes a risk. */
function riskOf(item: Item): readonly [string, ReactNode] | null {
  const [, key = '', value = ''] = /^(\w+): (.*)$/.exec(typeof item === 'object' ? text(item['text']) : String(item)) ?? []
  return RISKS[key] ? [RISKS[key], said(value.replace(/^"|"$/g, ''))] : null
}
function Risks({ of }: { of: readonly Item[] }) {
  const facts = of.map(riskOf)
  return facts.length > 0 && facts.every(one => one !== null) ? <Panel title="Risks"><Facts of={facts} /></Panel> : <List title="Risks" of={of} empty="None are noted." />
}

const text = (value: unknown): string => (Array.isArray(value) ? value.map(text).join(', ') : typeof value === 'object' && value !== null ? Object.values(value).map(text).join(', ') : String(value ?? ''))
function List({ title, of, empty }: { title: string; of: readonly Item[] | undefined; empty: string }) {
  const items = of ?? []
  const objects = items.filter((one): one is Record<string, unknown> => typeof one === 'object' && one !== null)
  let body: ReactNode
  if (items.length === 0) body = <p className="muted">{empty}</p>
  else if (objects.length === items.length) {
    const head = [...new Set(objects.flatMap(Object.keys))].filter(name => objects.some(row => text(row[name]) !== '' && row[name] !== false))
    const cell = (name: string, value: unknown) => (name === 'role' ? (ROLES[text(value)] ?? text(value)) : typeof value === 'boolean' ? (value ? 'yes' : 'no') : text(value))
    body = (
      <div className="table-frame"><div className="table-scroll" tabIndex={0} role="region" aria-label={`${title}, table`}><table className="dense wraps">
        <caption className="hidden-text">{title}</caption>
        <thead><tr>{head.map(name => <th key={name} scope="col">{HEADS[name] ?? name.replace(/_/g, ' ')}</th>)}</tr></thead>
        <tbody>{objects.map((row, i) => <tr key={i}>{head.map(name => <td key={name} className={name === 'network' ? 'nowrap' : 'break'}>{cell(name, row[name])}</td>)}</tr>)}</tbody>
      </table></div></div>
    )
  } else body = <ul className="words plain">{items.map((one, i) => <li key={i} className="mono break">{text(one)}</li>)}</ul>
  return <Panel title={title} flush={objects.length > 0 && objects.length === items.length}>{body}</Panel>
}
