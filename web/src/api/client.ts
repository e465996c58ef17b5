// SPDX-License-Identifier: Apache-2.0
// Speaks to the server: one function for all routes. What fails becomes an ApiError, whose message is for people.
// A change that asks for a fresh proof of who it is (401, field "reauthenticate") opens the dialog for it and is sent
// again; a session that has ended leads to the sign-in page.
import type { Problem } from './types'
import { resolveSpan } from '../lib/filter'

export const PREFIX = '/api/v1'
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
export type Query = Record<string, string | number | boolean | readonly string[] | null | undefined>

export class ApiError extends Error {
  readonly status: number // 0: the server could not be reached
  readonly field: string | undefined
  readonly title: string
  constructor(status: number, title: string, detail: string, field?: string) {
    super(detail)
    this.name = 'ApiError'
    this.status = status
    this.title = title
    this.field = field
  }
}

// What the client must ask of the rest of the console; set once by main.tsx.
export interface Hooks {
  csrf: () => string | null
  ended: () => void // the session is over
  confirm: () => Promise<boolean> // ask who it is; false: gave up
}
let hooks: Hooks = { csrf: () => null, ended: () => {}, confirm: async () => false }
export function setHooks(next: Hooks) {
  hooks = next
}

/** A route with its query: empty values are left out, lists are repeated with commas. Sorted, so that it is a key. */
export function route(path: string, query: Query = {}): string {
  const words: string[] = []
  for (const name of Object.keys(query).sort()) {
    const value = query[name]
    const text = Array.isArray(value) ? value.join(',') : value === null || value === undefined || value === false ? '' : String(value === true ? 1 : value)
    if (text !== '') words.push(`${encodeURIComponent(name)}=${encodeURIComponent(text)}`)
  }
  return words.length > 0 ? `${path}?${words.join('&')}` : path
}

/** The address of a route for the server: `range=7d` becomes from and to, as of now. */
export function address(routed: string, now = Date.now()): string {
  const [path, query] = routed.split('?', 2)
  if (query === undefined || !/(^|&)range=/.test(query)) return PREFIX + routed
  const words = new URLSearchParams(query)
  const span = resolveSpan(words.get('range') ?? '', now)
  words.delete('range')
  if (span.from) words.set('from', span.from)
  if (span.to) words.set('to', span.to)
  return `${PREFIX}${path}?${words.toString()}`
}

const TITLES: Record<number, string> = {
  0: 'No answer', 400: 'Not understood', 401: 'Not signed in', 403: 'Not allowed', 404: 'Not found',
  409: 'Changed meanwhile', 413: 'Too large', 422: 'Not valid', 429: 'Too many requests', 503: 'Busy',
}
const DETAILS: Record<number, string> = {
  400: 'The server did not understand the request. Reload the page and try again.',
  401: 'The session has ended. Sign in again.',
  403: 'Your roles do not allow this. Ask an administrator if you need it.',
  404: 'It is not there, or no longer.',
  409: 'Somebody else changed it meanwhile. Reload, look at the change, and try again.',
  413: 'The file is larger than the server takes.',
  429: 'Too many requests in a short time. Wait a minute and try again.',
  503: 'The server is busy. Try again in a moment.',
}

export function problemOf(status: number, body: unknown): ApiError {
  const problem = (typeof body === 'object' && body !== null ? body : {}) as Partial<Problem>
  const title = typeof problem.title === 'string' && problem.title !== '' ? problem.title : (TITLES[status] ?? `Error ${status}`)
  const detail =
    typeof problem.detail === 'string' && problem.detail !== ''
      ? problem.detail
      : (DETAILS[status] ?? 'The server failed. Try again; if it stays so, its log says why (journalctl -u imward).')
  return new ApiError(status, title, detail, typeof problem.field === 'string' ? problem.field : undefined)
}

export const unreachable = () =>
  new ApiError(0, 'No answer', 'The server does not answer. Check the network, or that `imward serve` runs, and try again.')

export interface CallOptions {
  query?: Query
  body?: unknown // sent as JSON
  file?: Blob // sent as it is
  signal?: AbortSignal
  progress?: (part: number) => void // of a file sent: 0 to 1
  quiet?: boolean // 401 is an answer, not the end of the session
}

async function once<T>(method: Method, path: string, options: CallOptions): Promise<T> {
  const at = address(route(path, options.query))
  const headers: Record<string, string> = { Accept: 'application/json' }
  const csrf = hooks.csrf()
  if (method !== 'GET' && csrf !== null) headers['X-CSRF-Token'] = csrf
  let content: BodyInit | null = null
  if (options.file !== undefined) {
    headers['Content-Type'] = options.file.type === 'text/csv' ? 'text/csv' : 'application/octet-stream'
    if (options.progress) return send<T>(method, at, headers, options)
    content = options.file
  } else if (options.body !== undefined) {
    headers['Content-Type'] = 'application/json'
    content = JSON.stringify(options.body)
  }
  let answer: Response
  try {
    answer = await fetch(at, { method, headers, body: content, credentials: 'same-origin', signal: options.signal ?? null })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw unreachable()
  }
  if (answer.status === 204) return undefined as T
  const type = answer.headers.get('Content-Type') ?? ''
  const body: unknown = /json/.test(type) ? await answer.json().catch(() => null) : await answer.text()
  if (!answer.ok) throw problemOf(answer.status, body)
  return body as T
}

// fetch() cannot say how much of a file was sent; XMLHttpRequest can.
function send<T>(method: Method, at: string, headers: Record<string, string>, options: CallOptions): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open(method, at)
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value)
    request.upload.onprogress = event => event.lengthComputable && options.progress?.(event.loaded / event.total)
    request.onerror = () => reject(unreachable())
    request.onload = () => {
      let body: unknown = null
      try {
        body = JSON.parse(request.responseText)
      } catch {
        body = null
      }
      if (request.status >= 200 && request.status < 300) resolve(body as T)
      else reject(problemOf(request.status, body))
    }
    options.signal?.addEventListener('abort', () => {
      request.abort()
      reject(new DOMException('aborted', 'AbortError'))
    })
    request.send(options.file)
  })
}

/** Ask the server. Throws ApiError, or a DOMException AbortError where `signal` was used. */
export async function call<T>(method: Method, path: string, options: CallOptions = {}): Promise<T> {
  try {
    return await once<T>(method, path, options)
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401 || options.quiet) throw error
    if (error.field === 'reauthenticate') {
      if (!(await hooks.confirm())) throw new ApiError(401, 'Not done', 'Nothing was changed: your password was not confirmed.')
      return once<T>(method, path, options)
    }
    hooks.ended()
    throw error
  }
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal) =>
  call<T>('GET', path, { ...(query && { query }), ...(signal && { signal }) })
export const post = <T>(path: string, body?: unknown, query?: Query) => call<T>('POST', path, { body, ...(query && { query }) })
export const put = <T>(path: string, body?: unknown) => call<T>('PUT', path, { body })
export const patch = <T>(path: string, body?: unknown) => call<T>('PATCH', path, { body })
export const remove = <T>(path: string, body?: unknown) => call<T>('DELETE', path, { body })
/** Send a file's bytes as they are. */
export const upload = <T>(path: string, file: Blob, query: Query, progress?: (part: number) => void, signal?: AbortSignal) =>
  call<T>('POST', path, { file, query, ...(progress && { progress }), ...(signal && { signal }) })
