// SPDX-License-Identifier: Apache-2.0
// Ask for a name or a text: with a reason, decided by somebody else, all of it in the audit trail.
// Without an object, the vault's number of the text is asked for, too.
import { useState } from 'react'
import { post } from '../api/client'
import { useAction } from '../api/query'
import type { EventDetail, Reveal } from '../api/types'
import { toast } from '../app/announce'
import { useCan } from '../app/session'
import { Button, Buttons, Dialog, Failure, fieldError, Form, TextBox, TextInput } from './controls'
import { Notice } from './page'

const LEAST = 15 // characters of a reason, as the server has it

export function AskReveal({ kind, object, label, incident, onClose }: { kind: Reveal['kind']; object?: string; label: string; incident?: number; onClose: () => void }) {
  const [reason, setReason] = useState('')
  const [number, setNumber] = useState('')
  const of = object ?? number
  const ask = useAction(() => post<{ id: number }>('/reveals', { kind, object: of, reason: reason.trim(), ...(incident !== undefined && { incident }) }), 'reveals')
  return (
    <Dialog title={kind === 'person' ? `Ask for the name of ${label}` : `Ask for ${label}`} open onClose={onClose}>
      <Form onSubmit={() => void ask.run().then(done => { if (done !== undefined) { toast('Asked. Somebody else decides; the answer is under Four eyes.'); onClose() } })}>
        <Notice>Somebody else of compliance or an administrator decides. That you asked, why, and each time you look are recorded in the audit trail, and the person can see it.</Notice>
        {object === undefined && <TextInput label="Its number in the vault" value={number} onChange={text => setNumber(text.trim().toLowerCase())} required autoFocus mono maxLength={32} help="32 digits and letters: “imward vault list” tells it, with time, flow and rule." error={fieldError(ask.error, 'object')} />}
        <TextBox label="Reason" value={reason} onChange={setReason} required autoFocus={object !== undefined} help="What you need it for, so that a stranger understands it: the incident, the request, the rule; at least 15 characters." error={fieldError(ask.error, 'reason')} />
        <Failure error={ask.error} fields={object === undefined ? ['reason', 'object'] : ['reason']} />
        <Buttons><Button onPress={onClose}>Cancel</Button><Button type="submit" tone="primary" busy={ask.busy} isDisabled={[...reason.trim()].length < LEAST || of === ''}>Ask</Button></Buttons>
      </Form>
    </Dialog>
  )
}

/** The button for a file that the policy keeps: its event names the vault's object. */
export function AskFile({ of }: { of: EventDetail }) {
  const can = useCan()
  const [asking, setAsking] = useState(false)
  const object = (of.eve['fileinfo'] as { stored_as?: unknown } | undefined)?.stored_as
  if (typeof object !== 'string' || !/^[0-9a-f]{32}$/.test(object) || !can('reveal:ask')) return null
  return (
    <>
      <Buttons><Button small icon="reveal" onPress={() => setAsking(true)}>Ask for what it holds …</Button></Buttons>
      {asking && <AskReveal kind="text" object={object} label={`the text of ${of.file ?? 'a kept file'}`} onClose={() => setAsking(false)} />}
    </>
  )
}
