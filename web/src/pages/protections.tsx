// SPDX-License-Identifier: Apache-2.0
// The need for other security products: what covers each threat of the guidance, and what nothing covers.
import { useState } from 'react'
import { post, remove } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { RiskProtection, RiskProtections } from '../api/types'
import { useCan } from '../app/session'
import { Button, Buttons, Dialog, Failure, fieldError, Form, IconButton, Select, TextBox, TextInput } from '../components/controls'
import { Badge, Loaded, PageHead, Panel, Tile, Tiles } from '../components/page'
import { DataTable } from '../components/table'
import { number } from '../lib/format'

const STATES = { covered: { name: 'Covered', tone: 'allow' }, part: { name: 'In part', tone: 'alert' }, gap: { name: 'Gap', tone: 'block' } } as const

export default function Protections() {
  const can = useCan()
  const list = useQuery<RiskProtections>('/risks/protections', {}, { topics: ['risks'], keep: true })
  const [adding, setAdding] = useState<RiskProtection | null>(null)
  const drop = useAction((id: number) => remove<RiskProtections>(`/risks/protections/${id}`), 'risks')
  return (
    <>
      <PageHead title="What covers what" lead="The need for other security products: what imward does here, what other products do, and what nothing does." back={{ href: '/risks', name: 'Risks' }} />
      <Failure error={drop.error} />
      <Loaded of={list}>
        {data => (
          <>
            <Tiles label="Capabilities" few><Tile name="Covered" value={number(data.covered)} /><Tile name="In part" value={number(data.part)} /><Tile name="Gaps" value={number(data.gaps)} /></Tiles>
            <Panel flush>
              <DataTable label="What covers what" rows={data.protections} rowKey={one => one.key} empty={null} columns={[
                { id: 'title', name: 'Capability', cell: one => <><b>{one.title}</b><br /><span className="muted small">{one.about}</span></>, always: true },
                { id: 'state', name: 'State', cell: one => <Badge tone={STATES[one.state].tone}>{STATES[one.state].name}</Badge> },
                { id: 'imward', name: 'imward', cell: one => <>{one.imward}{one.evidence && <><br /><span className="muted small">Found: {one.evidence}</span></>}</>, wide: true },
                { id: 'limit', name: 'Its limit', cell: one => one.limit },
                { id: 'products', name: 'Other products', cell: one => <>{one.products.map(p => <div key={p.id}>{p.product}{p.owner && `, ${p.owner}`} {p.covers === 'part' && <span className="muted">(in part)</span>}{p.note && <span className="muted small"> {p.note}</span>}{can('risk:write') && <IconButton label={`Remove ${p.product}`} icon="trash" onPress={() => void drop.run(p.id)} />}</div>)}{can('risk:write') && <Button small icon="plus" aria-label={`Add a product for ${one.title}`} onPress={() => setAdding(one)}>Add …</Button>}</> },
              ]} />
            </Panel>
          </>
        )}
      </Loaded>
      {adding && <Add to={adding} onClose={() => setAdding(null)} />}
    </>
  )
}

function Add({ to, onClose }: { to: RiskProtection; onClose: () => void }) {
  const [product, setProduct] = useState('')
  const [covers, setCovers] = useState('full')
  const [owner, setOwner] = useState('')
  const [note, setNote] = useState('')
  const add = useAction(() => post<RiskProtections>('/risks/protections', { capability: to.key, product, covers, owner, note }), 'risks')
  return (
    <Dialog title={`Another product: ${to.title}`} open onClose={onClose}>
      <Form label="Another product" onSubmit={() => void add.run().then(done => done && onClose())}>
        <TextInput label="Product" value={product} onChange={setProduct} required autoFocus error={fieldError(add.error, 'product')} />
        <Select label="Covers it" value={covers} onChange={setCovers} choices={[{ id: 'full', name: 'In full' }, { id: 'part', name: 'In part' }]} />
        <TextInput label="Who answers for it" value={owner} onChange={setOwner} />
        <TextBox label="Note" value={note} onChange={setNote} rows={2} />
        <Failure error={add.error} fields={['product']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button type="submit" tone="primary" busy={add.busy} isDisabled={product.trim() === ''}>Add</Button></Buttons>
      </Form>
    </Dialog>
  )
}
