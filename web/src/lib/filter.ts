// SPDX-License-Identifier: Apache-2.0
// Filters live in the page's address, so that a view can be sent to a colleague and saved: `?range=7d&service=irc,oscar`.
// A name holds a list of alternatives; `range` a span: 24h, 7d … or FROM..TO in ISO 8601, either may be left out.
export type Filter = Readonly<Record<string, readonly string[]>>

export const RANGES = [
  { id: '1h', name: 'Last hour', ms: 3_600_000 },
  { id: '24h', name: 'Last 24 hours', ms: 86_400_000 },
  { id: '7d', name: 'Last 7 days', ms: 7 * 86_400_000 },
  { id: '30d', name: 'Last 30 days', ms: 30 * 86_400_000 },
  { id: '90d', name: 'Last 90 days', ms: 90 * 86_400_000 },
  { id: '365d', name: 'Last 12 months', ms: 365 * 86_400_000 },
] as const
export const USUAL_RANGE = '7d'
const DAY_MS = 86_400_000

/** Names that pages keep in the address for themselves, and that are no filter of the API. */
const OWN = new Set(['sort', 'view', 'tab', 'show'])

export function parseFilter(search: URLSearchParams): Filter {
  const filter: Record<string, string[]> = {}
  for (const [name, text] of search) {
    if (OWN.has(name)) continue
    const values = name === 'q' || name === 'range' ? [text.trim()] : text.split(',').map(value => value.trim())
    const list = (filter[name] ??= [])
    for (const value of values) if (value !== '' && !list.includes(value)) list.push(value)
    if (list.length === 0) delete filter[name]
  }
  return filter
}

/** The query string of a filter, names sorted; own names of `keep` are carried over. */
export function formatFilter(filter: Filter, keep?: URLSearchParams): string {
  const words: string[] = []
  // A comma between values stays readable; one inside a value does not occur (names of files are searched by q).
  const escape = (text: string) => encodeURIComponent(text).replace(/%2C/g, ',').replace(/%3A/g, ':')
  for (const name of Object.keys(filter).sort()) {
    const values = filter[name] ?? []
    if (values.length > 0) words.push(`${encodeURIComponent(name)}=${escape(values.join(','))}`)
  }
  if (keep) for (const [name, value] of keep) if (OWN.has(name) && value !== '') words.push(`${name}=${escape(value)}`)
  return words.length > 0 ? `?${words.join('&')}` : ''
}

export function withValue(filter: Filter, name: string, value: string): Filter {
  const list = filter[name] ?? []
  return list.includes(value) ? filter : { ...filter, [name]: [...list, value] }
}
export function withoutValue(filter: Filter, name: string, value?: string): Filter {
  const list = value === undefined ? [] : (filter[name] ?? []).filter(one => one !== value)
  const { [name]: _gone, ...rest } = filter
  return list.length > 0 ? { ...rest, [name]: list } : rest
}
export function withOnly(filter: Filter, name: string, value: string): Filter {
  return value === '' ? withoutValue(filter, name) : { ...filter, [name]: [value] }
}

// What events are searched for: shorter words are in nearly every one of them.
const LETTERS_LEAST = 3
const WORDS_MOST = 3
/** Why events cannot be searched for these words; null: they can. */
export function whyNotSearched(text: string): string | null {
  const words = text.split(' ').filter(word => word !== '')
  if (words.length > WORDS_MOST) return `At most ${WORDS_MOST} words.`
  return words.some(word => [...word].length < LETTERS_LEAST) ? `At least ${LETTERS_LEAST} letters of each word.` : null
}

/** For the API: lists as they are, `range` as it is: the client makes from and to of it when it asks. */
export function filterQuery(filter: Filter, usual: string = USUAL_RANGE): Record<string, string | readonly string[]> {
  return { ...filter, range: filter['range']?.[0] ?? usual }
}

export interface Span { from: string | null; to: string | null }
/** What a range means now. Spans of days end with the minute, so that the same question gets the same answer for a while. */
export function resolveSpan(range: string, now: number): Span {
  const known = RANGES.find(one => one.id === range)
  if (known) {
    const end = Math.ceil(now / 60_000) * 60_000
    return { from: new Date(end - known.ms).toISOString(), to: new Date(end).toISOString() }
  }
  const [from = '', to = ''] = range.split('..', 2)
  const valid = (text: string) => (text !== '' && !Number.isNaN(Date.parse(text)) ? new Date(text).toISOString() : null)
  return { from: valid(from), to: valid(to) }
}
export const spanRange = (from: Date | null, to: Date | null) => `${from?.toISOString() ?? ''}..${to?.toISOString() ?? ''}`

/** The days around a moment: where there is nothing in the span asked for, but there is something earlier. */
export function rangeAround(time: string, days = 7): string {
  const end = Math.ceil((Date.parse(time) + 1) / DAY_MS) * DAY_MS
  return spanRange(new Date(end - days * DAY_MS), new Date(end))
}
