// SPDX-License-Identifier: Apache-2.0
// One version of a document: a draft is written here; what is proposed is read and decided on; what is approved is
// published. Each clause stands with the rule that enforces it.
import { lazy, Suspense, useState } from 'react'
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components/Tabs'
import { post, remove } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { Diff, DocumentDetail, DocumentVersion } from '../api/types'
import { toast } from '../app/announce'
import { Link } from '../app/router'
import { useCan } from '../app/session'
import { ClauseList, Clauses } from '../components/clauses'
import { Button, Buttons, Confirm, Dialog, Failure, fieldError, Form, Select, TextBox, TextInput } from '../components/controls'
import { CopyText } from '../components/copy'
import { DiffView } from '../components/diff'
import { useWord } from '../components/filter-bar'
import { Badge, Empty, ErrorState, Facts, Loaded, Loading, Notice, PageHead, Panel, Time } from '../components/page'
import { listed, plural, time } from '../lib/format'
import { NewVersion } from './document'
import { VersionState } from './documents'

const TOPICS = ['documents'] as const
const Editing = lazy(() => import('./document-edit'))

export default function DocumentVersionPage({ parts }: { parts: Record<string, string> }) {
  const at = `/documents/${parts['id']}/versions/${parts['version']}`
  const version = useQuery<DocumentVersion>(at, {}, { topics: TOPICS, hold: true })
  const document = useQuery<DocumentDetail>(`/documents/${parts['id']}`, {}, { topics: TOPICS })
  const one = version.data
  const back = { href: `/documents/${parts['id']}`, name: one?.title ?? 'Document' }
  if (one === undefined || document.data === undefined) {
    const error = version.error ?? document.error
    return <><PageHead title="Version" back={back} />{error ? <ErrorState error={error} onRetry={() => { version.reload(); document.reload() }} /> : <Loading rows={8} />}</>
  }
  if (one.may.write) return <Suspense fallback={<Loading rows={8} />}><Editing key={one.id} version={one} document={document.data} reload={version.reload} /></Suspense>
  return <Read key={one.id} version={one} document={document.data} old={version.old} reload={version.reload} />
}

function Read({ version, document, old, reload }: { version: DocumentVersion; document: DocumentDetail; old: boolean; reload: () => void }) {
  const can = useCan()
  const at = `/documents/${version.document}/versions/${version.id}`
  const [tab, setTab] = useWord('tab', 'text')
  const [doing, setDoing] = useState<null | 'approve' | 'refuse' | 'publish' | 'withdraw' | 'again'>(null)
  const withdraw = useAction(async () => { await post(`${at}/withdraw`); return true }, 'documents')
  const unpublish = useAction(async () => { await remove(`${at}/publish`); return true }, 'documents')
  const done = (said: string) => { setDoing(null); toast(said); reload() }
  const write = can('document:write')
  const waits = version.state === 'proposed' || version.state === 'approved'
  return (
    <>
      <PageHead title={`${version.title}, ${version.edition}`} back={{ href: `/documents/${version.document}`, name: version.title }}
        lead={<span className="row center tight"><VersionState state={version.state} /><span>{Lead(version)}</span></span>}
        actions={<>
          {version.may.approve && <><Button onPress={() => setDoing('refuse')}>Refuse …</Button><Button tone="primary" icon="check" onPress={() => setDoing('approve')}>Approve …</Button></>}
          {waits && write && <Button onPress={() => setDoing('withdraw')}>Back to a draft …</Button>}
          {version.may.publish && version.publish_on && <Button busy={unpublish.busy} onPress={() => void unpublish.run().then(ok => ok && done('It is not published on that day'))}>Not on that day</Button>}
          {version.may.publish && <Button tone="primary" onPress={() => setDoing('publish')}>Publish …</Button>}
          {(version.state === 'published' || version.state === 'replaced') && write && document.open === null && <Button tone={version.state === 'published' ? 'primary' : 'plain'} icon="edit" onPress={() => setDoing('again')}>Write a new version …</Button>}
        </>} />
      {old && <Notice tone="warn">This version was changed meanwhile. <Button small onPress={reload}>Show how it is now</Button></Notice>}
      <Failure error={unpublish.error} />
      {version.problem && <Notice tone="bad">It could not be published on its day: {version.problem}</Notice>}
      {version.state === 'proposed' && <Waiting version={version} />}
      {version.state === 'approved' && version.publish_on && <Notice icon="clock">It will be published on <strong>{time(version.publish_on, false)}</strong>, after it was checked once more.</Notice>}
      {version.state === 'replaced' && document.in_force && <Notice>In force now is <Link href={`/documents/${version.document}/versions/${document.in_force.version}`}>{document.in_force.edition}</Link>.</Notice>}
      <Tabs className="tabs" selectedKey={tab} onSelectionChange={key => setTab(String(key))}>
        <TabList className="tab-list" aria-label="Parts of the version">
          <Tab id="text" className="tab">Text</Tab><Tab id="changes" className="tab">Changes</Tab><Tab id="policy" className="tab">Policy <span className="muted small">{version.rules}</span></Tab><Tab id="record" className="tab">Record</Tab>
        </TabList>
        <TabPanel id="text" className="tab-panel">
          <div className="grid main-aside">
            <Panel><Clauses of={version.clauses} /></Panel>
            <div className="stack aside-stays no-print">
              {version.summary && <Panel title="What changed"><p className="prose">{version.summary}</p></Panel>}
              <Panel title="Clauses"><ClauseList of={version.clauses} /></Panel>
            </div>
          </div>
        </TabPanel>
        <TabPanel id="changes" className="tab-panel"><Changes version={version} document={document} /></TabPanel>
        <TabPanel id="policy" className="tab-panel"><PolicyOf policy={version.policy} /></TabPanel>
        <TabPanel id="record" className="tab-panel"><Record version={version} /></TabPanel>
      </Tabs>
      {(doing === 'approve' || doing === 'refuse') && <Decide version={version} approve={doing === 'approve'} onClose={() => setDoing(null)} onDone={() => done(doing === 'approve' ? 'You agreed' : 'Refused: it is a draft again')} />}
      {doing === 'publish' && <Publish version={version} document={document} onClose={() => setDoing(null)} onDone={done} />}
      {doing === 'again' && <NewVersion document={document} from={version.id} onClose={() => setDoing(null)} />}
      <Confirm title="Back to a draft" open={doing === 'withdraw'} onClose={() => setDoing(null)} act="Make it a draft" busy={withdraw.busy} error={withdraw.error} onConfirm={() => void withdraw.run().then(ok => ok && done('It is a draft again'))}>
        <p>It can be changed again. {version.approvals > 0 ? 'Who has agreed is asked anew: agreements count for the exact text.' : 'It is proposed anew when it is ready.'}</p>
      </Confirm>
    </>
  )
}

function Lead(version: DocumentVersion) {
  if (version.published) return <>published <Time at={version.published} full seconds={false} />{version.replaced && <>, replaced <Time at={version.replaced} full seconds={false} /></>}</>
  return <>written by {listed(version.authors)}{version.proposed && <>, proposed <Time at={version.proposed} /></>}</>
}

function Waiting({ version }: { version: DocumentVersion }) {
  const left = version.approvals_needed - version.approvals
  return (
    <Notice>
      <strong>{version.approvals} of {version.approvals_needed} agree{version.approved_by.length > 0 && `: ${listed(version.approved_by)}`}.</strong>{' '}
      {version.may.approve ? 'Read the text and its rules, then approve or refuse.' : left > 0 ? `${left === 1 ? 'One more person' : `${left} more people`} who did not write it must agree: compliance, managers or administrators.` : ''}
    </Notice>
  )
}

/** Against the version in force, or another. */
export function Changes({ version, document }: { version: { id: number; sha256: string }; document: DocumentDetail }) {
  const others = document.versions.filter(one => one.id !== version.id)
  const usual = document.in_force && document.in_force.version !== version.id ? document.in_force.version : others.find(one => one.id < version.id)?.id
  const [from, setFrom] = useState<string | null>(usual !== undefined ? String(usual) : null)
  const diff = useQuery<Diff>(from !== null ? `/documents/${document.id}/versions/${version.id}/diff` : null, { from, now: version.sha256.slice(0, 8) }, { topics: TOPICS, keep: true })
  if (others.length === 0) return <Panel><Empty title="There is no other version">Changes are shown against what was before.</Empty></Panel>
  return (
    <Panel flush title="What is different" actions={<Select label="Compared with" hideLabel value={from} onChange={setFrom} choices={others.map(one => ({ id: String(one.id), name: `${one.edition}${one.state === 'published' ? ', in force' : ''}` }))} />}>
      {from === null ? <Empty title="Choose a version to compare with" /> : <Loaded of={diff}>{data => <DiffView of={data} label="Differences between two versions" />}</Loaded>}
    </Panel>
  )
}
export function PolicyOf({ policy }: { policy: string | null }) {
  if (policy === null) return <Panel><Empty title="It carries no rules">A document without blocks of rules is text only: publishing it changes nothing on the network.</Empty></Panel>
  return <Panel title="The policy that its rules make" note="Publishing the document publishes exactly this. Each rule has a comment that names its clause."><pre className="code" tabIndex={0}>{policy}</pre></Panel>
}

function Record({ version }: { version: DocumentVersion }) {
  return (
    <div className="grid">
      <Panel title="Decisions">
        {version.decisions.length === 0 ? <p className="muted">Nobody has decided on it yet.</p> : (
          <ol className="timeline plain">
            {version.decisions.map((one, i) => (
              <li key={i}>
                <span className={`timeline-mark ${one.approve ? 'allow' : 'block'}`} aria-hidden="true" />
                <span className="muted small"><Time at={one.time} full />, {one.by}</span>
                <div><Badge tone={one.approve ? 'allow' : 'block'}>{one.approve ? 'Agreed' : 'Refused'}</Badge>{one.sha256 !== version.sha256 && <span className="muted small"> to an earlier text</span>}</div>
                {one.why && <div className="note-text">{one.why}</div>}
              </li>
            ))}
          </ol>
        )}
      </Panel>
      <Panel title="This version">
        <Facts of={[['Written by', version.authors.join(', ')], ['Begun', <Time at={version.created} full seconds={false} />], ['Proposed', version.proposed && <Time at={version.proposed} full seconds={false} />], ['Published', version.published && <Time at={version.published} full seconds={false} />],
          ['Replaced', version.replaced && <Time at={version.replaced} full seconds={false} />], ['Rules', plural(version.rules, 'rule')], ['Signed', version.sign ? 'its audience signs it' : 'not to be signed: signatures of the version before stay valid']]} />
        <p className="small muted">SHA-256 of its exact Markdown. Decisions and signatures name it.</p>
        <CopyText text={version.sha256} what="SHA-256 of the text" />
      </Panel>
    </div>
  )
}

function Decide({ version, approve, onClose, onDone }: { version: DocumentVersion; approve: boolean; onClose: () => void; onDone: () => void }) {
  const [why, setWhy] = useState('')
  const act = useAction(async () => { await post(`/documents/${version.document}/versions/${version.id}/decision`, { approve, sha256: version.sha256, ...(why.trim() !== '' && { why: why.trim() }) }); return true }, 'documents')
  return (
    <Dialog title={approve ? 'Approve this text' : 'Refuse this text'} open onClose={onClose}>
      <Form label={approve ? 'Approve this text' : 'Refuse this text'} onSubmit={() => void act.run().then(done => done && onDone())}>
        <p>{approve ? `You agree to the exact text of ${version.edition}${version.rules > 0 ? `, and to the ${plural(version.rules, 'rule')} that it carries` : ''}. Its hash is recorded with your name.` : 'It goes back to whoever wrote it, as a draft. What others agreed to is void then.'}</p>
        <p className="digest">{version.sha256}</p>
        <TextBox label={approve ? 'A remark, if you like' : 'Reason'} value={why} onChange={setWhy} required={!approve} autoFocus rows={3} error={fieldError(act.error, 'why')} {...(!approve && { help: 'Whoever wrote it reads this.' })} />
        <Failure error={act.error} fields={['why']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button type="submit" tone={approve ? 'primary' : 'danger'} busy={act.busy} isDisabled={!approve && why.trim() === ''}>{approve ? 'Approve' : 'Refuse'}</Button></Buttons>
      </Form>
    </Dialog>
  )
}

function Publish({ version, document, onClose, onDone }: { version: DocumentVersion; document: DocumentDetail; onClose: () => void; onDone: (said: string) => void }) {
  const [when, setWhen] = useState('now')
  const [day, setDay] = useState('')
  const act = useAction(async () => { await post(`/documents/${version.document}/versions/${version.id}/publish`, when === 'now' ? {} : { on: new Date(`${day}T00:00:00`).toISOString() }); return true }, 'documents', 'policy', 'duties')
  return (
    <Dialog title="Publish this version" open onClose={onClose}>
      <Form label="Publish this version" onSubmit={() => void act.run().then(done => done && onDone(when === 'now' ? 'Published' : 'It will be published on that day'))}>
        <ul className="prose">
          {document.in_force && <li>It replaces {document.in_force.edition}.</li>}
          <li>{version.rules > 0 ? `Its ${plural(version.rules, 'rule')} become the policy: gateways take it within seconds.` : 'It carries no rules: nothing changes on the network.'}</li>
          <li>{version.sign ? `Its audience owes a signature, due in ${plural(document.due_days, 'day')}.` : 'Nobody has to sign it; signatures of the version before stay valid.'}</li>
        </ul>
        <Select label="When" value={when} onChange={setWhen} choices={[{ id: 'now', name: 'Now' }, { id: 'day', name: 'On a day' }]} />
        {when === 'day' && <TextInput label="Day" type="date" value={day} onChange={setDay} required help="At its beginning, in your time zone. It is checked once more then." error={fieldError(act.error, 'on')} />}
        <Failure error={act.error} fields={when === 'day' ? ['on'] : []} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button type="submit" tone="primary" busy={act.busy} isDisabled={when === 'day' && day === ''}>Publish</Button></Buttons>
      </Form>
    </Dialog>
  )
}
