// SPDX-License-Identifier: Apache-2.0
// Set up a second factor: the secret goes into an authenticator, a first code proves that it is there.
import { useEffect, useState } from 'react'
import { call, put } from '../api/client'
import { useAction } from '../api/query'
import { CopyText } from './copy'
import { Button, Buttons, Failure, fieldError, Form, Progress, TextInput } from './controls'
import { QrCode } from './qr-code'

export function SecondFactor({ onDone, onCancel }: { onDone: () => void; onCancel?: () => void }) {
  const [code, setCode] = useState('')
  const [secret, setSecret] = useState<{ secret: string; uri: string } | null>(null)
  const make = useAction(() => call<{ secret: string; uri: string }>('POST', '/session/totp'))
  const set = useAction(async () => { await put('/session/totp', { code: code.trim() }); return true })
  useEffect(() => {
    void make.run().then(made => made && setSecret(made))
  }, [])
  if (secret === null) return make.error ? <Failure error={make.error} /> : <Progress label="Making a secret" part={null} />
  return (
    <Form label="Second factor" onSubmit={() => void set.run().then(done => done && onDone())}>
      <ol className="steps">
        <li>On your telephone open an authenticator (FreeOTP, Aegis, Microsoft or Google Authenticator), add an account, and hold its camera to this code.
          <div className="factor">
            <QrCode of={secret.uri} label="QR code of the key; the same key stands beside it as text" />
            <div className="stack tight">
              <p className="small">Without a camera, type the key. Time-based, six digits, 30 seconds.</p>
              <CopyText text={secret.secret.replace(/(.{4})/g, '$1 ').trim()} what="the key" />
              <p className="small"><a href={secret.uri}>On this telephone: open the authenticator</a></p>
            </div>
          </div>
        </li>
        <li><TextInput label="The code that it shows now" value={code} onChange={setCode} required mono inputMode="numeric" autoComplete="one-time-code" maxLength={8} error={fieldError(set.error, 'code')} /></li>
      </ol>
      <Failure error={set.error} fields={['code']} />
      <Buttons>
        {onCancel && <Button onPress={onCancel}>Cancel</Button>}
        <Button type="submit" tone="primary" busy={set.busy} isDisabled={code.trim().length < 6}>Turn it on</Button>
      </Buttons>
    </Form>
  )
}
