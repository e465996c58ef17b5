// SPDX-License-Identifier: Apache-2.0
// What must be done before anything else: a password of one's own, or a second factor.
import type { Me } from '../api/types'
import { loadSession, signOut } from '../app/session'
import { Brand } from '../components/brand'
import { Button } from '../components/controls'
import { NewPassword } from '../components/new-password'
import { SecondFactor } from '../components/second-factor'

export default function MustDo({ me }: { me: Me }) {
  const password = me.restricted === 'password'
  return (
    <main className="alone" id="main">
      <div className="alone-box">
        <Brand />
        <h1>{password ? 'Choose a password of your own' : 'Set up a second factor'}</h1>
        <p className="muted">{password ? 'The one that you have was given to you by somebody else.' : 'Your institution asks for one with your roles.'}</p>
        <div className="stack alone-form">
          {password ? <NewPassword onDone={() => void loadSession()} /> : <SecondFactor onDone={() => void loadSession()} />}
          <Button tone="quiet" onPress={() => void signOut()}>Sign out</Button>
        </div>
      </div>
    </main>
  )
}
