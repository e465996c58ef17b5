// SPDX-License-Identifier: Apache-2.0
// A draft: its Markdown, checked by the server while it is written, with what readers will see beside it. Ctrl+S saves.
import { useEffect, useRef, useState } from 'react'
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components/Tabs'
import { call, post, put, remove } from '../api/client'
import { useAction } from '../api/query'
import type { DocumentCheck, DocumentDetail, DocumentVersion } from '../api/types'
import { toast } from '../app/announce'
import { go, useLeaveGuard } from '../app/router'
import { Clauses } from '../components/clauses'
import { Button, Check, Confirm, Failure, fieldError, TextInput } from '../components/controls'
import { Editor, type EditorHandle } from '../components/editor'
import { Icon } from '../components/icon'
import { Loading, Notice, PageHead, Panel, Time } from '../components/page'
import { listed, plural } from '../lib/format'
import { VersionState } from './documents'
import { Changes, PolicyOf } from './document-version'

const RULE = '\n```imward\n- name: a name for the rule\n  match: {class: im, activity: file}\n  action: block\n```\n'

export default function EditDocument({ version, document, reload }: { version: DocumentVersion; document: DocumentDetail; reload: () => void }) {
  const at = `/documents/${version.document}/versions/${version.id}`
  const [base, setBase] = useState(version.sha256)
  const [saved, setSaved] = useState({ text: version.text, edition: version.edition, summary: version.summary, sign: version.sign })
  const [now, setNow] = useState(saved)
  const [checked, setChecked] = useState<DocumentCheck | null>({ ok: version.problems.every(one => one.level !== 'error'), problems: version.problems, clauses: version.clauses, policy: version.policy })
  const [checkFailed, setCheckFailed] = useState<string | null>(null)
  const [tab, setTab] = useState('preview')
  const [doing, setDoing] = useState<null | 'propose' | 'discard'>(null)
  const editor = useRef<EditorHandle>(null)
  const dirty = now.text !== saved.text || now.edition !== saved.edition || now.summary !== saved.summary || now.sign !== saved.sign
  const [leaving, setLeaving] = useState(false)
  useLeaveGuard(dirty && !leaving ? 'The draft has changes that are not saved. Leave all the same?' : null)
  const set = (part: Partial<typeof now>) => setNow(before => ({ ...before, ...part }))

  // Checked by the program itself, a moment after the last key.
  const first = useRef(true)
  useEffect(() => {
    if (first.current) { first.current = false; return }
    const abort = new AbortController()
    const timer = setTimeout(() => {
      call<DocumentCheck>('POST', '/documents/check', { body: { text: now.text, edition: now.edition }, signal: abort.signal }).then(
        answer => { setChecked(answer); setCheckFailed(null) },
        error => { if (!abort.signal.aborted) setCheckFailed(error instanceof Error ? error.message : String(error)) },
      )
    }, 450)
    return () => { clearTimeout(timer); abort.abort() }
  }, [now.text, now.edition])

  const store = async () => {
    const sent = now
    const answer = await put<DocumentVersion>(at, { sha256: base, text: sent.text, edition: sent.edition.trim(), summary: sent.summary.trim(), sign: sent.sign })
    setBase(answer.sha256)
    setSaved(sent)
    reload()
  }
  const save = useAction(async () => { await store(); return true }, 'documents')
  const propose = useAction(async () => { if (dirty) await store(); await post(`${at}/propose`); return true }, 'documents')
  const discard = useAction(async () => { await remove(at); return true }, 'documents')
  const saveNow = () => { if (dirty && !save.busy) void save.run().then(done => done && toast('Draft saved')) }
  const latest = useRef(saveNow)
  latest.current = saveNow
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey || event.key.toLowerCase() !== 's') return
      event.preventDefault()
      latest.current()
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [])

  const problems = checked?.problems ?? []
  const errors = problems.filter(one => one.level === 'error').length
  const rules = checked?.clauses.reduce((sum, one) => sum + one.rules.length, 0) ?? 0
  const late = save.error?.status === 409 || propose.error?.status === 409
  return (
    <>
      <PageHead title={`${version.title}, ${saved.edition}`} back={{ href: `/documents/${version.document}`, name: version.title }}
        lead={<span className="row center tight"><VersionState state={version.state} /><span>{version.authors.length > 0 && `written by ${listed(version.authors)}, `}changed <Time at={version.changed} /></span></span>}
        actions={<>
          <Button tone="quiet" icon="trash" onPress={() => setDoing('discard')}>Discard …</Button>
          <Button busy={save.busy} isDisabled={!dirty} onPress={saveNow} aria-keyshortcuts="Control+S">{dirty ? 'Save the draft' : 'Saved'}</Button>
          <Button tone="primary" isDisabled={errors > 0 || checked === null} onPress={() => setDoing('propose')}>Propose …</Button>
        </>} />
      {late ? <Notice tone="warn">Somebody else changed or decided on this version meanwhile. Copy what you wrote, then <Button small onPress={() => { setLeaving(true); reload(); location.reload() }}>show how it is now</Button></Notice> : <Failure error={save.error} fields={['edition', 'summary']} />}
      {version.decisions[0] && !version.decisions[0].approve && <Notice tone="warn"><strong>{version.decisions[0].by} refused it</strong> <Time at={version.decisions[0].time} />: {version.decisions[0].why}</Notice>}
      <Panel>
        <div className="row top">
          <TextInput label="Edition" value={now.edition} onChange={edition => set({ edition })} maxLength={40} required error={fieldError(save.error, 'edition')} />
          <TextInput label="What changed, in a sentence" value={now.summary} onChange={summary => set({ summary })} maxLength={2000} help="For those who approve and sign it." error={fieldError(save.error, 'summary')} />
          <Check checked={now.sign} onChange={sign => set({ sign })} help={now.sign ? 'Everybody whom it is for signs this edition.' : 'A correction: signatures of the edition before stay valid.'}>People sign this edition</Check>
        </div>
      </Panel>
      <div className="grid policy-grid">
        <Panel flush>
          <Editor ref={editor} markdown label="Text of the document, in Markdown" value={now.text} onChange={text => set({ text })} problems={problems.map(one => ({ ...one, column: 1, key: '' }))} />
          <div className="editor-foot" role="status">
            {checkFailed !== null ? <span className="bad-text"><Icon name="warning" />Not checked: {checkFailed}</span> : checked === null ? 'Checking …' : errors > 0 ? <span className="bad-text"><Icon name="warning" />{plural(errors, 'error')}</span> : <span className="good-text"><Icon name="check" />No errors{problems.length > 0 && `, ${plural(problems.length, 'warning')}`}</span>}
            <span className="muted small">{plural(rules, 'rule')}, {plural(checked?.clauses.length ?? 0, 'clause')}</span>
          </div>
        </Panel>
        <div className="stack">
          {problems.length > 0 && (
            <Panel title="Problems">
              <ul className="problems plain">
                {problems.map((one, i) => <li key={i} className={one.level}><button type="button" onClick={() => editor.current?.goTo(one.line)}><Icon name="warning" /><span><span className="hidden-text">{one.level}: </span>Line {one.line}: {one.text}</span></button></li>)}
              </ul>
            </Panel>
          )}
          <Panel flush>
            <Tabs className="tabs" selectedKey={tab} onSelectionChange={key => setTab(String(key))}>
              <TabList className="tab-list" aria-label="Beside the text">
                <Tab id="preview" className="tab">Preview</Tab><Tab id="changes" className="tab">Changes</Tab><Tab id="policy" className="tab">Policy</Tab><Tab id="help" className="tab">How to write</Tab>
              </TabList>
              <TabPanel id="preview" className="tab-panel editor-side">{checked === null ? <Loading /> : <Clauses of={checked.clauses} onLine={line => editor.current?.goTo(line)} />}</TabPanel>
              <TabPanel id="changes" className="tab-panel editor-side">{dirty && <Notice>Of what is saved. Save the draft to see your last changes.</Notice>}<Changes version={{ id: version.id, sha256: base }} document={document} /></TabPanel>
              <TabPanel id="policy" className="tab-panel editor-side"><PolicyOf policy={checked?.policy ?? null} /></TabPanel>
              <TabPanel id="help" className="tab-panel editor-side"><Help onRule={() => set({ text: now.text.replace(/\n*$/, '\n') + RULE })} /></TabPanel>
            </Tabs>
          </Panel>
        </div>
      </div>
      <Confirm title="Propose this version" open={doing === 'propose'} onClose={() => setDoing(null)} act="Propose" busy={propose.busy} error={late ? null : propose.error} onConfirm={() => void propose.run().then(done => { if (done) { setDoing(null); toast('Proposed: others can read and decide now'); reload() } })}>
        <p>{version.approvals_needed === 1 ? 'One person who did not write it must agree' : `${version.approvals_needed} people who did not write it must agree`}. While they decide, it is not changed; you can take it back.</p>
      </Confirm>
      <Confirm title="Discard this draft" open={doing === 'discard'} onClose={() => setDoing(null)} act="Discard" danger busy={discard.busy} error={discard.error} onConfirm={() => { setLeaving(true); void discard.run().then(done => { if (done) { toast('The draft is gone'); go(`/documents/${version.document}`) } else setLeaving(false) }) }}>
        <p>Its text is gone then. Versions that were published stay.</p>
      </Confirm>
    </>
  )
}

function Help({ onRule }: { onRule: () => void }) {
  return (
    <div className="prose">
      <p>The text is Markdown. Each heading begins a clause: <code>## 4.2 Files</code>. Its number is yours; without one, clauses are counted.</p>
      <p>Words: <code>**bold**</code>, <code>*italic*</code>, <code>[name](https://…)</code>. Lists begin with <code>-</code> or <code>1.</code>; tables are lines with <code>|</code>.</p>
      <p>A rule stands in the clause that it enforces, as a block:</p>
      <pre className="code" tabIndex={0}>{RULE.trim()}</pre>
      <p>One block may be the policy’s head, with <code>default</code>, <code>groups</code> or <code>enforce</code>; there, <code>sign</code> is the address of the page to which whoever is stopped is led: this console’s <code>/mine/documents</code>.</p>
      <Button small icon="plus" onPress={onRule}>Add such a block at the end</Button>
      <p>Refused are HTML, fences in lists and quotations, and what could show a reader another text than is enforced.</p>
    </div>
  )
}
