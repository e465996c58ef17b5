// SPDX-License-Identifier: Apache-2.0
// A value that components watch.
import { useSyncExternalStore } from 'react'

export interface Store<T> {
  get: () => T
  set: (next: T) => void
  use: () => T
}
export function makeStore<T>(value: T): Store<T> {
  let now = value
  const listeners = new Set<() => void>()
  const subscribe = (listener: () => void) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }
  return {
    get: () => now,
    set: next => {
      if (Object.is(next, now)) return
      now = next
      for (const listener of listeners) listener()
    },
    use: () => useSyncExternalStore(subscribe, () => now),
  }
}

/** What this browser remembers of how somebody likes the console; never anything of what it shows. */
export function remembered(name: string): string | null {
  try {
    return localStorage.getItem(`imward.${name}`)
  } catch {
    return null
  }
}
export function remember(name: string, value: string | null) {
  try {
    if (value === null) localStorage.removeItem(`imward.${name}`)
    else localStorage.setItem(`imward.${name}`, value)
  } catch {
    // storage is not allowed: then it is not remembered
  }
}
