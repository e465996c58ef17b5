// SPDX-License-Identifier: Apache-2.0
// Who is signed in, and what they may do.
import { call, get, setHooks } from '../api/client'
import { forget } from '../api/query'
import { startStream, stopStream } from '../api/stream'
import type { Me, Start } from '../api/types'
import { makeStore } from './store'

export type Session =
  | { state: 'starting' }
  | { state: 'unreachable'; why: string }
  | { state: 'out'; start: Start; ended: boolean } // ended: there was a session
  | { state: 'in'; me: Me }

export const session = makeStore<Session>({ state: 'starting' })

/** Of the dialog that asks who it is (components/confirm-identity.tsx): resolve what call() waits for. */
export const identity = makeStore<{ answer: (confirmed: boolean) => void } | null>(null)
let asked: Promise<boolean> | null = null

setHooks({
  csrf: () => {
    const now = session.get()
    return now.state === 'in' ? now.me.csrf : null
  },
  ended: () => {
    if (session.get().state === 'in') void signedOut(true)
  },
  confirm: () => {
    asked ??= new Promise<boolean>(resolve => {
      identity.set({
        answer: confirmed => {
          identity.set(null)
          asked = null
          resolve(confirmed)
        },
      })
    })
    return asked
  },
})

export function signedIn(me: Me) {
  forget()
  session.set({ state: 'in', me })
  if (me.restricted === null) startStream()
}

async function signedOut(ended: boolean) {
  stopStream()
  forget()
  try {
    session.set({ state: 'out', start: await get<Start>('/start'), ended })
  } catch (error) {
    session.set({ state: 'unreachable', why: error instanceof Error ? error.message : '' })
  }
}

/** Once, and again after what changes one's own session. */
export async function loadSession() {
  try {
    signedIn(await call<Me>('GET', '/session', { quiet: true }))
  } catch {
    await signedOut(false)
  }
}

export async function signOut() {
  await call('DELETE', '/session', { quiet: true }).catch(() => undefined)
  await signedOut(false)
}

/** For pages within the shell, where somebody is signed in. */
export function useMe(): Me {
  const now = session.use()
  if (now.state !== 'in') throw new Error('no session')
  return now.me
}
/** May the one who is signed in do this? (permissions.def of the server) */
export function useCan(): (permission: string | null) => boolean {
  const now = session.use()
  return permission => permission === null || (now.state === 'in' && now.me.permissions.includes(permission))
}
