// SPDX-License-Identifier: Apache-2.0
// Change one's own password.
import { useState } from 'react'
import { put } from '../api/client'
import { useAction } from '../api/query'
import { Button, Buttons, Failure, fieldError, Form, TextInput } from './controls'

export const PASSWORD_HELP = 'At least 12 characters. A sentence is easier to remember than a riddle.'

export function NewPassword({ onDone, onCancel }: { onDone: () => void; onCancel?: () => void }) {
  const [old, setOld] = useState('')
  const [next, setNext] = useState('')
  const [again, setAgain] = useState('')
  const change = useAction(async () => { await put('/session/password', { old, new: next }); return true })
  const differs = again !== '' && again !== next
  return (
    <Form label="Change the password" onSubmit={() => { if (!differs) void change.run().then(done => done && onDone()) }}>
      <TextInput label="Password now" type="password" autoComplete="current-password" value={old} onChange={setOld} required autoFocus error={fieldError(change.error, 'old')} />
      <TextInput label="New password" type="password" autoComplete="new-password" value={next} onChange={setNext} required help={PASSWORD_HELP} error={fieldError(change.error, 'new')} />
      <TextInput label="New password, once more" type="password" autoComplete="new-password" value={again} onChange={setAgain} required error={differs ? 'The two are not the same' : null} />
      <Failure error={change.error} fields={['old', 'new']} />
      <Buttons>
        {onCancel && <Button onPress={onCancel}>Cancel</Button>}
        <Button type="submit" tone="primary" busy={change.busy} isDisabled={old === '' || next.length < 12 || next !== again}>Change it</Button>
      </Buttons>
    </Form>
  )
}
