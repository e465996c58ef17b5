// SPDX-License-Identifier: Apache-2.0
// Name and password, then the code of the second factor where there is one; or the institution's own sign-in.
import { useEffect, useState } from 'react'
import { call } from '../api/client'
import { useAction } from '../api/query'
import type { Me, Start } from '../api/types'
import { signedIn } from '../app/session'
import { Button, Failure, fieldError, Form, TextInput } from '../components/controls'
import { Brand } from '../components/brand'
import { Notice } from '../components/page'

// Why the institution's own sign-in let nobody in: words of the address are not shown, anybody could write them.
const REFUSED: Record<string, string> = {
  again: 'That sign-in is over, or was begun in another browser. Begin it again here.',
  provider: 'The sign-in of your institution let nobody in. Try again, or ask its help desk.',
  away: 'The sign-in of your institution cannot be reached. Try again later; an administrator finds the reason in the server’s log.',
  off: 'The sign-in of your institution is not set up here. Sign in with name and password.',
  role: 'Your institution knows you, but none of your groups has a role here. Ask an administrator.',
  account: 'Your account here is disabled, or its time is over. Ask an administrator.',
}

export default function SignIn({ start, ended }: { start: Start; ended: boolean }) {
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')
  const [needsCode, setNeedsCode] = useState(false)
  useEffect(() => {
    document.title = 'Sign in · imward'
  }, [])
  const enter = useAction(async () => {
    try {
      signedIn(await call<Me>('POST', '/session', { body: { name: name.trim(), password, ...(code !== '' && { code: code.trim() }) }, quiet: true }))
    } catch (error) {
      if (error instanceof Error && 'field' in error && error.field === 'code') {
        setNeedsCode(true)
        if (code === '') return
        setCode('')
      }
      throw error
    }
  })
  // What of it was wrong the server tells nobody; at the second step it can only be the code.
  const wrong = enter.error !== null && enter.error.status === 401 && enter.error.field === undefined
  const query = new URLSearchParams(location.search)
  const refused = REFUSED[query.get('refused') ?? '']
  query.delete('refused')
  const back = location.pathname + (query.size > 0 ? `?${query}` : '')
  return (
    <main className="alone" id="main">
      <div className="alone-box">
        <Brand />
        <h1 id="page-title">{needsCode ? 'Second factor' : 'Sign in'}</h1>
        <p className="muted">{needsCode ? 'Your authenticator shows a code of six digits.' : start.institution}</p>
        <div className="stack alone-form">
          {ended && <Notice>Your session has ended. Sign in again; you come back to where you were.</Notice>}
          {refused && <Notice tone="bad">{refused}</Notice>}
          <Form label="Sign in" onSubmit={() => void enter.run()}>
            {needsCode ? (
              <TextInput key="code" label="Code" name="code" value={code} onChange={setCode} required autoFocus mono inputMode="numeric" autoComplete="one-time-code" maxLength={8} error={wrong ? 'This code is wrong, or was used before: each is good once. Wait for the next one.' : fieldError(enter.error, 'code')} />
            ) : (
              <>
                <TextInput label="Name" name="username" value={name} onChange={setName} required autoFocus autoComplete="username" {...(start.ldap && { help: 'Your account of the institution’s directory, or one of this console.' })} error={fieldError(enter.error, 'name')} />
                <TextInput label="Password" name="password" type="password" value={password} onChange={setPassword} required autoComplete="current-password" error={fieldError(enter.error, 'password')} />
              </>
            )}
            {wrong && !needsCode && <div role="alert"><Notice tone="bad">The name or the password is wrong.</Notice></div>}
            <Failure error={wrong ? null : enter.error} fields={['name', 'password', 'code']} />
            <Button type="submit" tone="primary" busy={enter.busy} isDisabled={needsCode ? code.trim().length < 6 : name.trim() === '' || password === ''}>Sign in</Button>
            {needsCode && <Button tone="quiet" onPress={() => { setNeedsCode(false); setCode(''); setPassword(''); enter.clear() }}>Somebody else</Button>}
          </Form>
          {start.oidc !== null && !needsCode && (
            <>
              <div className="or" aria-hidden="true"><span>or</span></div>
              <a className="button" href={`/api/v1/session/oidc?to=${encodeURIComponent(back)}`}>Sign in with {start.oidc}</a>
            </>
          )}
        </div>
        <p className="alone-foot">What is done here is recorded in an audit trail.<br />imward {start.version}</p>
      </div>
    </main>
  )
}
