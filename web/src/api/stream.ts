// SPDX-License-Identifier: Apache-2.0
// Live updates: the server says what changed, what is on the screen is read again. Events come all the time, so they
// are told of at most every five seconds; nothing is read while the page is hidden.
import { useSyncExternalStore } from 'react'
import { PREFIX } from './client'
import { invalidate, type Topic } from './query'

const EVENTS_MS = 5000
const AGAIN_MS = 15_000
export type StreamState = 'off' | 'live' | 'waiting'

let source: EventSource | null = null
let state: StreamState = 'off'
let timer: ReturnType<typeof setTimeout> | null = null
let again: ReturnType<typeof setTimeout> | null = null
let last = 0
const waiting = new Set<Topic>()
const listeners = new Set<() => void>()

function setState(next: StreamState) {
  if (next === state) return
  state = next
  for (const listener of listeners) listener()
}

function flush() {
  timer = null
  if (document.hidden || waiting.size === 0) return
  last = Date.now()
  const topics = [...waiting]
  waiting.clear()
  invalidate(...topics)
}

function changed(what: Topic[]) {
  for (const topic of what) waiting.add(topic)
  if (timer !== null) return
  const only = what.length === 1 && what[0] === 'events'
  timer = setTimeout(flush, only ? Math.max(250, last + EVENTS_MS - Date.now()) : 250)
}

function open() {
  const stream = new EventSource(`${PREFIX}/stream`)
  source = stream
  stream.onopen = () => setState('live')
  stream.onerror = () => {
    setState('waiting')
    // The browser tries again by itself, but not where it was answered with an error: too many streams, a restart.
    if (stream.readyState === EventSource.CLOSED && again === null) again = setTimeout(() => {
      again = null
      if (source === stream) open()
    }, AGAIN_MS)
  }
  stream.addEventListener('changed', event => {
    try {
      const data = JSON.parse((event as MessageEvent<string>).data) as { what?: Topic[] }
      if (Array.isArray(data.what)) changed(data.what)
    } catch {
      // not JSON: nothing that we know
    }
  })
}

export function startStream() {
  if (source) return
  open()
  document.addEventListener('visibilitychange', flush)
}

export function stopStream() {
  if (again !== null) clearTimeout(again)
  again = null
  source?.close()
  source = null
  document.removeEventListener('visibilitychange', flush)
  setState('off')
}

export const useStream = () =>
  useSyncExternalStore(
    listener => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => state,
  )
