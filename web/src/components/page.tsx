// SPDX-License-Identifier: Apache-2.0
// What pages are made of: heads, panels, tiles, badges, facts, and the states in which there is nothing to show.
import { useEffect, useLayoutEffect, useRef, useState, type ReactNode, type RefObject } from 'react'
import type { ApiError } from '../api/client'
import type { QueryResult } from '../api/query'
import type { Action, IncidentState, Who } from '../api/types'
import { Link } from '../app/router'
import { ago, change, time as fullTime } from '../lib/format'
import { ACTIONS, severity as severityWord, STATES } from '../lib/words'
import { Button } from './controls'
import { Icon, type IconName } from './icon'

// A page that has waited for its data has another head then: the focus that the first one had goes on to it.
let passedOn = false
function useFocusPassedOn(): RefObject<HTMLHeadingElement | null> {
  const head = useRef<HTMLHeadingElement>(null)
  useLayoutEffect(() => {
    const own = head.current
    if (passedOn) own?.focus({ preventScroll: true })
    passedOn = false
    return () => { passedOn = own !== null && document.activeElement === own }
  }, [])
  return head
}

/** The head of a page: its name (also of the window), one sentence, and what can be done with all of it. */
export function PageHead({ title, lead, actions, back }: { title: string; lead?: ReactNode; actions?: ReactNode; back?: { href: string; name: string } }) {
  const head = useFocusPassedOn()
  useEffect(() => {
    document.title = `${title} · imward`
  }, [title])
  return (
    <header className="page-head">
      <div>
        {back && <Link className="back" href={back.href}><Icon name="left" size={12} />{back.name}</Link>}
        <h1 tabIndex={-1} id="page-title" ref={head}>{title}</h1>
        {lead && <p className="lead">{lead}</p>}
      </div>
      {actions && <div className="page-actions no-print">{actions}</div>}
    </header>
  )
}

export function Panel({ title, note, actions, children, flush, level = 2 }: { title?: string; note?: ReactNode; actions?: ReactNode; children: ReactNode; flush?: boolean; level?: 2 | 3 }) {
  const Title = `h${level}` as 'h2' | 'h3'
  return (
    <section className={flush ? 'panel flush' : 'panel'} aria-label={title}>
      {(title || actions) && (
        <header className="panel-head">
          <div>
            {title && <Title>{title}</Title>}
            {note && <p className="muted small">{note}</p>}
          </div>
          {actions && <div className="panel-actions no-print">{actions}</div>}
        </header>
      )}
      {children}
    </section>
  )
}
export const Grid = ({ children, columns = 2 }: { children: ReactNode; columns?: 2 | 3 | 4 }) => <div className={`grid columns-${columns}`}>{children}</div>

/** One number with its name, and how it was in the span before. `good`: which direction is good news. */
export function Tile({ name, value, before, raw, href, good = 'neither' }: { name: string; value: string; raw?: number; before?: number | undefined; href?: string; good?: 'up' | 'down' | 'neither' }) {
  const changed = raw === undefined ? null : change(raw, before)
  const tone = changed === null || changed.direction === 0 || good === 'neither' ? '' : (changed.direction > 0) === (good === 'up') ? 'better' : 'worse'
  const inner = (
    <>
      <span className="tile-name">{name}</span>
      <span className="tile-value">{value}</span>
      <span className={`tile-change ${tone}`}>
        {changed && changed.direction !== 0 && <Icon name={changed.direction > 0 ? 'up' : 'down'} size={12} />}
        {changed ? changed.text : ' '}
      </span>
    </>
  )
  return href ? <Link className="tile" href={href}>{inner}</Link> : <div className="tile">{inner}</div>
}
export const Tiles = ({ children, label, few }: { children: ReactNode; label: string; few?: boolean }) => <section className={few ? 'tiles few' : 'tiles'} aria-label={label}>{children}</section>

export type BadgeTone = 'plain' | 'allow' | 'alert' | 'block' | 'scan' | 'accent'
export const Badge = ({ tone = 'plain', icon, children }: { tone?: BadgeTone; icon?: IconName; children: ReactNode }) => (
  <span className={`badge ${tone}`}>{icon && <Icon name={icon} size={12} />}{children}</span>
)
export const ActionBadge = ({ action, stopped }: { action: Action | null; stopped?: boolean }) =>
  action === null ? null : <Badge tone={action}>{ACTIONS[action] ?? action}{stopped && action !== 'block' ? ', stopped' : ''}</Badge>
export const SeverityBadge = ({ severity }: { severity: number | null }) =>
  severity === null ? null : <Badge tone={severity === 1 ? 'block' : severity === 2 ? 'alert' : 'plain'}>{severityWord(severity)}</Badge>
const STATE_TONES: Record<IncidentState, BadgeTone> = { new: 'block', open: 'alert', contained: 'scan', closed: 'allow', 'false-alarm': 'plain' }
export const StateBadge = ({ state }: { state: IncidentState }) => <Badge tone={STATE_TONES[state]}>{STATES[state] ?? state}</Badge>

/** A person or machine as the caller may see it; links to its page. */
export function WhoLink({ who, plain, brief }: { who: Who | null; plain?: boolean; brief?: boolean }) {
  if (who === null) return <span className="muted">—</span>
  return (
    <span className="who">
      {plain ? <span>{who.label}</span> : <Link href={`/people/${who.id}`}>{who.label}</Link>}
      {who.department && !brief && <span className="muted small"> {who.department}</span>}
    </span>
  )
}
/** A moment: as "3 h ago" with the full time in its title, or in full. */
export function Time({ at, full, seconds = true }: { at: string | null; full?: boolean; seconds?: boolean }) {
  if (at === null) return <span className="muted">never</span>
  return <time dateTime={at} title={fullTime(at)} className="nowrap">{full ? fullTime(at, seconds) : ago(at)}</time>
}

/** Names and values, two columns. Values that are null, false or empty are left out. */
export function Facts({ of }: { of: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts">
      {of.filter(([, value]) => value !== null && value !== undefined && value !== '' && value !== false).map(([name, value]) => (
        <div key={name}><dt>{name}</dt><dd>{value}</dd></div>
      ))}
    </dl>
  )
}

export function Notice({ tone = 'plain', icon, children }: { tone?: 'plain' | 'good' | 'bad' | 'warn'; icon?: IconName; children: ReactNode }) {
  return <div className={`notice ${tone}`}><Icon name={icon ?? (tone === 'bad' || tone === 'warn' ? 'warning' : tone === 'good' ? 'check' : 'info')} /><div>{children}</div></div>
}

/** Nothing there: says why, and what to do. */
export function Empty({ title, children, actions }: { title: string; children?: ReactNode; actions?: ReactNode }) {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {children && <p className="muted">{children}</p>}
      {actions && <div className="buttons">{actions}</div>}
    </div>
  )
}
export function ErrorState({ error, onRetry }: { error: ApiError; onRetry?: () => void }) {
  const missing = error.status === 404 // trying again does not bring it
  return (
    <div className="empty" role="alert">
      <p className="empty-title">{missing ? 'Not here' : error.title}</p>
      <p className="muted sentence">{error.message}{missing && ': it was removed, or is not yours to see.'}</p>
      {onRetry && !missing && <div className="buttons"><Button icon="refresh" onPress={onRetry}>Try again</Button></div>}
    </div>
  )
}
/** Shown only after a moment: what comes at once must not flicker. */
export function Loading({ label = 'Loading', rows = 3 }: { label?: string; rows?: number }) {
  const [late, setLate] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 180)
    return () => clearTimeout(timer)
  }, [])
  return (
    <div className={late ? 'loading late' : 'loading'} role="status">
      <span className="hidden-text">{label} …</span>
      {Array.from({ length: rows }, (_, i) => <span key={i} className="bone" />)}
    </div>
  )
}
/** Shows what a query has: while it loads, when it failed, when it is there. */
export function Loaded<T>({ of, rows, children }: { of: QueryResult<T>; rows?: number; children: (data: T) => ReactNode }) {
  if (of.data !== undefined) return <>{children(of.data)}</>
  if (of.error) return <ErrorState error={of.error} onRetry={of.reload} />
  return <Loading {...(rows && { rows })} />
}
/** "Something new is there": for lists that do not move under the reader's eyes. */
export const NewerOffer = ({ shown, onShow, what }: { shown: boolean; onShow: () => void; what: string }) =>
  shown ? <div className="newer no-print"><Button tone="quiet" icon="refresh" small onPress={onShow}>{`New ${what}: show`}</Button></div> : null
