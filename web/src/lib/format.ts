// SPDX-License-Identifier: Apache-2.0
// Numbers, sizes and times for people. Times are shown in the browser's time zone, in the order of ISO 8601: an
// examiner in another country must not wonder which number is the month.
const two = (n: number) => String(n).padStart(2, '0')
const whole = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 })

export const number = (n: number) => whole.format(n)

/** Short: 950, 12.4 k, 3.1 M. */
export function short(n: number): string {
  const size = Math.abs(n)
  if (size < 10_000) return whole.format(n)
  for (const [unit, worth] of [['k', 1e3], ['M', 1e6], ['G', 1e9], ['T', 1e12]] as const) {
    const scaled = n / worth
    if (Math.abs(scaled) < 999.5 || unit === 'T') return `${Math.abs(scaled) < 99.95 ? scaled.toFixed(1) : scaled.toFixed(0)} ${unit}`
  }
  return whole.format(n)
}

/** 0 B, 812 B, 1.4 KiB, 20.0 MiB. */
export function bytes(n: number): string {
  if (n < 1024) return `${whole.format(n)} B`
  let value = n
  for (const unit of ['KiB', 'MiB', 'GiB', 'TiB']) {
    value /= 1024
    if (value < 1023.95 || unit === 'TiB') return `${value < 99.95 ? value.toFixed(1) : value.toFixed(0)} ${unit}`
  }
  return ''
}

export function day(text: string): string {
  const t = new Date(text)
  return Number.isNaN(t.getTime()) ? '' : `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}`
}
export function clock(text: string, seconds = true): string {
  const t = new Date(text)
  return Number.isNaN(t.getTime()) ? '' : `${two(t.getHours())}:${two(t.getMinutes())}${seconds ? `:${two(t.getSeconds())}` : ''}`
}
export const time = (text: string, seconds = true) => `${day(text)} ${clock(text, seconds)}`.trim()
/** To the millisecond, for time lines of one flow. */
export function exact(text: string): string {
  const t = new Date(text)
  return Number.isNaN(t.getTime()) ? '' : `${time(text)}.${String(t.getMilliseconds()).padStart(3, '0')}`
}

/** "just now", "4 min ago", "3 h ago", "2 days ago", then the day. */
export function ago(text: string, now = Date.now()): string {
  const s = (now - Date.parse(text)) / 1000
  if (Number.isNaN(s)) return ''
  if (s < -60) return time(text, false)
  if (s < 45) return 'just now'
  if (s < 3600) return `${Math.max(1, Math.round(s / 60))} min ago`
  if (s < 86_400) return `${Math.round(s / 3600)} h ago`
  if (s < 14 * 86_400) return Math.round(s / 86_400) === 1 ? 'a day ago' : `${Math.round(s / 86_400)} days ago`
  return day(text)
}
export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`
}

/** How a number changed since the span before: "+12 %", "−40 %", "new", "none as before"; null: nothing to compare with. */
export function change(now: number, before: number | undefined): { text: string; direction: -1 | 0 | 1 } | null {
  if (before === undefined) return null
  if (before === 0) return now === 0 ? { text: 'as before', direction: 0 } : { text: 'none before', direction: 1 }
  const part = (now - before) / before
  if (Math.abs(part) < 0.005) return { text: 'as before', direction: 0 }
  const percent = Math.abs(part) >= 10 ? `× ${(now / before).toFixed(0)}` : `${part < 0 ? '−' : '+'}${Math.abs(part * 100).toFixed(Math.abs(part) < 0.1 ? 1 : 0)} %`
  return { text: percent, direction: part < 0 ? -1 : 1 }
}

export const plural = (n: number, one: string, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`

/** "a, b and c" */
export function listed(words: readonly string[], and = 'and'): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} ${and} ${words[words.length - 1]}`
}
