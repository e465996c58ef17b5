// SPDX-License-Identifier: Apache-2.0
// The frame around every page: navigation, head, and the page itself, loaded when it is first gone to.
import { Component, lazy, Suspense, useCallback, useEffect, useMemo, useRef, useState, type ComponentType, type ErrorInfo, type ReactNode } from 'react'
import { useStream } from '../api/stream'
import { Mark } from '../components/brand'
import { Button, IconButton, MenuButton } from '../components/controls'
import { Icon } from '../components/icon'
import { Empty, Loading, PageHead } from '../components/page'
import { ROLES } from '../lib/words'
import { announce } from './announce'
import { go, Link, matchPath, useLocation } from './router'
import { homeOf, routes, SECTIONS, type Parts, type Route } from './routes'
import { signOut, useCan, useMe } from './session'
import { KeyHelp, overlay, useShortcuts } from './shortcuts'
import { setTheme, theme, type Theme } from './theme'

const Palette = lazy(() => import('./palette'))
const Emergencies = lazy(() => import('../components/emergencies'))
const loaded = new Map<string, ComponentType<{ parts: Parts }>>()
function pageOf(route: Route): ComponentType<{ parts: Parts }> {
  let page = loaded.get(route.path)
  if (!page) {
    page = lazy(route.load)
    loaded.set(route.path, page)
  }
  return page
}

function Navigation({ open, onGo }: { open: boolean; onGo: () => void }) {
  const can = useCan()
  const me = useMe()
  const { path } = useLocation()
  const fits = (route: Route) => (route.path === '/' ? path === '/' : path === route.path || path.startsWith(`${route.path}/`))
  const here = routes.filter(route => route.nav && fits(route)).reduce<Route | null>((best, route) => (best && best.path.length > route.path.length ? best : route), null)
  return (
    <nav className={open ? 'side open' : 'side'} aria-label="Main" id="navigation">
      <Link className="brand" href={homeOf(can)} onClick={onGo}>
        <Mark />
        <span>imward</span>
      </Link>
      {SECTIONS.map(section => {
        const list = routes.filter(route => route.nav?.section === section && can(route.permission) && (!route.nav.team || me.team))
        return list.length === 0 ? null : (
          <div key={section} className="side-section">
            <h2 id={`nav-${section}`}>{section}</h2>
            <ul className="plain" aria-labelledby={`nav-${section}`}>
              {list.map(route => (
                <li key={route.path}>
                  <Link href={route.path} className="side-link" onClick={onGo} {...(here === route && { 'aria-current': 'page' as const })}>
                    {route.nav && <Icon name={route.nav.icon} />}<span>{route.nav?.name}</span>
                  </Link>
                </li>
              ))}
            </ul>
          </div>
        )
      })}
    </nav>
  )
}

const THEMES: { id: Theme; name: string; icon: 'sun' | 'moon' | 'system' }[] = [
  { id: 'light', name: 'Light', icon: 'sun' }, { id: 'dark', name: 'Dark', icon: 'moon' }, { id: 'system', name: 'As the system', icon: 'system' },
]
function Head({ open, setOpen }: { open: boolean; setOpen: (open: boolean) => void }) {
  const me = useMe()
  const stream = useStream()
  const now = theme.use()
  const icon = THEMES.find(one => one.id === now)?.icon ?? 'system'
  return (
    <header className="head">
      <button type="button" className="icon-button only-narrow" aria-label="Navigation" aria-expanded={open} aria-controls="navigation" onClick={() => setOpen(!open)}><Icon name={open ? 'close' : 'menu'} /></button>
      <button type="button" className="head-search" onClick={() => overlay.set('palette')} aria-keyshortcuts="Control+K">
        <Icon name="search" /><span>Search, or go to …</span><span className="keys" aria-hidden="true"><kbd>Ctrl</kbd><kbd>K</kbd></span>
      </button>
      <div className="head-end">
        {stream !== 'off' && (
          <span className={`live ${stream}`} title={stream === 'live' ? 'The page is brought up to date as events come' : 'The connection for live updates is broken; trying again'}>
            <span className="live-dot" aria-hidden="true" /><span className="live-word">{stream === 'live' ? 'Live' : 'Reconnecting'}</span>
          </span>
        )}
        <MenuButton label="Theme" icon={icon} entries={THEMES.map(one => ({ ...one, chosen: one.id === now }))} onAction={id => setTheme(id as Theme)} />
        <IconButton label="Keyboard shortcuts" icon="keyboard" onPress={() => overlay.set('keys')} />
        <MenuButton label={`Your account: ${me.account.full_name}`} icon="account" tone="quiet" button={<span className="head-name">{me.account.full_name}</span>}
          entries={[
            { id: '/account', name: 'My account', icon: 'account', help: me.account.roles.map(role => ROLES[role] ?? role).join(', ') },
            ...(me.permissions.includes('mine:read') ? [{ id: '/mine', name: 'What is known about me', icon: 'mine' as const }] : []),
            { id: 'out', name: 'Sign out', icon: 'out' },
          ]}
          onAction={id => (id === 'out' ? void signOut() : go(id))} />
      </div>
    </header>
  )
}

class Guard extends Component<{ children: ReactNode; at: string }, { failed: string | null; at: string }> {
  override state = { failed: null as string | null, at: this.props.at }
  static getDerivedStateFromError = (error: unknown) => ({ failed: error instanceof Error ? error.message : String(error) })
  static getDerivedStateFromProps = (props: { at: string }, state: { at: string }) => (props.at === state.at ? null : { failed: null, at: props.at })
  override componentDidCatch(error: Error, info: ErrorInfo) {
    console.error(error, info.componentStack)
  }
  override render() {
    if (this.state.failed === null) return this.props.children
    return (
      <>
        <PageHead title="This page failed" />
        <Empty title="Something in the console is wrong" actions={<Button icon="refresh" onPress={() => location.reload()}>Load the page anew</Button>}>
          {`After an update of the server the page may be an old one: load it anew. If it stays so, tell whoever looks after imward: “${this.state.failed}”.`}
        </Empty>
      </>
    )
  }
}

export function NotFound() {
  const can = useCan()
  return (
    <>
      <PageHead title="Not found" />
      <Empty title="There is no such page" actions={<><Button tone="primary" onPress={() => go(homeOf(can))}>Go to the beginning</Button><Button onPress={() => overlay.set('palette')}>Find a page</Button></>}>
        The address may be mistyped, or what it led to is gone: events and incidents are removed when their time of retention has passed.
      </Empty>
    </>
  )
}
function Forbidden({ permission }: { permission: string }) {
  const me = useMe()
  const can = useCan()
  return (
    <>
      <PageHead title="Not allowed" />
      <Empty title="Your roles do not show this page" actions={<Button tone="primary" onPress={() => go(homeOf(can))}>Go to the beginning</Button>}>
        {`You are ${me.account.roles.map(role => ROLES[role] ?? role).join(', ')}; the page asks for the permission “${permission}”. An administrator can give you a role that has it.`}
      </Empty>
    </>
  )
}

export function Shell() {
  const can = useCan()
  const me = useMe()
  const { path } = useLocation()
  const [open, setOpen] = useState(false)
  const stable = useCallback((permission: string | null) => can(permission), [can])
  useShortcuts(stable)
  const over = overlay.use()

  const found = useMemo(() => {
    for (const route of routes) {
      const parts = matchPath(route.path, path)
      if (parts) return { route, parts }
    }
    return null
  }, [path])
  const home = homeOf(can)
  useEffect(() => {
    if (path === '/' && home !== '/') go(home, { replace: true })
  }, [path, home])

  // Where a page begins, its head gets the focus, so that it is read and the keys go on from there.
  const before = useRef(path)
  useEffect(() => {
    if (before.current === path) return
    before.current = path
    setOpen(false)
    let tries = 0
    const timer = setInterval(() => {
      const title = document.getElementById('page-title') // there when the page's module has come
      title?.focus({ preventScroll: true })
      if ((title === null || document.activeElement !== title) && ++tries < 200) return
      clearInterval(timer)
      announce(document.title)
    }, 50)
    return () => clearInterval(timer)
  }, [path])

  let page: ReactNode = <NotFound />
  if (found) {
    const Page = pageOf(found.route)
    page = can(found.route.permission) ? <Page key={path} parts={found.parts} /> : <Forbidden permission={found.route.permission ?? ''} />
  }
  return (
    <div className="shell">
      <a className="skip" href="#main" onClick={event => { event.preventDefault(); document.getElementById('main')?.focus() }}>Skip to content</a>
      <Navigation open={open} onGo={() => setOpen(false)} />
      {open && <div className="side-veil" onClick={() => setOpen(false)} />}
      <div className="shell-body">
        <Head open={open} setOpen={setOpen} />
        <main id="main" tabIndex={-1}>
          {(can('exception:decide') || (me.team && can('exception:ask'))) && <Suspense fallback={null}><Emergencies /></Suspense>}
          {/* By its key the page before is gone at once: React would hide it until the next one's module has come, with its title. */}
          <Guard at={path}><Suspense key={path} fallback={<Loading rows={5} />}>{page}</Suspense></Guard>
        </main>
      </div>
      {over === 'palette' && <Suspense fallback={null}><Palette can={can} /></Suspense>}
      <KeyHelp can={can} />
    </div>
  )
}
