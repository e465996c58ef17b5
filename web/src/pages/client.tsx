// SPDX-License-Identifier: Apache-2.0
// One product: its versions here, its advisories, who runs it; who sees to it; excuses.
import { useState } from 'react'
import { patch, post, remove } from '../api/client'
import { useAction, usePages, useQuery } from '../api/query'
import type { Advisory, ClientInstall, ClientProductDetail } from '../api/types'
import { toast } from '../app/announce'
import { useServiceNames } from '../app/names'
import { Link } from '../app/router'
import type { Parts } from '../app/routes'
import { useCan } from '../app/session'
import { Button, Buttons, Dialog, Failure, fieldError, Form, Select, TextBox, TextInput } from '../components/controls'
import { FilterBar, useFilter } from '../components/filter-bar'
import { Badge, Empty, Facts, Loaded, PageHead, Panel, Time } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { day, number } from '../lib/format'
import { CLIENT_STATES, CLIENT_TOPICS, Due, SeverityWord } from './clients'

export default function ClientPage({ parts }: { parts: Parts }) {
  const can = useCan()
  const names = useServiceNames()
  const product = parts['product'] ?? ''
  const { filter } = useFilter()
  const detail = useQuery<ClientProductDetail>(`/clients/${product}`, {}, { topics: CLIENT_TOPICS })
  const [giving, setGiving] = useState(false)
  return (
    <>
      <Loaded of={detail}>
        {data => (
          <>
            <PageHead title={data.title} back={{ href: '/clients', name: 'Client software' }}
              lead={data.counts.old > 0 ? `${number(data.counts.old)} old, ${number(data.counts.overdue)} overdue. ${data.safe ? `Bring them to ${data.safe} or newer.` : ''}` : 'None of them is known to be old.'}
              actions={can('client:write') && <Button icon="people" onPress={() => setGiving(true)}>{data.owner ? 'Change the owner …' : 'Name an owner …'}</Button>} />
            <Panel title="In short"><Facts of={[
              ['Service', data.service && (can('catalog:read') ? <Link key="s" href={`/catalog/${data.service}`}>{names.get(data.service) ?? data.service}</Link> : data.service)], ['Clients', number(data.counts.clients)],
              ['Oldest safe version', data.safe ?? 'not known'], ['Worst advisory', <SeverityWord key="w" of={data.severity} />], ['Next deadline', <Due key="d" at={data.next_due} late={data.counts.overdue > 0} />], ['Owner', data.owner?.name ?? 'nobody'],
            ]} /></Panel>
            <Panel title="Versions here" flush>
              <DataTable label="Versions here" rows={data.versions} rowKey={one => one.id} dense empty={<Empty title="None was seen" />} columns={[
                { id: 'version', name: 'Version', cell: one => <>{one.version || <span className="muted">not told</span>}{one.package && <span className="muted small"> package</span>}</>, wide: true },
                { id: 'state', name: 'State', cell: one => <span title={CLIENT_STATES[one.state].about}><Badge tone={CLIENT_STATES[one.state].tone}>{CLIENT_STATES[one.state].name}</Badge></span> },
                { id: 'severity', name: 'Severity', cell: one => <SeverityWord of={one.severity} /> }, { id: 'advisory', name: 'Advisory', cell: one => one.advisory ?? '' },
                { id: 'safe', name: 'Safe from', cell: one => one.safe ?? '' }, { id: 'clients', name: 'Clients', cell: one => number(one.clients), align: 'end', sort: one => one.clients },
              ]} />
            </Panel>
            <Panel title="Advisories" flush><Advisories of={data.advisories} product={product} /></Panel>
            {giving && <Owner of={data} onClose={() => setGiving(false)} />}
          </>
        )}
      </Loaded>
      {detail.data && <>
        <FilterBar range={false} fields={[{ name: 'state', label: 'State', options: [{ id: 'overdue', name: 'Overdue' }, ...Object.entries(CLIENT_STATES).map(([id, one]) => ({ id, name: one.name }))] }]} />
        <Installs query={{ product, state: filter['state']?.[0], q: filter['q']?.[0] }} />
      </>}
    </>
  )
}

const versions = (one: Advisory['ranges'][number]) => `${one.introduced ? `from ${one.introduced.replace(/^>/, 'behind ')} ` : ''}${one.fixed ? `before ${one.fixed}` : one.last ? `up to ${one.last}` : 'all'}${one.package ? ' (Debian)' : ''}`
function Advisories({ of, product }: { of: Advisory[]; product: string }) {
  return <DataTable label="Advisories" rows={of} rowKey={one => one.id} href={one => `/advisories/${one.id}`} dense empty={<Empty title="No advisory is known">“Bring in advisories” on the page before takes files of OSV and NVD.</Empty>} columns={[
    { id: 'ident', name: 'Number', cell: one => one.ident }, { id: 'severity', name: 'Severity', cell: one => <SeverityWord of={one.severity} /> },
    { id: 'versions', name: 'Versions', cell: one => [...new Set(one.ranges.filter(range => range.product === product).map(versions))].join('; ') },
    { id: 'title', name: 'What', cell: one => one.title, wide: true }, { id: 'published', name: 'Published', cell: one => (one.published ? day(one.published) : '') },
    { id: 'affected', name: 'Clients', cell: one => number(one.affected), align: 'end', sort: one => one.affected },
  ]} />
}

/** Who runs it: of a product, or of an advisory. */
export function Installs({ query }: { query: { product?: string | undefined; advisory?: string | undefined; state?: string | undefined; q?: string | undefined } }) {
  const can = useCan()
  const [excusing, setExcusing] = useState<ClientInstall | null>(null)
  const list = usePages<ClientInstall, { installs: ClientInstall[]; cursor: string | null }>('/clients/installs', { ...query, limit: 100 }, page => page.installs, { topics: CLIENT_TOPICS })
  const again = useAction(async (one: ClientInstall) => { await remove(`/clients/installs/${one.id}/excuse`); return true }, 'clients')
  const columns: Column<ClientInstall>[] = [
    { id: 'label', name: 'Whose', cell: one => <>{one.who !== null && can('usage:read') ? <Link href={`/people/${one.who}`}>{one.label}</Link> : one.label}{one.department && <span className="muted small"> {one.department}</span>}</> },
    { id: 'machine', name: 'Machine', cell: one => [one.machine, one.address].filter(Boolean).join(', ') || <span className="muted">—</span> },
    { id: 'product', name: 'Product', cell: one => one.title, extra: query.product !== undefined },
    { id: 'version', name: 'Version', cell: one => one.version || <span className="muted">not told</span> },
    { id: 'state', name: 'State', cell: one => <span title={one.excused ? `${one.excused.why} (${one.excused.by ?? 'somebody'}, until ${day(one.excused.until)})` : CLIENT_STATES[one.state].about}><Badge tone={CLIENT_STATES[one.state].tone}>{CLIENT_STATES[one.state].name}</Badge></span> },
    { id: 'advisory', name: 'Advisory', cell: one => <><SeverityWord of={one.severity} /> {one.advisory}</> },
    { id: 'due', name: 'Due', cell: one => <Due at={one.due} late={one.overdue} /> },
    { id: 'first', name: 'Here since', cell: one => <Time at={one.first} /> },
    { id: 'last', name: 'Last seen', cell: one => <Time at={one.last} /> },
    { id: 'told', name: 'Told by', cell: one => (one.told === 'wire' ? 'the network' : 'an inventory'), extra: true },
    { id: 'os', name: 'System', cell: one => one.os ?? '', extra: true },
    ...(can('client:write') ? [{ id: 'act', name: 'Action', always: true as const, cell: (one: ClientInstall) => (one.state === 'excused' ? <Button small tone="quiet" busy={again.busy} onPress={() => void again.run(one).then(done => done && toast('It is due again'))}>Due again</Button> : one.may_excuse ? <Button small tone="quiet" onPress={() => setExcusing(one)}>Excuse …</Button> : null) }] : []),
  ]
  return (
    <Panel title="Who runs it" flush>
      <Failure error={again.error} />
      <DataTable label="Who runs it" rows={list.loading ? undefined : list.rows} columns={columns} rowKey={one => one.id} loading={list.loading} error={list.error} onRetry={list.reload} more={list.cursor !== null ? list.more : null} moreBusy={list.busy} choose="installs"
        empty={<Empty title="Nobody">No client is in this state.</Empty>} />
      {excusing && <Excuse of={excusing} onClose={() => setExcusing(null)} />}
    </Panel>
  )
}

function Excuse({ of, onClose }: { of: ClientInstall; onClose: () => void }) {
  const [why, setWhy] = useState('')
  const [until, setUntil] = useState('')
  const act = useAction(async () => { await post(`/clients/installs/${of.id}/excuse`, { why: why.trim(), until }); return true }, 'clients')
  return (
    <Dialog title="Excuse an old client" open onClose={onClose}>
      <Form onSubmit={() => void act.run().then(done => { if (done) { toast('Excused'); onClose() } })}>
        <p>{of.title} {of.version} of {of.label}{of.advisory ? `: ${of.advisory}` : ''}</p>
        <TextBox label="Why it may stay" value={why} onChange={setWhy} required autoFocus rows={3} error={fieldError(act.error, 'why')} />
        <TextInput label="Until" type="date" value={until} onChange={setUntil} required help="A year at most; it is due again then" error={fieldError(act.error, 'until')} />
        <Failure error={act.error} fields={['why', 'until']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button tone="primary" type="submit" busy={act.busy} isDisabled={why.trim().length < 10 || until === ''}>Excuse</Button></Buttons>
      </Form>
    </Dialog>
  )
}

function Owner({ of, onClose }: { of: ClientProductDetail; onClose: () => void }) {
  const owners = useQuery<{ owners: { id: number; name: string }[] }>('/clients/owners')
  const [owner, setOwner] = useState<string | null>(of.owner ? String(of.owner.id) : 'none')
  const act = useAction(async () => { await patch(`/clients/${of.product}`, { owner: owner === 'none' || owner === null ? null : Number(owner) }); return true }, 'clients')
  return (
    <Dialog title={`Who sees to ${of.title}`} open onClose={onClose}>
      <Form onSubmit={() => void act.run().then(done => { if (done) { toast('Saved'); onClose() } })}>
        <Select label="Owner" value={owner} onChange={setOwner} choices={[{ id: 'none', name: 'Nobody' }, ...(owners.data?.owners ?? []).map(one => ({ id: String(one.id), name: one.name }))]} error={fieldError(act.error, 'owner')} />
        <p className="muted small">The owner gets a mail before deadlines and while something is overdue. Excuses are for somebody else.</p>
        <Failure error={act.error ?? owners.error} fields={['owner']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button tone="primary" type="submit" busy={act.busy}>Save</Button></Buttons>
      </Form>
    </Dialog>
  )
}
