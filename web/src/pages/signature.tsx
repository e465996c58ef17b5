// SPDX-License-Identifier: Apache-2.0
// One signature and its receipt.
import { useQuery } from '../api/query'
import type { Signature } from '../api/types'
import { Link } from '../app/router'
import { useCan } from '../app/session'
import { Button, Buttons } from '../components/controls'
import { CopyText, saveText } from '../components/copy'
import { Facts, Loaded, PageHead, Panel, Time } from '../components/page'

export function SignatureFacts({ of }: { of: Signature }) {
  const can = useCan()
  const name = `${of.document.title}, ${of.document.edition}`
  return (
    <Facts of={[
      ['Document', can('document:read') ? <Link href={`/documents/${of.document.id}/versions/${of.version}`}>{name}</Link> : name],
      ['Signed by', of.person.label], ['Pseudonym', of.person.label !== of.person.pseudonym && of.person.pseudonym], ['Department', of.person.department],
      ['Typed', of.typed_name], ['Signed', <Time at={of.time} full />], ['Proved by', of.proof], ['Proved', <Time at={of.proved} full />],
      ['SHA-256 of the text', <span className="digest">{of.sha256}</span>],
    ]} />
  )
}

/** The receipt as it is, its hash, and how that is checked by anybody. */
export function Receipt({ of }: { of: Signature }) {
  return (
    <div className="stack">
      <p className="small muted">SHA-256 of the receipt. It stands in the audit trail, too.</p>
      <CopyText text={of.receipt_sha256} what="SHA-256 of the receipt" />
      {of.receipt === null ? <p className="muted">The receipt holds the name: it is shown to compliance, to the manager and to whoever signed.</p> : (
        <>
          <details><summary>The receipt’s text</summary><pre className="code wrap-code" tabIndex={0}>{of.receipt}</pre></details>
          <p className="small muted"><code>sha256sum receipt-{of.id}.json</code> shows the same number on any machine.</p>
          <Buttons><Button icon="export" onPress={() => saveText(`receipt-${of.id}.json`, of.receipt ?? '', 'application/json')}>Save the receipt</Button></Buttons>
        </>
      )}
    </div>
  )
}

export default function SignaturePage({ parts }: { parts: Record<string, string> }) {
  const signature = useQuery<Signature>(`/signatures/${parts['id']}`)
  return (
    <>
      <PageHead title={signature.data ? `Signature of ${signature.data.person.label}` : 'Signature'} back={{ href: '/signatures?tab=signed', name: 'Signatures' }} />
      <Loaded of={signature} rows={6}>
        {one => (
          <div className="grid">
            <Panel title="What was signed"><SignatureFacts of={one} /></Panel>
            <Panel title="Receipt"><Receipt of={one} /></Panel>
          </div>
        )}
      </Loaded>
    </>
  )
}
