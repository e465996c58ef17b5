// SPDX-License-Identifier: Apache-2.0
// What I am to sign, and what I have signed, with my receipts. Made for a telephone first.
import { useQuery } from '../api/query'
import type { MineDocument, Signature } from '../api/types'
import { Link } from '../app/router'
import { Buttons, LinkButton } from '../components/controls'
import { Badge, Empty, Facts, Loaded, Notice, PageHead, Panel, Time } from '../components/page'
import { day, plural } from '../lib/format'
import { Receipt } from './signature'

const TOPICS = ['duties', 'documents'] as const
export interface MyDocuments { documents: MineDocument[]; name: string | null }
export const isOwed = (one: MineDocument) => one.owed && one.signature === null

/** On the page where somebody begins: nothing, where nothing is owed. */
export function ToSign() {
  const mine = useQuery<MyDocuments>('/mine/documents', {}, { topics: TOPICS })
  const owed = mine.data?.documents.filter(isOwed) ?? []
  if (owed.length === 0) return null
  return (
    <Panel title={owed.length === 1 ? 'One document to sign' : `${owed.length} documents to sign`}>
      <ul className="plain stack">
        {owed.map(one => (
          <li key={one.id} className="link-line">
            <span><strong>{one.title}</strong> <span className="muted">{one.edition}</span><br />{one.overdue ? <Badge tone="block">Overdue since {one.due ? day(one.due) : ''}</Badge> : one.due && <span className="muted small">due {day(one.due)}</span>}</span>
            <LinkButton tone="primary" href={`/mine/documents/${one.id}`}>Read and sign</LinkButton>
          </li>
        ))}
      </ul>
    </Panel>
  )
}

export default function MyDocumentsPage() {
  const mine = useQuery<MyDocuments>('/mine/documents', {}, { topics: TOPICS })
  const signatures = useQuery<{ signatures: Signature[] }>('/mine/signatures', {}, { topics: TOPICS })
  return (
    <>
      <PageHead title="My documents" lead="What the institution asks you to read and sign, and what you have signed." />
      <Loaded of={mine}>
        {data => data.name === null ? (
          <Panel><Empty title="Your account belongs to nobody in the directory">A signature is a person’s. An administrator can join the account to you.</Empty></Panel>
        ) : (
          <>
            {!data.documents.some(isOwed) && <Notice tone="good">There is nothing to sign.</Notice>}
            {[...data.documents].sort((a, b) => Number(isOwed(b)) - Number(isOwed(a))).map(one => (
              <Panel key={one.id} title={one.title} actions={isOwed(one) ? <Badge tone={one.overdue ? 'block' : 'alert'}>{one.overdue ? 'Overdue' : 'To sign'}</Badge> : one.signature ? <Badge tone="allow">Signed</Badge> : null}>
                <div className="stack">
                  <Facts of={[['Edition', one.edition], ['In force since', <Time at={one.published} full seconds={false} />], [one.overdue ? 'Was due' : 'Due', isOwed(one) && one.due && day(one.due)], ['You signed', one.signature && <Time at={one.signature.time} full seconds={false} />]]} />
                  <Buttons><LinkButton tone={isOwed(one) ? 'primary' : 'plain'} href={`/mine/documents/${one.id}`}>{isOwed(one) ? 'Read and sign' : 'Read it'}</LinkButton></Buttons>
                </div>
              </Panel>
            ))}
            <Panel title="My signatures">
              <Loaded of={signatures}>
                {({ signatures: list }) => list.length === 0 ? <p className="muted">None yet. Each has a receipt, which you can keep.</p> : (
                  <ul className="plain stack">
                    {list.map(one => (
                      <li key={one.id}>
                        <details>
                          <summary>{one.document.title}, {one.document.edition} <span className="muted small">{day(one.time)}</span></summary>
                          <Receipt of={one} />
                        </details>
                      </li>
                    ))}
                  </ul>
                )}
              </Loaded>
            </Panel>
            {data.documents.length > 0 && <p className="muted small">{plural(data.documents.length, 'document')} {data.documents.length === 1 ? 'is' : 'are'} for you. What the network does by them stands at each clause. <Link href="/mine">What is known about me</Link></p>}
          </>
        )}
      </Loaded>
    </>
  )
}
