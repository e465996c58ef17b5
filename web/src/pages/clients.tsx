// SPDX-License-Identifier: Apache-2.0
// The patch program: which client software is here, what of it is old, by when it must be mended and who sees to it.
import { useState } from 'react'
import { upload } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { AdvisorySeverity, ClientImport, ClientProduct, ClientState, ClientSummary, ImportTold } from '../api/types'
import { toast } from '../app/announce'
import { useCan } from '../app/session'
import { Button, Buttons, Check, Dialog, Failure, Form, Progress, Select, TextInput } from '../components/controls'
import { Badge, Empty, Loaded, Notice, PageHead, Panel, Tile, Tiles, Time, type BadgeTone } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { FilePick } from '../components/file-pick'
import { day, number, plural } from '../lib/format'

export const CLIENT_TOPICS = ['clients', 'settings'] as const
export const CLIENT_STATES: Record<ClientState, { name: string; tone: BadgeTone; about: string }> = {
  old: { name: 'Old', tone: 'block', about: 'an advisory names this version' },
  excused: { name: 'Excused', tone: 'scan', about: 'old, and excused for a while' },
  check: { name: 'To check', tone: 'alert', about: 'a package of a distribution, which may carry the fix' },
  safe: { name: 'Safe', tone: 'allow', about: 'no advisory names this version' },
  unknown: { name: 'No version', tone: 'plain', about: 'its version was not told, or cannot be read' },
  unlisted: { name: 'Nothing to compare', tone: 'plain', about: 'no advisory is known for this product' },
  replaced: { name: 'Replaced', tone: 'plain', about: 'a newer version came there' },
  gone: { name: 'Gone', tone: 'plain', about: 'not seen for long' },
}
const SEVERITY_TONES: Record<AdvisorySeverity, BadgeTone> = { critical: 'block', high: 'block', medium: 'alert', low: 'plain' }
export const SeverityWord = ({ of }: { of: AdvisorySeverity | null }) => (of === null ? null : <Badge tone={SEVERITY_TONES[of]}>{of[0]!.toUpperCase() + of.slice(1)}</Badge>)
export const Due = ({ at, late }: { at: string | null; late: boolean }) => (at === null ? null : late ? <Badge tone="block">{`Overdue, ${day(at)}`}</Badge> : <span className="nowrap">{day(at)}</span>)

export default function ClientsPage() {
  const can = useCan()
  const list = useQuery<{ products: ClientProduct[]; imports: ClientImport[] }>('/clients', {}, { topics: CLIENT_TOPICS })
  const summary = useQuery<ClientSummary>('/clients/summary', {}, { topics: CLIENT_TOPICS })
  const [bringing, setBringing] = useState<'inventory' | 'advisories' | null>(null)
  const columns: Column<ClientProduct>[] = [
    { id: 'title', name: 'Product', cell: one => one.title, wide: true, sort: one => one.title },
    { id: 'clients', name: 'Clients', cell: one => number(one.counts.clients), align: 'end', sort: one => one.counts.clients },
    { id: 'old', name: 'Old', cell: one => number(one.counts.old), align: 'end', sort: one => one.counts.old },
    { id: 'overdue', name: 'Overdue', cell: one => (one.counts.overdue > 0 ? <Badge tone="block">{number(one.counts.overdue)}</Badge> : '0'), align: 'end', sort: one => one.counts.overdue },
    { id: 'check', name: 'To check', cell: one => number(one.counts.check), align: 'end', sort: one => one.counts.check },
    { id: 'excused', name: 'Excused', cell: one => number(one.counts.excused), align: 'end', sort: one => one.counts.excused, extra: true },
    { id: 'severity', name: 'Worst', cell: one => <SeverityWord of={one.severity} /> },
    { id: 'safe', name: 'Safe from', cell: one => one.safe ?? <span className="muted">not known</span> },
    { id: 'due', name: 'Next deadline', cell: one => <Due at={one.next_due} late={one.counts.overdue > 0} />, sort: one => one.next_due },
    { id: 'owner', name: 'Owner', cell: one => one.owner?.name ?? (one.counts.old > 0 ? <Badge tone="alert">Nobody</Badge> : '') },
  ]
  return (
    <>
      <PageHead title="Client software" lead="Which messaging clients are here, by the network and by inventories, against the oldest safe version."
        actions={can('client:write') && <><Button icon="import" onPress={() => setBringing('advisories')}>Bring in advisories …</Button><Button icon="plus" tone="primary" onPress={() => setBringing('inventory')}>Bring in an inventory …</Button></>} />
      <Loaded of={summary}>
        {data => (
          <>
            <Tiles label="All clients" few>
              <Tile name="Clients" value={number(data.counts.clients)} />
              <Tile name="Old" value={number(data.counts.old)} />
              <Tile name="Overdue" value={number(data.counts.overdue)} />
              <Tile name="Excused" value={number(data.counts.excused)} />
            </Tiles>
            {data.no_owner > 0 && <Notice tone="warn">{plural(data.no_owner, 'product')} with old clients {data.no_owner === 1 ? 'has' : 'have'} no owner: open {data.no_owner === 1 ? 'it' : 'them'} and say who sees to it.</Notice>}
          </>
        )}
      </Loaded>
      <Panel title="Products" flush>
        <DataTable label="Products" rows={list.data?.products} columns={columns} rowKey={one => one.product} href={one => `/clients/${one.product}`} loading={list.loading} error={list.error} onRetry={list.reload} choose="clients"
          empty={<Empty title="No client is known yet">Clients that tell their version on the network appear here by themselves. Others come with an inventory: “Bring in an inventory” takes what osquery writes, JSON or CSV.</Empty>} />
      </Panel>
      {(list.data?.imports.length ?? 0) > 0 && (
        <Panel title="Brought in" flush>
          <DataTable label="What was brought in" rows={list.data?.imports} rowKey={one => one.id} dense empty={null} columns={[
            { id: 'name', name: 'File', cell: one => one.name, wide: true }, { id: 'kind', name: 'What', cell: one => (one.kind === 'inventory' ? 'Inventory' : 'Advisories') },
            { id: 'rows', name: 'Lines', cell: one => number(one.rows), align: 'end' }, { id: 'taken', name: 'Taken', cell: one => number(one.taken), align: 'end' },
            { id: 'skipped', name: 'Not read', cell: one => number(one.skipped), align: 'end' }, { id: 'by', name: 'By', cell: one => one.by ?? '' }, { id: 'time', name: 'When', cell: one => <Time at={one.time} full seconds={false} /> },
          ]} />
        </Panel>
      )}
      {bringing && <Bring kind={bringing} onClose={() => setBringing(null)} />}
    </>
  )
}

const ABOUT = {
  inventory: { title: 'Bring in an inventory', note: 'Results of osquery (programs, apps, deb_packages) as it logs them, JSON rows, or CSV with the columns host, user, name, version, os.', types: ['.json', '.csv', '.log', '.ndjson', 'application/json', 'text/csv'] },
  advisories: { title: 'Bring in advisories', note: 'OSV entries (JSON), or an answer of NVD’s API 2.0 (JSON). What is about none of our clients is left out.', types: ['.json', 'application/json'] },
} as const

function Bring({ kind, onClose }: { kind: 'inventory' | 'advisories'; onClose: () => void }) {
  const about = ABOUT[kind]
  const [file, setFile] = useState<File | null>(null)
  const [host, setHost] = useState('')
  const [whole, setWhole] = useState('0')
  const [part, setPart] = useState(0)
  const [told, setTold] = useState<ImportTold | null>(null)
  const [sure, setSure] = useState(false)
  const act = useAction(() => upload<ImportTold>(`/clients/${kind}`, new Blob([file as File], { type: 'application/octet-stream' }), { name: (file as File).name, ...(kind === 'inventory' && { ...(host.trim() && { host: host.trim() }), ...(whole === '1' && { whole: '1' }) }) }, setPart), 'clients')
  return (
    <Dialog title={about.title} open onClose={onClose}>
      {told ? (
        <div className="stack">
          <Notice tone={told.skipped > 0 ? 'warn' : 'good'}>{kind === 'inventory' ? `${plural(told.taken, 'client')} of ${plural(told.machines, 'machine')} taken` : plural(told.taken, 'advisory', 'advisories') + ' taken'}{told.gone > 0 ? `, ${number(told.gone)} gone` : ''}; {kind === 'inventory' ? plural(told.other, 'other program') : `${number(told.other)} about other software`} left out.</Notice>
          {told.skipped > 0 && <>
            <p>{plural(told.skipped, 'line')} could not be read:</p>
            <ul className="lines plain" aria-label="Lines that could not be read" tabIndex={0}>{told.problems.map((one, i) => <li key={i}><span className="muted">{`Line ${number(one.line)}`}</span><span>{one.text}</span></li>)}</ul>
          </>}
          <Buttons><Button tone="primary" onPress={onClose}>Done</Button></Buttons>
        </div>
      ) : (
        <Form onSubmit={() => void act.run().then(done => { if (done) { setTold(done); toast('Brought in') } })}>
          <p className="muted">{about.note}</p>
          <FilePick file={file} onChoose={setFile} types={about.types} label={kind === 'inventory' ? 'Drop an inventory here' : 'Drop a file of advisories here'} />
          {kind === 'inventory' && <>
            <TextInput label="Machine" value={host} onChange={setHost} help="Only where the file does not say whose it is" />
            <Select label="What is not in the file" value={whole} onChange={one => { setWhole(one ?? '0'); setSure(false) }} choices={[{ id: '0', name: 'stays as it was' }, { id: '1', name: 'is gone from the machines in it' }]} />
            {whole === '1' && <Check checked={sure} onChange={setSure}>The file lists all programs of each machine in it</Check>}
          </>}
          {act.busy && <Progress label="Reading it" part={part < 1 ? part : null} />}
          <Failure error={act.error} />
          <Buttons><Button onPress={onClose}>Cancel</Button><Button tone="primary" type="submit" busy={act.busy} isDisabled={file === null || (whole === '1' && !sure)}>Bring it in</Button></Buttons>
        </Form>
      )}
    </Dialog>
  )
}
