// SPDX-License-Identifier: Apache-2.0
// What happened, said to everybody: toasts on the screen, and in a live region for those who hear the page.
import { useEffect } from 'react'
import { IconButton } from '../components/controls'
import { Icon } from '../components/icon'
import { makeStore } from './store'

interface Toast { id: number; tone: 'good' | 'bad' | 'plain'; text: string }
const toasts = makeStore<readonly Toast[]>([])
const spoken = makeStore('')
let next = 1

export function toast(text: string, tone: Toast['tone'] = 'good') {
  const id = next++
  toasts.set([...toasts.get().slice(-3), { id, tone, text }])
  announce(text)
}
const dismiss = (id: number) => toasts.set(toasts.get().filter(one => one.id !== id))

/** Say it to those who hear the page, without showing it. */
export function announce(text: string) {
  spoken.set('')
  setTimeout(() => spoken.set(text), 60)
}

function One({ one }: { one: Toast }) {
  useEffect(() => {
    if (one.tone === 'bad') return
    const timer = setTimeout(() => dismiss(one.id), 7000)
    return () => clearTimeout(timer)
  }, [one])
  return (
    <div className={`toast ${one.tone}`}>
      <Icon name={one.tone === 'bad' ? 'warning' : one.tone === 'good' ? 'check' : 'info'} />
      <span>{one.text}</span>
      <IconButton label="Dismiss message" icon="close" onPress={() => dismiss(one.id)} />
    </div>
  )
}

export function Announcer() {
  const shown = toasts.use()
  return (
    <>
      <div className="hidden-text" role="status" aria-live="polite">{spoken.use()}</div>
      <div className="toasts" role="region" aria-label="Messages">{shown.map(one => <One key={one.id} one={one} />)}</div>
    </>
  )
}
