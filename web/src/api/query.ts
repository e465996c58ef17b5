// SPDX-License-Identifier: Apache-2.0
// What was read from the server, kept by its route while somebody shows it and for a while after. The stream of
// changes (stream.ts) marks entries by topic as old: those on the screen are read again, unless they hold still.
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react'
import { ApiError, call, route, unreachable, type Query } from './client'

export type Topic = 'events' | 'incidents' | 'sensors' | 'imports' | 'people' | 'policy' | 'reveals' | 'training' | 'documents' | 'duties' | 'mail' | 'exceptions' | 'signals' | 'risks' | 'clients' | 'evidence' | 'accounts' | 'tokens' | 'views' | 'audit' | 'settings' | 'session'

interface Entry {
  data: unknown
  error: ApiError | null
  busy: boolean
  old: boolean
  at: number // when it was read; 0: never
  topics: readonly Topic[]
  listeners: Set<() => void>
  abort: AbortController | null
  shown: Shown<unknown>
}
interface Shown<T> {
  data: T | undefined
  error: ApiError | null
  busy: boolean
  old: boolean
}

const KEEP_MS = 60_000
const MOST_ENTRIES = 200
const entries = new Map<string, Entry>()

function entryOf(key: string, topics: readonly Topic[]): Entry {
  let entry = entries.get(key)
  if (!entry) {
    entry = { data: undefined, error: null, busy: false, old: false, at: 0, topics, listeners: new Set(), abort: null, shown: { data: undefined, error: null, busy: false, old: false } }
    entries.set(key, entry)
    if (entries.size > MOST_ENTRIES) for (const [name, one] of entries) if (one.listeners.size === 0 && name !== key) { entries.delete(name); break }
  }
  return entry
}

function tell(entry: Entry) {
  entry.shown = { data: entry.data, error: entry.error, busy: entry.busy, old: entry.old }
  for (const listener of entry.listeners) listener()
}

async function read(key: string, entry: Entry) {
  entry.abort?.abort()
  const abort = new AbortController()
  entry.abort = abort
  entry.busy = true
  entry.old = false
  tell(entry)
  try {
    entry.data = await call('GET', key, { signal: abort.signal })
    entry.error = null
    entry.at = Date.now()
  } catch (error) {
    if (abort.signal.aborted) return
    entry.error = error instanceof ApiError ? error : unreachable()
  }
  if (entry.abort !== abort) return
  entry.abort = null
  entry.busy = false
  tell(entry)
}

/** Mark what was read under these topics as old; what is on the screen is read again. */
export function invalidate(...topics: Topic[]) {
  for (const [key, entry] of entries) {
    if (!entry.topics.some(topic => topics.includes(topic))) continue
    entry.old = true
    if (entry.listeners.size === 0) entries.delete(key)
    else tell(entry)
  }
}

/** Forget everything: somebody else signed in. */
export function forget() {
  for (const entry of entries.values()) entry.abort?.abort()
  entries.clear()
}

export interface QueryResult<T> {
  data: T | undefined
  error: ApiError | null
  loading: boolean // nothing to show yet
  busy: boolean // something is being read
  old: boolean // the server has newer (only with hold)
  reload: () => void
}
export interface QueryOptions {
  topics?: readonly Topic[]
  hold?: boolean // do not read again by itself: the page offers it (`old`)
  keep?: boolean // show what was there while another route is read
}

const NOTHING: Shown<unknown> = { data: undefined, error: null, busy: false, old: false }
const NO_TOPICS: readonly Topic[] = []

/** What GET `path` answers. path null: nothing is asked. */
export function useQuery<T>(path: string | null, query: Query = {}, options: QueryOptions = {}): QueryResult<T> {
  const key = path === null ? null : route(path, query)
  const topics = options.topics ?? NO_TOPICS
  const subscribe = useCallback(
    (listener: () => void) => {
      if (key === null) return () => {}
      const entry = entryOf(key, topics)
      entry.listeners.add(listener)
      return () => {
        entry.listeners.delete(listener)
        if (entry.listeners.size === 0 && entry.busy) {
          entry.abort?.abort()
          entry.abort = null
          entry.busy = false
        }
      }
    },
    [key],
  )
  const snapshot = useCallback(() => (key === null ? NOTHING : (entries.get(key)?.shown ?? NOTHING)), [key])
  const shown = useSyncExternalStore(subscribe, snapshot) as Shown<T>

  useEffect(() => {
    if (key === null) return
    const entry = entryOf(key, topics)
    if (entry.busy) return
    const stale = entry.at === 0 ? entry.error === null : Date.now() - entry.at > KEEP_MS
    if (stale || (entry.old && entry.listeners.size === 1)) void read(key, entry)
  }, [key])
  useEffect(() => {
    if (key === null || !shown.old || shown.busy || options.hold) return
    const entry = entries.get(key)
    if (entry && !entry.busy) void read(key, entry)
  }, [key, shown.old, shown.busy, options.hold]) // busy: what became old while it was read is read once more after that

  const last = useRef<T | undefined>(undefined)
  if (shown.data !== undefined) last.current = shown.data
  const data = shown.data ?? (options.keep && shown.error === null ? last.current : undefined)
  const reload = useCallback(() => {
    if (key !== null) void read(key, entryOf(key, topics))
  }, [key])
  return useMemo(
    () => ({ data, error: shown.error, loading: key !== null && data === undefined && shown.error === null, busy: shown.busy, old: shown.old, reload }),
    [data, shown, key, reload],
  )
}

export interface Pages<Row> {
  rows: Row[]
  error: ApiError | null
  loading: boolean
  busy: boolean
  old: boolean
  cursor: string | null
  last: unknown // the newest page as it came
  more: () => void
  reload: () => void
}
/** A list that comes in pages by `cursor`; `rows` takes them out of an answer. */
export function usePages<Row, Page extends { cursor: string | null }>(path: string | null, query: Query, rows: (page: Page) => Row[], options: QueryOptions = {}): Pages<Row> & { last: Page | undefined } {
  const key = path === null ? null : route(path, query)
  const first = useQuery<Page>(path, query, options)
  const [further, setFurther] = useState<{ key: string | null; from: Page | undefined; pages: Page[]; busy: boolean; error: ApiError | null }>({ key: null, from: undefined, pages: [], busy: false, error: null })
  const fits = further.key === key && further.from === first.data
  const pages = fits ? further.pages : []
  const last = pages.length > 0 ? pages[pages.length - 1] : first.data
  const cursor = last?.cursor ?? null
  const busy = fits && further.busy
  const more = useCallback(() => {
    if (key === null || path === null || cursor === null || busy) return
    const from = first.data
    setFurther({ key, from, pages, busy: true, error: null })
    call<Page>('GET', path, { query: { ...query, cursor } }).then(
      page => setFurther({ key, from, pages: [...pages, page], busy: false, error: null }),
      error => setFurther({ key, from, pages, busy: false, error: error instanceof ApiError ? error : unreachable() }),
    )
  }, [key, cursor, busy, first.data, pages.length])
  const all = useMemo(() => (first.data ? [first.data, ...pages].flatMap(rows) : []), [first.data, pages.length, fits])
  return { rows: all, error: (fits ? further.error : null) ?? first.error, loading: first.loading, busy: first.busy || busy, old: first.old, cursor, last, more, reload: first.reload }
}

export interface Action<Arguments extends unknown[], Result> {
  run: (...args: Arguments) => Promise<Result | undefined> // undefined: it failed, `error` says why
  busy: boolean
  error: ApiError | null
  clear: () => void
}
/** Something that changes: busy while it runs, its error, and the topics that it makes old. */
export function useAction<Arguments extends unknown[], Result>(act: (...args: Arguments) => Promise<Result>, ...topics: Topic[]): Action<Arguments, Result> {
  const [state, setState] = useState<{ busy: boolean; error: ApiError | null }>({ busy: false, error: null })
  const latest = useRef(act)
  latest.current = act
  const run = useCallback(async (...args: Arguments) => {
    setState({ busy: true, error: null })
    try {
      const result = await latest.current(...args)
      setState({ busy: false, error: null })
      if (topics.length > 0) invalidate(...topics)
      return result
    } catch (error) {
      setState({ busy: false, error: error instanceof ApiError ? error : unreachable() })
      return undefined
    }
  }, [])
  const clear = useCallback(() => setState({ busy: false, error: null }), [])
  return { run, busy: state.busy, error: state.error, clear }
}
