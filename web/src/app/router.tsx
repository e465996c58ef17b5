// SPDX-License-Identifier: Apache-2.0
// The address bar as state: a small router over the history API. A page that holds unsaved work registers a guard.
import { useMemo, useSyncExternalStore, useEffect, type AnchorHTMLAttributes, type MouseEvent, type Ref } from 'react'

const listeners = new Set<() => void>()
let guard: (() => string | null) | null = null
let shown = location.pathname + location.search

function tell() {
  shown = location.pathname + location.search
  for (const listener of listeners) listener()
}
window.addEventListener('popstate', tell)

export interface GoOptions {
  replace?: boolean // the step back does not come here
  keep?: boolean // stay where the page is scrolled to
}
export function go(to: string, options: GoOptions = {}) {
  const samePage = new URL(to, location.href).pathname === location.pathname
  if (!samePage) {
    const why = guard?.()
    if (why && !window.confirm(why)) return
  }
  if (options.replace) history.replaceState(null, '', to)
  else history.pushState(null, '', to)
  tell()
  if (!options.keep && !samePage) window.scrollTo(0, 0)
}

const subscribe = (listener: () => void) => {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
export function useLocation(): { path: string; search: URLSearchParams; href: string } {
  const href = useSyncExternalStore(subscribe, () => shown)
  return useMemo(() => {
    const url = new URL(href, location.origin)
    return { path: url.pathname, search: url.searchParams, href }
  }, [href])
}

/** The parts of a path that a pattern ("/flows/:id") names; null: it does not fit. */
export function matchPath(pattern: string, path: string): Record<string, string> | null {
  const want = pattern.split('/').filter(Boolean)
  const have = path.split('/').filter(Boolean)
  if (want.length !== have.length) return null
  const parts: Record<string, string> = {}
  for (let i = 0; i < want.length; i++) {
    const a = want[i] as string
    const b = have[i] as string
    if (a.startsWith(':')) {
      try {
        parts[a.slice(1)] = decodeURIComponent(b)
      } catch {
        return null
      }
    } else if (a !== b) return null
  }
  return parts
}

/** Ask before this page is left while `why` is not null. */
export function useLeaveGuard(why: string | null) {
  useEffect(() => {
    if (why === null) return
    const own = () => why
    const unload = (event: BeforeUnloadEvent) => event.preventDefault()
    guard = own
    window.addEventListener('beforeunload', unload)
    return () => {
      if (guard === own) guard = null
      window.removeEventListener('beforeunload', unload)
    }
  }, [why])
}

/** A link within the console. */
export function Link({ href, onClick, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string; ref?: Ref<HTMLAnchorElement> }) {
  return (
    <a
      href={href}
      onClick={(event: MouseEvent<HTMLAnchorElement>) => {
        onClick?.(event)
        if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || rest.target) return
        event.preventDefault()
        go(href)
      }}
      {...rest}
    />
  )
}
