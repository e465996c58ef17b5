// SPDX-License-Identifier: Apache-2.0
// One document: what is in force, what is being written, all its versions, and who is to sign it by when.
import { useState } from 'react'
import { patch, post } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { DocumentDetail, DocumentVersion, DocumentVersionRow } from '../api/types'
import { toast } from '../app/announce'
import { go, Link } from '../app/router'
import { useCan } from '../app/session'
import { Button, Buttons, Dialog, Failure, fieldError, Form, LinkButton, TextInput } from '../components/controls'
import { Empty, ErrorState, Facts, Grid, Loading, Notice, PageHead, Panel, Tile, Tiles, Time } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { number, plural, time } from '../lib/format'
import { AudienceFields, audienceBody, audienceOf, VersionState, type Audience } from './documents'

const TOPICS = ['documents', 'duties'] as const

export default function DocumentPage({ parts }: { parts: Record<string, string> }) {
  const can = useCan()
  const document = useQuery<DocumentDetail>(`/documents/${parts['id']}`, {}, { topics: TOPICS })
  const [setting, setSetting] = useState(false)
  const [writing, setWriting] = useState(false)
  const back = { href: '/documents', name: 'Documents' }
  const one = document.data
  if (one === undefined) return <><PageHead title="Document" back={back} />{document.error ? <ErrorState error={document.error} onRetry={document.reload} /> : <Loading rows={6} />}</>
  const at = (version: number) => `/documents/${one.id}/versions/${version}`
  const write = can('document:write')
  const columns: Column<DocumentVersionRow>[] = [
    { id: 'edition', name: 'Edition', cell: v => v.edition, always: true },
    { id: 'state', name: 'State', cell: v => <span className="pair"><VersionState state={v.state} />{v.state === 'proposed' && <span className="muted small">{v.approvals} of {v.approvals_needed} agree</span>}{v.state === 'approved' && v.publish_on && <span className="muted small">for {time(v.publish_on, false)}</span>}</span> },
    { id: 'summary', name: 'What changed', cell: v => <span className="clip-lines">{v.summary}</span>, wide: true },
    { id: 'rules', name: 'Rules', cell: v => number(v.rules), align: 'end' },
    { id: 'authors', name: 'Written by', cell: v => v.authors.join(', ') },
    { id: 'approved', name: 'Approved by', cell: v => v.approved_by.join(', ') },
    { id: 'published', name: 'Published', cell: v => (v.published ? <Time at={v.published} full seconds={false} /> : '') },
    { id: 'hash', name: 'SHA-256', cell: v => <span className="mono" title={v.sha256}>{v.sha256.slice(0, 12)}…</span> },
  ]
  return (
    <>
      <PageHead title={one.title} back={back} lead={`For ${one.audience === 'everybody' ? 'everybody' : audienceOf(one)}.`}
        actions={<>
          {write && <Button icon="settings" onPress={() => setSetting(true)}>Settings …</Button>}
          {one.open ? <LinkButton tone="primary" href={at(one.open.id)}>{one.open.state === 'draft' && write ? 'Go on writing' : one.open.may.approve ? 'Read and decide' : `Open ${one.open.edition}`}</LinkButton> : write && <Button tone="primary" icon="edit" onPress={() => setWriting(true)}>Write a new version …</Button>}
        </>} />
      {one.open?.problem && <Notice tone="bad">{one.open.edition} could not be published on its day: {one.open.problem}</Notice>}
      {one.to_sign && (
        <Tiles label="Who signed it" few>
          <Tile name="Owe it" value={number(one.owed)} {...(can('duty:read') && { href: `/signatures?document=${one.id}` })} />
          <Tile name="Signed" value={number(one.signed)} {...(can('duty:read') && { href: `/signatures?document=${one.id}&state=signed` })} />
          <Tile name="Overdue" value={number(one.overdue)} {...(can('duty:read') && { href: `/signatures?document=${one.id}&state=overdue` })} />
        </Tiles>
      )}
      <Grid>
        <Panel title="Now">
          <Facts of={[
            ['In force', one.in_force ? <Link href={at(one.in_force.version)}>{one.in_force.edition}</Link> : 'nothing yet'],
            ['Since', one.in_force && <Time at={one.in_force.published} full seconds={false} />],
            ['Rules', one.in_force && (one.in_force.rules > 0 ? <>{plural(one.in_force.rules, 'rule')}: the policy in force</> : 'none: text only')],
            ['To be signed', one.to_sign?.edition ?? 'nothing'],
            ['Being worked on', one.open && <span className="pair"><Link href={at(one.open.id)}>{one.open.edition}</Link><VersionState state={one.open.state} /></span>],
          ]} />
        </Panel>
        <Panel title="Who signs by when">
          <Facts of={[
            ['For', audienceOf(one)], ['Due', `${plural(one.due_days, 'day')} after somebody comes to owe it`],
            ['Reminder', one.remind_before > 0 ? `${plural(one.remind_before, 'day')} before` : 'none before'],
            ['Overdue', one.remind_every > 0 ? `again every ${plural(one.remind_every, 'day')}` : 'no further reminder'],
            ['Manager hears', one.escalate_after > 0 ? `${plural(one.escalate_after, 'day')} after that` : 'never'],
          ]} />
        </Panel>
      </Grid>
      <Panel title="Versions" flush>
        <DataTable label="Versions of the document" rows={one.versions} columns={columns} rowKey={v => v.id} href={v => at(v.id)} choose="document-versions" empty={<Empty title="No version is left">The draft was discarded. Write a new version.</Empty>} />
      </Panel>
      {setting && <SettingsOf document={one} onClose={() => setSetting(false)} />}
      {writing && <NewVersion document={one} from={one.in_force?.version ?? one.versions[0]?.id ?? null} onClose={() => setWriting(false)} />}
    </>
  )
}

export function NewVersion({ document, from, onClose }: { document: { id: number; title: string }; from: number | null; onClose: () => void }) {
  const [edition, setEdition] = useState(() => new Date().toISOString().slice(0, 10))
  const make = useAction(() => post<DocumentVersion>(`/documents/${document.id}/versions`, { edition: edition.trim(), ...(from !== null && { from }) }), 'documents')
  return (
    <Dialog title="Write a new version" open onClose={onClose}>
      <Form label="Write a new version" onSubmit={() => void make.run().then(made => { if (made) { onClose(); go(`/documents/${document.id}/versions/${made.id}`) } })}>
        <p>A draft with the present text. What is in force stays so until the new version is approved and published.</p>
        <TextInput label="Edition" value={edition} onChange={setEdition} required maxLength={40} autoFocus help="How people call this version." error={fieldError(make.error, 'edition')} />
        <Failure error={make.error} fields={['edition']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button tone="primary" type="submit" busy={make.busy} isDisabled={edition.trim() === ''}>Make the draft</Button></Buttons>
      </Form>
    </Dialog>
  )
}

function SettingsOf({ document, onClose }: { document: DocumentDetail; onClose: () => void }) {
  const [title, setTitle] = useState(document.title)
  const [audience, setAudience] = useState<Audience>({ audience: document.audience, departments: document.departments.map(one => one.id) })
  const [due, setDue] = useState(String(document.due_days))
  const [before, setBefore] = useState(String(document.remind_before))
  const [every, setEvery] = useState(String(document.remind_every))
  const [escalate, setEscalate] = useState(String(document.escalate_after))
  const save = useAction(async () => {
    await patch(`/documents/${document.id}`, { title: title.trim(), ...audienceBody(audience), due_days: Number(due), remind_before: Number(before), remind_every: Number(every), escalate_after: Number(escalate) })
    return true
  }, 'documents', 'duties')
  const days = (label: string, name: string, value: string, onChange: (value: string) => void, help: string) =>
    <TextInput label={`${label} (days)`} value={value} onChange={text => onChange(text.replace(/\D/g, ''))} inputMode="numeric" required maxLength={3} help={help} error={(Number(value) > 365 ? 'From 0 to 365' : null) ?? fieldError(save.error, name)} />
  const fits = [due, before, every, escalate].every(one => one !== '' && Number(one) <= 365)
  return (
    <Dialog title="Settings of the document" open onClose={onClose}>
      <Form label="Settings of the document" onSubmit={() => void save.run().then(done => { if (done) { toast('Saved'); onClose() } })}>
        <TextInput label="Title" value={title} onChange={setTitle} required maxLength={200} error={fieldError(save.error, 'title')} />
        <AudienceFields value={audience} onChange={setAudience} error={fieldError(save.error, 'audience') ?? fieldError(save.error, 'departments')} />
        <div className="row top">
          {days('Due after', 'due_days', due, setDue, 'From publication, or from the day somebody joins.')}
          {days('Reminder before', 'remind_before', before, setBefore, '0: none before it is due.')}
        </div>
        <div className="row top">
          {days('Overdue: again every', 'remind_every', every, setEvery, '0: no further reminder.')}
          {days('Manager hears after', 'escalate_after', escalate, setEscalate, 'Days overdue; 0: never.')}
        </div>
        <Failure error={save.error} fields={['title', 'audience', 'departments', 'due_days', 'remind_before', 'remind_every', 'escalate_after']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button tone="primary" type="submit" busy={save.busy} isDisabled={!fits || title.trim() === ''}>Save</Button></Buttons>
      </Form>
    </Dialog>
  )
}
