// SPDX-License-Identifier: Apache-2.0
// The palette (Ctrl+K): every page and some actions by their names, and what is typed as a search of the events.
import { useMemo, useState } from 'react'
import { Autocomplete } from 'react-aria-components/Autocomplete'
import { Dialog as AriaDialog } from 'react-aria-components/Dialog'
import { Input } from 'react-aria-components/Input'
import { Menu, MenuItem } from 'react-aria-components/Menu'
import { Modal, ModalOverlay } from 'react-aria-components/Modal'
import { SearchField } from 'react-aria-components/SearchField'
import { Text } from 'react-aria-components/Text'
import { Icon, type IconName } from '../components/icon'
import { whyNotSearched } from '../lib/filter'
import { go } from './router'
import { routes } from './routes'
import { signOut } from './session'
import { overlay } from './shortcuts'
import { setTheme } from './theme'

interface Entry { id: string; name: string; hint: string; words: string; icon: IconName; act: () => void }

export default function Palette({ can }: { can: (permission: string | null) => boolean }) {
  const [text, setText] = useState('')
  const entries = useMemo<Entry[]>(() => [
    ...routes.filter(one => can(one.permission) && !one.path.includes(':') && (one.nav || one.words)).map(one => ({
      id: one.path, name: one.nav?.name ?? 'Bring in data', hint: one.nav?.section ?? 'Action', words: one.words ?? '', icon: one.nav?.icon ?? ('import' as const), act: () => go(one.path),
    })),
    { id: 'light', name: 'Light theme', hint: 'Look', words: 'theme', icon: 'sun', act: () => setTheme('light') },
    { id: 'dark', name: 'Dark theme', hint: 'Look', words: 'theme', icon: 'moon', act: () => setTheme('dark') },
    { id: 'system', name: 'Theme of the system', hint: 'Look', words: 'theme', icon: 'system', act: () => setTheme('system') },
    { id: 'keys', name: 'Keyboard shortcuts', hint: 'Help', words: 'help keys', icon: 'keyboard', act: () => overlay.set('keys') },
    { id: 'print', name: 'Print this page', hint: 'Action', words: 'pdf', icon: 'print', act: () => setTimeout(() => window.print(), 250) },
    { id: 'out', name: 'Sign out', hint: 'You', words: 'log out', icon: 'out', act: () => void signOut() },
  ], [can])
  const needle = text.trim().toLowerCase()
  const found = entries.filter(one => needle === '' || `${one.name} ${one.words} ${one.hint}`.toLowerCase().includes(needle))
  const all: Entry[] = needle !== '' && whyNotSearched(needle) === null && can('usage:read')
    ? [...found, { id: 'search', name: `Search events for “${text.trim()}”`, hint: 'Search', words: '', icon: 'search', act: () => go(`/events?q=${encodeURIComponent(text.trim())}`) }]
    : found
  return (
    <ModalOverlay className="veil top" isOpen onOpenChange={open => !open && overlay.set(null)} isDismissable>
      <Modal className="modal palette">
        <AriaDialog className="palette-dialog" aria-label="Find a page or an action">
          <Autocomplete inputValue={text} onInputChange={setText}>
            <SearchField className="palette-search" aria-label="Find a page or an action" autoFocus>
              <Icon name="search" />
              <Input placeholder="Go to a page, search events …" />
            </SearchField>
            <Menu className="listbox palette-list" aria-label="Pages and actions" items={all} renderEmptyState={() => <p className="muted pad">Nothing has this name.</p>}
              onAction={key => { overlay.set(null); all.find(one => one.id === key)?.act() }}>
              {one => (
                <MenuItem id={one.id} textValue={one.name} className="option">
                  <Icon name={one.icon} />
                  <Text slot="label">{one.name}</Text>
                  <span className="option-hint" aria-hidden="true">{one.hint}</span>
                </MenuItem>
              )}
            </Menu>
          </Autocomplete>
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  )
}
