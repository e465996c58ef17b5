// SPDX-License-Identifier: Apache-2.0
// A document to read, and to sign at its end: the exact version, what it means in words, the typed name, the receipt.
// Made for a telephone first.
import { useRef, useState } from 'react'
import { post } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { Clause, Diff, MineDocument, Signature } from '../api/types'
import { toast } from '../app/announce'
import { signOut, useMe } from '../app/session'
import { clauseId, Clauses } from '../components/clauses'
import { Button, Buttons, Check, Failure, fieldError, Form, LinkButton, TextInput } from '../components/controls'
import { CopyText } from '../components/copy'
import { DiffView } from '../components/diff'
import { ActionBadge, Badge, ErrorState, Facts, Loading, Notice, PageHead, Panel, Time } from '../components/page'
import { day } from '../lib/format'
import { isOwed, type MyDocuments } from './my-documents'
import { Receipt } from './signature'

const TOPICS = ['duties', 'documents'] as const
type Whole = MineDocument & { text: string; clauses: Clause[]; changes: Diff | null }

export default function MyDocument({ parts }: { parts: Record<string, string> }) {
  const document = useQuery<Whole>(`/mine/documents/${parts['id']}`, {}, { topics: TOPICS, hold: true })
  const mine = useQuery<MyDocuments>('/mine/documents', {}, { topics: TOPICS })
  const [signature, setSignature] = useState<Signature | null>(null)
  const end = useRef<HTMLDivElement>(null)
  const back = { href: '/mine/documents', name: 'My documents' }
  const one = document.data
  if (one === undefined) return <><PageHead title="Document" back={back} />{document.error ? <ErrorState error={document.error} onRetry={document.reload} /> : <Loading rows={8} />}</>
  const signed = signature ?? one.signature
  const owed = isOwed(one) && signed === null
  return (
    <>
      <PageHead title={one.title} back={back} lead={<span className="row center tight">{signed ? <Badge tone="allow">Signed</Badge> : owed ? <Badge tone={one.overdue ? 'block' : 'alert'}>{one.overdue ? 'Overdue' : 'To sign'}</Badge> : null}<span>Edition {one.edition}, in force since <Time at={one.published} full seconds={false} />{owed && one.due && <>, {one.overdue ? 'was due' : 'due'} {day(one.due)}</>}</span></span>} />
      {document.old && signature === null && <Notice tone="warn">There is a newer state of this document. <Button small onPress={document.reload}>Show it</Button></Notice>}
      {signed && <Done signature={signed} fresh={signature !== null} />}
      <div className="reading">
        <Meaning document={one} owed={owed} />
        {one.changes && (one.changes.added > 0 || one.changes.removed > 0) && (
          <Panel title="What changed since you signed last"><details><summary>Show the changes line by line</summary><DiffView of={one.changes} label="Changes since you signed last" /></details></Panel>
        )}
        <Panel title="The text"><Clauses of={one.clauses} plain /></Panel>
        <div ref={end}>{owed && <Sign document={one} name={mine.data?.name ?? null} onSigned={made => { setSignature(made); window.scrollTo(0, 0) }} />}</div>
      </div>
    </>
  )
}

/** What the rules of its clauses do, in a few sentences, each with the way to its clause. */
function Meaning({ document, owed }: { document: Whole; owed: boolean }) {
  const rules = document.clauses.flatMap(clause => clause.rules.map(rule => ({ ...rule, clause })))
  return (
    <Panel title="What it means for you">
      <div className="stack">
        {rules.length === 0 ? <p>It is a text to know and to keep to. The network enforces no rule of it by itself.</p> : (
          <>
            <p>The network enforces these parts by itself, for everybody whom they concern:</p>
            <ul className="plain stack tight meaning">
              {rules.map((rule, i) => (
                <li key={i}><ActionBadge action={rule.action} /><span>{rule.words} <a href={`#${clauseId(rule.clause.line)}`} onClick={event => { event.preventDefault(); window.document.getElementById(clauseId(rule.clause.line))?.scrollIntoView({ block: 'start' }) }}>{rule.clause.title}</a></span></li>
              ))}
            </ul>
          </>
        )}
        {owed && <p>Read the text. At its end you sign this exact edition with your name; gateways know it within seconds, and you get a receipt.</p>}
      </div>
    </Panel>
  )
}

function Sign({ document, name, onSigned }: { document: Whole; name: string | null; onSigned: (signature: Signature) => void }) {
  const me = useMe()
  const [typed, setTyped] = useState('')
  const [read, setRead] = useState(false)
  const sign = useAction(() => post<Signature>(`/mine/documents/${document.id}/sign`, { version: document.version, sha256: document.sha256, name: typed.trim() }), 'duties')
  const late = sign.error?.status === 409
  return (
    <Panel title="Sign">
      <Form label="Sign" onSubmit={() => { if (read && typed.trim() !== '') void sign.run().then(made => { if (made) { toast('Signed'); onSigned(made) } }) }}>
        <p>You sign <strong>{document.title}, {document.edition}</strong>, exactly as it stands above. This number is its fingerprint (SHA-256); your receipt names it:</p>
        <CopyText text={document.sha256} what="SHA-256 of the text" />
        <Check checked={read} onChange={setRead}>I have read it, and will keep to it.</Check>
        <TextInput label="Your name" value={typed} onChange={setTyped} required autoComplete="name" error={fieldError(sign.error, 'name')} {...(name && { help: `As the directory has it: ${name}` })} />
        {late ? <Notice tone="warn">{sign.error?.message} <Button small onPress={() => location.reload()}>Show the newest</Button></Notice> : <Failure error={sign.error} fields={['name']} />}
        <p className="muted small">{me.account.source === 'oidc' ? 'It asks that you have signed in within the last five minutes.' : 'Your password is asked once more, where you signed in longer than five minutes ago.'}</p>
        <Buttons>
          {me.account.source === 'oidc' && sign.error?.status === 401 && <Button onPress={() => void signOut()}>Sign in again</Button>}
          <Button type="submit" tone="primary" icon="edit" busy={sign.busy} isDisabled={!read || typed.trim() === ''}>Sign</Button>
        </Buttons>
      </Form>
    </Panel>
  )
}

function Done({ signature, fresh }: { signature: Signature; fresh: boolean }) {
  return (
    <Panel title={fresh ? 'You have signed. This is your receipt' : 'Your receipt'}>
      <div className="stack">
        {fresh && <Notice tone="good">Gateways know within seconds. If you were stopped for want of this signature, try again.</Notice>}
        <Facts of={[['Signed', <Time at={signature.time} full />], ['As', signature.typed_name], ['Proved by', signature.proof], ['SHA-256 of the text', <span className="digest">{signature.sha256}</span>]]} />
        <Receipt of={signature} />
        {fresh && <Buttons><LinkButton href="/mine/documents">My documents</LinkButton></Buttons>}
      </div>
    </Panel>
  )
}
