// SPDX-License-Identifier: Apache-2.0
// Sensors: where events come from, and whether they do.
import { useState } from 'react'
import { post, remove } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { Sensor } from '../api/types'
import { toast } from '../app/announce'
import { useCan } from '../app/session'
import { Enrolled, type Bundle } from '../components/bring'
import { Button, Buttons, Confirm, Dialog, Failure, fieldError, Form, MenuButton, Select, TextInput } from '../components/controls'
import { Badge, Empty, Facts, Notice, PageHead, Panel, Time, type BadgeTone } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { duration, number, plural } from '../lib/format'
import { HEALTH } from '../lib/words'

const TOPICS = ['sensors', 'events'] as const
const KINDS: Record<Sensor['kind'], string> = { sensor: 'Sensor', gateway: 'Gateway', folder: 'Folder', import: 'Imports' }
const TONES: Record<Sensor['health'], BadgeTone> = { well: 'allow', silent: 'alert', dropping: 'alert', 'never seen': 'plain', revoked: 'block' }
const ADVICE: Partial<Record<Sensor['health'], string>> = {
  silent: 'Nothing has come for a while. Does it run (systemctl status imward), and does a firewall let it reach this server?',
  dropping: 'It sees more packets than it can read. Give it more threads, a faster machine, or less traffic.',
  'never seen': 'It has its certificate, but has not connected yet. Start it with the command that you were given.',
}
const enrolled = (one: Sensor) => one.kind === 'sensor' || one.kind === 'gateway'

export default function Sensors() {
  const can = useCan()
  const write = can('sensor:write')
  const [adding, setAdding] = useState<null | 'new' | Sensor>(null)
  const [shown, setShown] = useState<number | null>(null)
  const [revoking, setRevoking] = useState<Sensor | null>(null)
  const list = useQuery<{ sensors: Sensor[] }>('/sensors', {}, { topics: TOPICS })
  const revoke = useAction(async (id: number) => { await remove(`/sensors/${id}`); return true }, 'sensors')
  const troubled = list.data?.sensors.filter(one => one.health === 'silent' || one.health === 'dropping') ?? []
  const columns: Column<Sensor>[] = [
    { id: 'name', name: 'Sensor', cell: one => <button type="button" className="narrow" onClick={() => setShown(one.id)}><strong>{one.name}</strong></button>, sort: one => one.name },
    { id: 'kind', name: 'Kind', cell: one => KINDS[one.kind] ?? one.kind, sort: one => one.kind },
    { id: 'health', name: 'Health', cell: one => <Badge tone={TONES[one.health]}>{HEALTH[one.health]}</Badge>, sort: one => one.health },
    { id: 'seen', name: 'Last seen', cell: one => <Time at={one.seen} />, sort: one => one.seen },
    { id: 'events', name: 'Events', cell: one => number(one.events), sort: one => one.events, align: 'end' },
    { id: 'rate', name: 'Packets a second', cell: one => (one.status ? number(one.status.packets_per_s) : ''), sort: one => one.status?.packets_per_s ?? null, align: 'end' },
    { id: 'drops', name: 'Dropped', cell: one => (one.status ? number(one.status.drops) : ''), sort: one => one.status?.drops ?? null, align: 'end' },
    { id: 'version', name: 'Version', cell: one => one.status?.version ?? '' },
    { id: 'act', name: 'Actions', cell: one => (
      <MenuButton label={`Actions for ${one.name}`} entries={[
        { id: 'show', name: 'More about it', icon: 'info' },
        ...(write && enrolled(one) ? [{ id: 'renew', name: 'New certificate …', icon: 'refresh' as const }] : []),
        ...(write && enrolled(one) && one.state === 'active' ? [{ id: 'revoke', name: 'Revoke …', icon: 'close' as const, danger: true }] : []),
      ]} onAction={id => (id === 'show' ? setShown(one.id) : id === 'renew' ? setAdding(one) : setRevoking(one))} />
    ) },
  ]
  const one = list.data?.sensors.find(sensor => sensor.id === shown)
  return (
    <>
      <PageHead title="Sensors" lead="Where events come from, and whether they do." actions={write && <Button tone="primary" icon="plus" onPress={() => setAdding('new')}>Add a sensor …</Button>} />
      {troubled.length > 0 && <Notice tone="warn">{plural(troubled.length, 'sensor')} need{troubled.length === 1 ? 's' : ''} a look: {troubled.map(sensor => sensor.name).join(', ')}.</Notice>}
      <Panel flush>
        <DataTable label="Sensors" rows={list.data?.sensors} columns={columns} rowKey={sensor => sensor.id} loading={list.loading} error={list.error} onRetry={list.reload}
          empty={<Empty title="No sensor yet" actions={write && <Button onPress={() => setAdding('new')}>Add a sensor …</Button>}>A sensor reads a copy of the traffic, a gateway stands in its way. Both send what they see here, over a connection that both sides prove themselves on.</Empty>} />
      </Panel>
      {adding !== null && <Add {...(adding !== 'new' && { renew: adding })} onClose={() => setAdding(null)} />}
      <Confirm title={`Revoke ${revoking?.name ?? ''}`} open={revoking !== null} onClose={() => { revoke.clear(); setRevoking(null) }} act="Revoke" danger busy={revoke.busy} error={revoke.error} onConfirm={() => revoking && void revoke.run(revoking.id).then(done => { if (done) { setRevoking(null); toast('Sensor revoked') } })}>
        <p>Its certificate is no longer taken, and its connection ends. What it sent stays. To let it in again, give it a new certificate.</p>
      </Confirm>
      {one && (
        <Dialog title={one.name} open onClose={() => setShown(null)}>
          <div className="stack">
            {ADVICE[one.health] && <Notice tone="warn">{ADVICE[one.health]}</Notice>}
            <Facts of={[
              ['Kind', KINDS[one.kind] ?? one.kind], ['Health', <Badge tone={TONES[one.health]}>{HEALTH[one.health]}</Badge>], ['Connected', one.connected ? 'Yes' : 'No'], ['Enrolled', <Time at={one.enrolled} full />], ['Last seen', <Time at={one.seen} full />], ['Events', number(one.events)],
              ...(one.status ? [
                ['Version', one.status.version], ['Connected for', one.connected && duration(one.status.uptime_s)], ['Packets a second', number(one.status.packets_per_s)], ['Dropped packets', number(one.status.drops)], ['Flows', number(one.status.flows)],
                ['Events lost', number(one.status.lost)], ['Events that wait', number(one.status.waiting)], ['Policy', one.status.policy], ['Certificate ends', one.status.certificate_end && <Time at={one.status.certificate_end} full seconds={false} />],
              ] as const : []),
            ]} />
          </div>
        </Dialog>
      )}
    </>
  )
}

function Add({ renew, onClose }: { renew?: Sensor; onClose: () => void }) {
  const [name, setName] = useState(renew?.name ?? '')
  const [kind, setKind] = useState<string>(renew?.kind ?? 'sensor')
  const [made, setMade] = useState<Bundle | null>(null)
  const add = useAction(() => post<Bundle>('/sensors', { name: name.trim(), kind, ...(renew && { renew: true }) }), 'sensors')
  const list = useQuery<{ sensors: Sensor[] }>(made ? '/sensors' : null, {}, { topics: TOPICS })
  if (made !== null) return (
    <Dialog title={`What ${made.name} is given`} open onClose={onClose} wide sure>
      <Enrolled made={made} connected={list.data?.sensors.some(one => one.id === made.id && one.connected) ?? false} onEnd={onClose} />
    </Dialog>
  )
  return (
    <Dialog title={renew ? `New certificate for ${renew.name}` : 'Add a sensor'} open onClose={onClose}>
      <Form label="Add a sensor" onSubmit={() => void add.run().then(one => one && setMade(one))}>
        {renew ? <Notice tone="warn">The certificate that it has now is no longer taken from then on.</Notice> : (
          <>
            <TextInput label="Name of the sensor" value={name} onChange={setName} required autoFocus maxLength={63} placeholder="hq-1" help="Letters, digits, dots, dashes: where it stands, so that others know it." error={fieldError(add.error, 'name')} />
            <Select label="Kind" value={kind} onChange={setKind} choices={[{ id: 'sensor', name: 'Sensor', help: 'sees a copy of the traffic (imward watch)' }, { id: 'gateway', name: 'Gateway', help: 'the traffic passes through it (imward gateway)' }]} />
          </>
        )}
        <Failure error={add.error} fields={renew ? [] : ['name']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button type="submit" tone="primary" busy={add.busy} isDisabled={name.trim() === ''}>Make its certificate</Button></Buttons>
      </Form>
    </Dialog>
  )
}
