// SPDX-License-Identifier: Apache-2.0
// The written policy: which documents there are, what is in force, what is being written or waits for approval.
import { useState } from 'react'
import { post } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { Department, DocumentDetail, DocumentRow, DocumentState, Settings } from '../api/types'
import { go, Link } from '../app/router'
import { useCan } from '../app/session'
import { Button, Buttons, Check, Dialog, Failure, fieldError, Form, Select, TextInput } from '../components/controls'
import { Markdown } from '../components/markdown'
import { Badge, Empty, Loaded, PageHead, Panel, Time, type BadgeTone } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { number, plural } from '../lib/format'
import { filled } from '../lib/template'

const TOPICS = ['documents', 'duties'] as const
export const VERSION_STATES: Record<DocumentState, { name: string; tone: BadgeTone }> = {
  draft: { name: 'Draft', tone: 'alert' }, proposed: { name: 'Waits for approval', tone: 'scan' }, approved: { name: 'Approved', tone: 'accent' },
  published: { name: 'In force', tone: 'allow' }, replaced: { name: 'Replaced', tone: 'plain' },
}
export const VersionState = ({ state }: { state: DocumentState }) => <Badge tone={VERSION_STATES[state].tone}>{VERSION_STATES[state].name}</Badge>
export const audienceOf = (one: DocumentRow) => (one.audience === 'everybody' ? 'Everybody' : one.departments.map(d => d.name).join(', '))

/** How many have, as a bar and in words. */
export function Part({ done, of, what }: { done: number; of: number; what: string }) {
  if (of === 0) return <span className="muted">nobody</span>
  const part = Math.floor((done * 100) / of)
  return (
    <span className="part">
      <span className="small">{number(done)} of {number(of)} <span className="muted">{what}, {part} %</span></span>
      <span className="part-track"><svg aria-hidden="true" focusable="false"><rect className="part-done" width={`${part}%`} height="100%" /></svg></span>
    </span>
  )
}

export default function Documents() {
  const can = useCan()
  const write = can('document:write')
  const list = useQuery<{ documents: DocumentRow[] }>('/documents', {}, { topics: TOPICS })
  const [making, setMaking] = useState<string | null>(null)
  const columns: Column<DocumentRow>[] = [
    { id: 'title', name: 'Document', cell: one => one.title, always: true, wide: true, sort: one => one.title },
    { id: 'force', name: 'In force', cell: one => (one.in_force ? <>{one.in_force.edition} <span className="muted small">since <Time at={one.in_force.published} full seconds={false} />{one.in_force.rules > 0 && `, ${plural(one.in_force.rules, 'rule')}`}</span></> : <span className="muted">nothing yet</span>) },
    { id: 'open', name: 'Being worked on', cell: one => (one.open ? <span className="pair"><Link href={`/documents/${one.id}/versions/${one.open.id}`}>{one.open.edition}</Link> <VersionState state={one.open.state} />{one.open.state === 'proposed' && <span className="muted small">{one.open.approvals} of {one.open.approvals_needed} agree</span>}</span> : <span className="muted">nothing</span>) },
    { id: 'audience', name: 'For', cell: one => audienceOf(one) },
    { id: 'signed', name: 'Signed', cell: one => (one.to_sign ? <Part done={one.signed} of={one.owed} what="signed" /> : <span className="muted">not to be signed</span>) },
    { id: 'overdue', name: 'Overdue', cell: one => (one.overdue > 0 ? <Badge tone="block">{number(one.overdue)}</Badge> : '0'), align: 'end', sort: one => one.overdue },
  ]
  const waiting = list.data?.documents.filter(one => one.open?.may.approve) ?? []
  return (
    <>
      <PageHead title="Documents" lead="The written policy. Its clauses carry the rules that enforce them, so that text and network do not part."
        actions={write && list.data && list.data.documents.length > 0 && <Button tone="primary" icon="plus" onPress={() => setMaking('')}>New document …</Button>} />
      {waiting.length > 0 && (
        <Panel title="Waits for your decision">
          <ul className="plain stack tight">{waiting.map(one => one.open && <li key={one.id}><Link href={`/documents/${one.id}/versions/${one.open.id}`}>{one.title}, {one.open.edition}</Link> <span className="muted small">written by {one.open.authors.join(', ')}, {one.open.approvals} of {one.open.approvals_needed} agree</span></li>)}</ul>
        </Panel>
      )}
      {list.data?.documents.length === 0 ? <Begin write={write} onChoose={setMaking} /> : (
        <Panel flush>
          <DataTable label="Documents" rows={list.data?.documents} columns={columns} rowKey={one => one.id} href={one => `/documents/${one.id}`} loading={list.loading} error={list.error} onRetry={list.reload} empty={null} />
        </Panel>
      )}
      {making !== null && <NewDocument template={making} onClose={() => setMaking(null)} />}
    </>
  )
}

interface Template { name: string; title: string; about: string; text: string }
const useTemplates = () => useQuery<{ templates: Template[] }>('/documents/templates')

/** Nothing is written yet: what to begin with. */
function Begin({ write, onChoose }: { write: boolean; onChoose: (template: string) => void }) {
  const templates = useTemplates()
  const [shown, setShown] = useState<Template | null>(null)
  if (!write) return <Panel><Empty title="No document is written yet">The compliance department writes the policy here. What is in force, and what waits for your approval, will stand on this page.</Empty></Panel>
  return (
    <Panel title="Begin with a template" note="It is text of ours, for you to adapt; words in [brackets] are yours to fill in. Nothing is in force before two others have approved it and you publish it.">
      <Loaded of={templates}>
        {data => (
          <>
            {data.templates.map(one => (
              <div key={one.name} className="template">
                <div><strong>{one.title}</strong><p className="muted small">{one.about}</p></div>
                <Buttons><Button onPress={() => setShown(one)}>Read it</Button><Button tone="primary" onPress={() => onChoose(one.name)}>Use it …</Button></Buttons>
              </div>
            ))}
            <div className="template"><div><strong>An empty document</strong><p className="muted small">For a text of your own, with rules or without.</p></div><Buttons><Button onPress={() => onChoose('')}>Write …</Button></Buttons></div>
          </>
        )}
      </Loaded>
      {shown && <Dialog title={shown.title} open wide onClose={() => setShown(null)}><div className="stack"><Markdown text={shown.text} /><Buttons><Button tone="primary" onPress={() => { setShown(null); onChoose(shown.name) }}>Use it …</Button></Buttons></div></Dialog>}
    </Panel>
  )
}

export interface Audience { audience: string; departments: readonly number[] }
export function AudienceFields({ value, onChange, error }: { value: Audience; onChange: (value: Audience) => void; error: string | null }) {
  const departments = useQuery<{ departments: Department[] }>('/departments')
  const chosen = value.audience === 'departments'
  return (
    <>
      <Select label="Who it is for" value={value.audience} onChange={audience => onChange({ ...value, audience })} choices={[{ id: 'everybody', name: 'Everybody' }, { id: 'departments', name: 'Some departments' }]} error={chosen ? null : error} />
      {chosen && (
        <fieldset className="choices two"><legend>Departments, with those below them</legend>
          {(departments.data?.departments ?? []).map(one => <Check key={one.id} checked={value.departments.includes(one.id)} onChange={on => onChange({ ...value, departments: on ? [...value.departments, one.id] : value.departments.filter(id => id !== one.id) })}>{one.name}</Check>)}
          {error && <p className="field-error" role="alert">{error}</p>}
        </fieldset>
      )}
    </>
  )
}
export const audienceBody = (of: Audience) => ({ audience: of.audience, ...(of.audience === 'departments' && { departments: of.departments }) })

function NewDocument({ template, onClose }: { template: string; onClose: () => void }) {
  const can = useCan()
  const templates = useTemplates()
  const settings = useQuery<Settings>(can('setting:read') ? '/settings' : null)
  const [from, setFrom] = useState(template === '' ? '*' : template)
  const chosen = templates.data?.templates.find(one => one.name === from)
  const [title, setTitle] = useState<string | null>(null)
  const name = title ?? chosen?.title ?? ''
  const [edition, setEdition] = useState(() => new Date().toISOString().slice(0, 7))
  const [audience, setAudience] = useState<Audience>({ audience: 'everybody', departments: [] })
  const make = useAction(() => post<DocumentDetail>('/documents', { title: name.trim(), edition: edition.trim(), ...audienceBody(audience), text: from === '*' ? `# ${name.trim()}\n` : filled(chosen?.text ?? '', settings.data?.institution ?? '', location.origin) }), 'documents')
  return (
    <Dialog title="New document" open onClose={onClose}>
      <Form label="New document" onSubmit={() => void make.run().then(made => { if (made) { onClose(); go(made.open ? `/documents/${made.id}/versions/${made.open.id}` : `/documents/${made.id}`) } })}>
        <Select label="Begin with" value={from} onChange={setFrom} choices={[...(templates.data?.templates ?? []).map(one => ({ id: one.name, name: one.title, help: one.about })), { id: '*', name: 'An empty document' }]} error={fieldError(make.error, 'template')} />
        <TextInput label="Title" value={name} onChange={setTitle} required maxLength={200} autoFocus error={fieldError(make.error, 'title')} />
        <TextInput label="Edition" value={edition} onChange={setEdition} required maxLength={40} help="How people call this version: a year and month, or a number." error={fieldError(make.error, 'edition')} />
        <AudienceFields value={audience} onChange={setAudience} error={fieldError(make.error, 'audience') ?? fieldError(make.error, 'departments')} />
        <Failure error={make.error} fields={['template', 'title', 'edition', 'audience', 'departments']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button tone="primary" type="submit" busy={make.busy} isDisabled={name.trim() === '' || edition.trim() === '' || (from !== '*' && !chosen)}>Make the draft</Button></Buttons>
      </Form>
    </Dialog>
  )
}
