// SPDX-License-Identifier: Apache-2.0
// Who is there decides what is shown: the wizard of the first run, the sign-in page, or the console.
import { lazy, Suspense } from 'react'
import { RouterProvider } from 'react-aria-components'
import { Button } from '../components/controls'
import { ConfirmIdentity } from '../components/confirm-identity'
import { Empty, Loading } from '../components/page'
import { Announcer } from './announce'
import { loadSession, session } from './session'
import { Shell } from './shell'
import { go } from './router'

const SignIn = lazy(() => import('../pages/sign-in'))
const FirstRun = lazy(() => import('../pages/first-run'))
const MustDo = lazy(() => import('../pages/must-do'))

export function App() {
  const now = session.use()
  return (
    <RouterProvider navigate={path => go(path)}>
      <Suspense fallback={<main className="alone"><Loading /></main>}>
        {now.state === 'starting' && <main className="alone"><Loading /></main>}
        {now.state === 'unreachable' && (
          <main className="alone"><Empty title="No answer" actions={<Button icon="refresh" onPress={() => void loadSession()}>Try again</Button>}>{now.why}</Empty></main>
        )}
        {now.state === 'out' && (now.start.first_run ? <FirstRun start={now.start} /> : <SignIn start={now.start} ended={now.ended} />)}
        {now.state === 'in' && (now.me.restricted ? <MustDo me={now.me} /> : <Shell />)}
      </Suspense>
      <ConfirmIdentity />
      <Announcer />
    </RouterProvider>
  )
}
