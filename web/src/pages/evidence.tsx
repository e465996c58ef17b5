// SPDX-License-Identifier: Apache-2.0
// Evidence packages: made for a period and somebody, taken away, verified elsewhere; and what regulations ask for, and where a package shows it.
import { useEffect, useState } from 'react'
import { post, remove } from '../api/client'
import { invalidate, useAction, usePages, useQuery } from '../api/query'
import type { EvidencePackage, EvidencePage, MappingRow, MappingTable, PackageState } from '../api/types'
import { toast } from '../app/announce'
import { useCan } from '../app/session'
import { Button, Buttons, Check, Confirm, Dialog, Failure, fieldError, Form, LinkButton, Progress, Select, TextBox, TextInput } from '../components/controls'
import { CopyText } from '../components/copy'
import { Badge, Empty, Facts, PageHead, Panel, Time, type BadgeTone } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { bytes, day, number, plural } from '../lib/format'

const TOPICS = ['evidence'] as const
const STATES: Record<PackageState, { name: string; tone: BadgeTone }> = {
  waiting: { name: 'Waiting', tone: 'plain' }, making: { name: 'Being made', tone: 'accent' }, ready: { name: 'Ready', tone: 'allow' }, failed: { name: 'Failed', tone: 'block' }, removed: { name: 'Removed', tone: 'plain' },
}
const DAY = 86_400_000
const iso = (at: number) => new Date(at).toISOString().slice(0, 10)
/** The last day that is in it: the API has the day behind. */
const lastDay = (until: string) => iso(Date.parse(until) - 1)
const period = (one: EvidencePackage) => `${day(one.from)} – ${day(`${lastDay(one.until)}T12:00:00Z`)}`

export default function Evidence() {
  const can = useCan()
  const list = usePages<EvidencePackage, EvidencePage>('/evidence', { limit: 25 }, page => page.packages, { topics: TOPICS, keep: true })
  const [making, setMaking] = useState(false)
  const [shown, setShown] = useState<number | null>(null)
  const [removing, setRemoving] = useState<EvidencePackage | null>(null)
  const drop = useAction(async (id: number) => { await remove(`/evidence/${id}`); return true }, 'evidence')
  const busy = list.rows.some(one => one.state === 'waiting' || one.state === 'making')
  useEffect(() => {
    if (!busy) return
    const poll = setInterval(() => invalidate('evidence'), 2000) // also without live updates
    return () => clearInterval(poll)
  }, [busy])
  const columns: Column<EvidencePackage>[] = [
    { id: 'id', name: 'Number', always: true, align: 'end', cell: one => <button type="button" className="narrow" aria-label={`Package ${one.id} in full`} onClick={() => setShown(one.id)}><span className="mono">{one.id}</span></button> },
    { id: 'period', name: 'Period', always: true, cell: period },
    { id: 'for', name: 'For', cell: one => <>{one.prepared_for} <span className="muted small">{one.purpose}</span></>, wide: true },
    { id: 'state', name: 'State', cell: one => one.state === 'making' ? <Progress label={`Package ${one.id}`} part={one.percent / 100} /> : <Badge tone={STATES[one.state].tone}>{STATES[one.state].name}</Badge> },
    { id: 'asked', name: 'Asked for', cell: one => <><Time at={one.asked} full seconds={false} />{one.asked_by && <span className="muted small"> {one.asked_by}</span>}</> },
    { id: 'size', name: 'Size', align: 'end', cell: one => (one.size === null ? '' : bytes(one.size)) },
    { id: 'act', name: 'Action', always: true, cell: one => one.state === 'ready' ? <LinkButton href={`/api/v1/evidence/${one.id}/file`} icon="import" download>Download</LinkButton> : one.why ? <span className="muted small">{one.why}</span> : null },
  ]
  const chosen = list.rows.find(one => one.id === shown)
  return (
    <>
      <PageHead title="Evidence" lead="Signed packages for examiners: report, data, audit trail, and what regulations ask for."
        actions={can('evidence:write') && <Button tone="primary" icon="plus" onPress={() => setMaking(true)}>Make a package …</Button>} />
      <Panel title="Packages" note="Who takes one away is in the audit trail. People are pseudonyms in all of it." flush>
        <DataTable label="Evidence packages" rows={list.loading ? undefined : list.rows} columns={columns} rowKey={one => one.id} loading={list.loading} error={list.error} onRetry={list.reload} more={list.cursor !== null ? list.more : null} moreBusy={list.busy && !list.loading}
          empty={<Empty title="No package yet">{can('evidence:write') ? '“Make a package” asks for a period and whom it is for; it takes seconds to minutes.' : 'Somebody of compliance makes them; they are found here then.'}</Empty>} />
      </Panel>
      <Verify publicKey={list.last?.key ?? null} />
      <Mapping />
      {making && <Make parts={list.last?.parts ?? []} onClose={() => setMaking(false)} />}
      {chosen && (
        <Dialog title={`Package ${chosen.id}`} open onClose={() => setShown(null)} wide>
          <div className="stack">
            <Facts of={[['Period', period(chosen)], ['For', chosen.prepared_for], ['Purpose', chosen.purpose], ['Parts', chosen.parts.length === 0 ? 'all' : chosen.parts.join(', ')], ['Asked for by', chosen.asked_by ?? 'the command line'], ['Asked for', <Time at={chosen.asked} full />], ['Made', chosen.made ? <Time at={chosen.made} full /> : STATES[chosen.state].name], ['By version', chosen.version], ['Files in it', chosen.files === null ? null : number(chosen.files)], ['Taken away', plural(chosen.downloads, 'time')]]} />
            {chosen.sha256 && <><p className="muted small">SHA-256 of {chosen.name}</p><CopyText text={chosen.sha256} what="the SHA-256" /></>}
            {can('evidence:write') && (chosen.state === 'ready' || chosen.state === 'failed') && <Buttons><Button tone="danger" onPress={() => { setRemoving(chosen); setShown(null) }}>Remove …</Button></Buttons>}
          </div>
        </Dialog>
      )}
      <Confirm title="Remove this package" open={removing !== null} onClose={() => setRemoving(null)} act="Remove" busy={drop.busy} error={drop.error} danger onConfirm={() => removing && void drop.run(removing.id).then(done => { if (done) { setRemoving(null); toast('Removed') } })}>
        <p>Its file goes; that it was made, and its hash, stay. It can be made again, of what the database has then.</p>
      </Confirm>
    </>
  )
}

function Verify({ publicKey }: { publicKey: string | null }) {
  return (
    <Panel title="How to verify one" note="On any machine, without a network. README.txt in the package tells it, too, and how it goes with openssl and sha256sum alone.">
      <div className="stack">
        <CopyText text="imward evidence verify FILE.zip --key audit.pub" what="the command" />
        {publicKey ? <><p className="muted small">audit.pub is the institution’s public key. Give it to the examiner by a way of its own, not with the package:</p><CopyText text={publicKey} what="the public key" /></>
          : <p className="muted">The public key is known once the audit trail has its first checkpoint, minutes after the start.</p>}
      </div>
    </Panel>
  )
}

// ---- what regulations ask ----

function Mapping() {
  const all = useQuery<{ tables: MappingTable[] }>('/evidence/mapping', {}, {})
  const [name, setName] = useState<string | null>(null)
  const tables = all.data?.tables
  const table = tables?.find(one => one.name === name) ?? tables?.[0]
  const columns: Column<MappingRow>[] = [
    { id: 'section', name: 'Section', always: true, cell: one => one.section },
    { id: 'asks', name: 'Asks for', cell: one => one.asks, wide: true },
    { id: 'shows', name: 'Shown by', cell: one => <>{one.shows}{one.parts.length > 0 && <span className="muted small"> {one.parts.join(', ')}</span>}</>, wide: true },
    { id: 'not', name: 'Not covered', cell: one => <span className="muted">{one.not_covered}</span>, wide: true },
  ]
  return (
    <Panel title="What regulations ask for" note={table ? `${table.source}${table.ours ? '' : ' · the institution’s own table'}` : undefined} flush
      actions={tables && <Select label="Regulation" hideLabel value={table?.name ?? null} onChange={setName} choices={tables.map(one => ({ id: one.name, name: one.title }))} />}>
      <DataTable label={table?.title ?? 'What regulations ask for'} rows={table?.rows} columns={columns} rowKey={one => `${one.section} ${one.asks}`} loading={all.loading} error={all.error} onRetry={all.reload} empty={<Empty title="No table">Put one into the folder “mapping” of the server’s data.</Empty>} />
    </Panel>
  )
}

// ---- making one ----

type Preset = { id: string; name: string; from: string; last: string }
/** Quarters and years that are over, and what is running. */
function presets(now = Date.now()): Preset[] {
  const today = new Date(now), year = today.getUTCFullYear(), quarter = Math.floor(today.getUTCMonth() / 3)
  const quarterAt = (n: number) => Date.UTC(year, n * 3, 1)
  return [
    { id: 'quarter', name: 'Last quarter', from: iso(quarterAt(quarter - 1)), last: iso(quarterAt(quarter) - DAY) },
    { id: 'running', name: 'This quarter so far', from: iso(quarterAt(quarter)), last: iso(now) },
    { id: 'twelve', name: 'Last four quarters', from: iso(quarterAt(quarter - 4)), last: iso(quarterAt(quarter) - DAY) },
    { id: 'year', name: 'Last year', from: iso(Date.UTC(year - 1, 0, 1)), last: iso(Date.UTC(year, 0, 1) - DAY) },
    { id: 'own', name: 'Other days …', from: '', last: '' },
  ]
}

function Make({ parts, onClose }: { parts: readonly string[]; onClose: () => void }) {
  const [choices] = useState(() => presets())
  const [preset, setPreset] = useState('quarter')
  const [from, setFrom] = useState(choices[0]?.from ?? '')
  const [last, setLast] = useState(choices[0]?.last ?? '')
  const [whom, setWhom] = useState('')
  const [purpose, setPurpose] = useState('')
  const [some, setSome] = useState(false)
  const [wanted, setWanted] = useState<ReadonlySet<string>>(new Set(parts))
  const act = useAction(async () => {
    await post('/evidence', { prepared_for: whom.trim(), purpose: purpose.trim(), from, until: last && iso(Date.parse(last) + DAY), ...(some && { parts: [...wanted] }) })
    return true
  }, 'evidence')
  const choose = (id: string) => {
    const one = choices.find(choice => choice.id === id)
    setPreset(id)
    if (one && one.from !== '') { setFrom(one.from); setLast(one.last) }
  }
  const mark = (part: string, on: boolean) => setWanted(was => { const next = new Set(was); if (on) next.add(part); else next.delete(part); return next })
  return (
    <Dialog title="Make an evidence package" open onClose={onClose}>
      <Form onSubmit={() => void act.run().then(done => { if (done) { toast('It is being made'); onClose() } })}>
        <TextInput label="For whom" value={whom} onChange={setWhom} required autoFocus maxLength={200} help="The examiner’s name and agency; stands on the cover" error={fieldError(act.error, 'prepared_for')} />
        <TextBox label="What for" value={purpose} onChange={setPurpose} required rows={2} error={fieldError(act.error, 'purpose')} />
        <Select label="Period" value={preset} onChange={choose} choices={choices.map(({ id, name }) => ({ id, name }))} />
        <TextInput label="First day" type="date" value={from} onChange={text => { setFrom(text); setPreset('own') }} required error={fieldError(act.error, 'from')} />
        <TextInput label="Last day" type="date" value={last} onChange={text => { setLast(text); setPreset('own') }} required error={fieldError(act.error, 'until')} />
        <Check checked={some} onChange={setSome} help="All parts, unless the examiner asked for some of them">Only some parts</Check>
        {some && <fieldset className="stack"><legend className="muted small">Parts</legend>{parts.map(one => <Check key={one} checked={wanted.has(one)} onChange={on => mark(one, on)}>{one}</Check>)}</fieldset>}
        <Failure error={act.error} fields={['prepared_for', 'purpose', 'from', 'until']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button tone="primary" type="submit" busy={act.busy} isDisabled={whom.trim() === '' || purpose.trim() === '' || from === '' || last === '' || (some && wanted.size === 0)}>Make it</Button></Buttons>
      </Form>
    </Dialog>
  )
}
