// SPDX-License-Identifier: Apache-2.0
// Keys that work everywhere, and the list of them on '?'. Single letters do nothing while somebody types.
import { useEffect, useRef } from 'react'
import { Dialog } from '../components/controls'
import { go } from './router'
import { routes } from './routes'
import { makeStore } from './store'

export const overlay = makeStore<null | 'palette' | 'keys'>(null)

const typing = (target: EventTarget | null) => target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))

export function useShortcuts(can: (permission: string | null) => boolean) {
  const pending = useRef(0)
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === 'k') {
        event.preventDefault()
        overlay.set(overlay.get() === 'palette' ? null : 'palette')
        return
      }
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector('[role=dialog],[role=alertdialog],[role=menu],[role=listbox]')) return
      if (event.key === '?') {
        event.preventDefault()
        overlay.set('keys')
      } else if (event.key === '/') {
        const box = document.querySelector<HTMLInputElement>('main [data-page-search]')
        event.preventDefault()
        if (box) box.focus()
        else overlay.set('palette')
      } else if (event.key === 'g') pending.current = Date.now()
      else if (Date.now() - pending.current < 1200) {
        pending.current = 0
        const route = routes.find(one => one.nav?.key === event.key && can(one.permission))
        if (route) {
          event.preventDefault()
          go(route.path)
        }
      }
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [can])
}

const Keys = ({ of }: { of: string }) => <span className="keys">{of.split(' ').map((key, i) => <kbd key={i}>{key}</kbd>)}</span>

export function KeyHelp({ can }: { can: (permission: string | null) => boolean }) {
  const open = overlay.use() === 'keys'
  const rows: [string, string][] = [
    ['Ctrl K', 'Find a page or an action'],
    ['/', 'Search on this page'],
    ['?', 'This list'],
    ['Esc', 'Close what is open'],
    ['↓ ↑', 'From row to row in a table (or j, k); Enter opens it'],
  ]
  return (
    <Dialog title="Keyboard" open={open} onClose={() => overlay.set(null)}>
      <div className="key-lists">
        <table className="plain-table"><caption className="hidden-text">Keys that work everywhere</caption><tbody>{rows.map(([key, what]) => <tr key={key}><th scope="row"><Keys of={key} /></th><td>{what}</td></tr>)}</tbody></table>
        <table className="plain-table"><caption className="hidden-text">Keys that go to a page</caption>
          <tbody>{routes.filter(one => one.nav?.key && can(one.permission)).map(one => <tr key={one.path}><th scope="row"><Keys of={`g ${one.nav?.key ?? ''}`} /></th><td>{one.nav?.name}</td></tr>)}</tbody>
        </table>
      </div>
    </Dialog>
  )
}
