// SPDX-License-Identifier: Apache-2.0
// Before what is grave (publishing a policy, making an account, deciding a reveal) the server wants to know again who it is.
import { useState } from 'react'
import { call } from '../api/client'
import { useAction } from '../api/query'
import { identity, session, signOut } from '../app/session'
import { Button, Buttons, Dialog, Failure, fieldError, Form, TextInput } from './controls'

export function ConfirmIdentity() {
  const open = identity.use()
  return open && <Ask answer={open.answer} />
}
function Ask({ answer }: { answer: (confirmed: boolean) => void }) {
  const now = session.use()
  const me = now.state === 'in' ? now.me : null
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')
  const confirm = useAction(async () => {
    await call('POST', '/session/confirm', { body: { password, ...(code !== '' && { code }) }, quiet: true })
    return true
  })
  if (me?.account.source === 'oidc') return (
    <Dialog title="Confirm that it is you" open onClose={() => answer(false)}>
      <div className="stack">
        <p>Your provider proves who you are, and you have signed in too long ago for this. Sign in again: you come back to this page, and have some minutes for it.</p>
        <Buttons>
          <Button onPress={() => answer(false)}>Cancel</Button>
          <Button tone="primary" onPress={() => { answer(false); void signOut() }}>Sign in again</Button>
        </Buttons>
      </div>
    </Dialog>
  )
  return (
    <Dialog title="Confirm that it is you" open onClose={() => answer(false)}>
      <Form label="Confirm that it is you" onSubmit={() => void confirm.run().then(done => done && answer(true))}>
        <p>What you are about to do is grave enough to ask once more. The confirmation holds for 15 minutes.</p>
        <input type="text" name="username" autoComplete="username" value={me?.account.name ?? ''} readOnly hidden />
        <TextInput label="Password" type="password" autoComplete="current-password" value={password} onChange={setPassword} required autoFocus error={fieldError(confirm.error, 'password')} />
        {(me?.second_factor || confirm.error?.field === 'code') && (
          <TextInput label="Code of your authenticator" inputMode="numeric" autoComplete="one-time-code" maxLength={8} value={code} onChange={setCode} mono error={code === '' ? null : fieldError(confirm.error, 'code')} />
        )}
        <Failure error={confirm.error} fields={code === '' ? ['password'] : ['password', 'code']} />
        <Buttons>
          <Button onPress={() => answer(false)}>Cancel</Button>
          <Button type="submit" tone="primary" busy={confirm.busy} isDisabled={password === ''}>Confirm</Button>
        </Buttons>
      </Form>
    </Dialog>
  )
}
