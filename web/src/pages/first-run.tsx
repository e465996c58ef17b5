// SPDX-License-Identifier: Apache-2.0
// The first run: who looks after the console, and whose it is. Then it goes on to bringing in data (bring-data.tsx).
import { useEffect, useState } from 'react'
import { call } from '../api/client'
import { useAction } from '../api/query'
import type { Me, Start } from '../api/types'
import { go } from '../app/router'
import { signedIn } from '../app/session'
import { Brand } from '../components/brand'
import { Button, Buttons, Failure, fieldError, Form, TextInput } from '../components/controls'
import { PASSWORD_HELP } from '../components/new-password'

const FIELDS = ['token', 'institution', 'name', 'full_name', 'password']
export default function FirstRun({ start }: { start: Start }) {
  const [token, setToken] = useState(() => new URLSearchParams(location.hash.slice(1)).get('token') ?? '')
  const [institution, setInstitution] = useState(start.institution)
  const [fullName, setFullName] = useState('')
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [again, setAgain] = useState('')
  useEffect(() => {
    document.title = 'First run · imward'
  }, [])
  const differs = again !== '' && again !== password
  const make = useAction(async () => {
    const answer = await call<Me | undefined>('POST', '/start', { body: { token: token.trim(), institution: institution.trim(), full_name: fullName.trim(), name: name.trim(), password }, quiet: true })
    const me = answer?.account ? answer : await call<Me>('POST', '/session', { body: { name: name.trim(), password }, quiet: true })
    go('/start', { replace: true })
    signedIn(me)
  })
  const ready = token.trim() !== '' && institution.trim() !== '' && name.trim() !== '' && fullName.trim() !== '' && password.length >= 12 && password === again
  return (
    <main className="alone" id="main">
      <div className="alone-box wide">
        <Brand />
        <ol className="stages plain" aria-label="Steps"><li aria-current="step">1 Administrator</li><li>2 Data</li><li>3 Overview</li></ol>
        <h1 id="page-title">Welcome</h1>
        <p className="muted">Nobody has an account yet. Make the first one, for whoever looks after this console.</p>
        <div className="alone-form">
          <Form label="First administrator" onSubmit={() => { if (ready) void make.run() }}>
            <TextInput label="Token" value={token} onChange={setToken} required mono autoFocus={token === ''} autoComplete="off" help="imward serve printed it when it started, and keeps it in the file first-start of its folder: it proves that you run this machine." error={fieldError(make.error, 'token')} />
            <TextInput label="Institution" value={institution} onChange={setInstitution} required maxLength={120} autoComplete="organization" error={fieldError(make.error, 'institution')} />
            <div className="row">
              <TextInput label="Your name" value={fullName} onChange={setFullName} required maxLength={120} autoComplete="name" error={fieldError(make.error, 'full_name')} />
              <TextInput label="Name of the account" value={name} onChange={setName} required maxLength={63} autoComplete="username" error={fieldError(make.error, 'name')} />
            </div>
            <div className="row top">
              <TextInput label="Password" type="password" value={password} onChange={setPassword} required autoComplete="new-password" help={PASSWORD_HELP} error={fieldError(make.error, 'password')} />
              <TextInput label="Password, once more" type="password" value={again} onChange={setAgain} required autoComplete="new-password" error={differs ? 'The two are not the same' : null} />
            </div>
            <Failure error={make.error} fields={FIELDS} />
            <Buttons><Button type="submit" tone="primary" busy={make.busy} isDisabled={!ready}>Make the account and go on</Button></Buttons>
          </Form>
        </div>
      </div>
    </main>
  )
}
