// SPDX-License-Identifier: Apache-2.0
// A table of data. A plain <table>, so that screen readers have their own keys for it; beside that: sorting by a
// heading, arrow keys (or j and k) from row to row, Enter opens a row, columns can be chosen, further pages are fetched.
import { useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from 'react'
import type { ApiError } from '../api/client'
import { go, Link } from '../app/router'
import { remember, remembered } from '../app/store'
import { Button, Check, Drop } from './controls'
import { Icon } from './icon'
import { ErrorState, Loading } from './page'

export interface Column<Row> {
  id: string
  name: string
  cell: (row: Row) => ReactNode
  align?: 'end'
  sort?: boolean | ((row: Row) => string | number | null) // true: the server sorts; a function: sorted here
  extra?: boolean // not shown until chosen
  always?: boolean // cannot be hidden
  wide?: boolean // takes the space that is left
}
export interface Sort { by: string; down: boolean }

interface Props<Row> {
  label: string // what the table is, for those who hear it
  rows: readonly Row[] | undefined
  columns: readonly Column<Row>[]
  rowKey: (row: Row) => string | number
  href?: (row: Row) => string | null // where a row leads: its first cell is the link
  loading?: boolean
  error?: ApiError | null
  onRetry?: () => void
  empty: ReactNode // an <Empty>: why there is nothing, and what to do
  sort?: Sort | undefined // sorted by the server
  onSort?: (sort: Sort) => void
  more?: (() => void) | null // there is a further page
  moreBusy?: boolean
  moreName?: string
  foot?: ReactNode
  choose?: string // columns can be chosen; remembered under this name
  tools?: ReactNode
  selected?: ReadonlySet<string | number> | undefined // rows can be marked
  onSelect?: (selected: ReadonlySet<string | number>) => void
  rowName?: (row: Row) => string // of the mark's label
  dense?: boolean
}

export function DataTable<Row>(props: Props<Row>) {
  const { label, rows, columns, rowKey, href, loading, error, onRetry, empty, more, moreBusy, moreName, foot, choose, tools, selected, onSelect, rowName, dense } = props
  const box = useRef<HTMLDivElement>(null)
  const [ownSort, setOwnSort] = useState<Sort | null>(null)
  const [hidden, setHidden] = useState<ReadonlySet<string>>(() => {
    const told = choose ? remembered(`columns.${choose}`) : null
    return new Set(told !== null ? told.split(' ') : columns.filter(one => one.extra).map(one => one.id))
  })
  const shown = choose ? columns.filter(one => one.always || !hidden.has(one.id)) : columns
  const sort = props.sort ?? ownSort

  const sorted = useMemo(() => {
    const key = ownSort && columns.find(one => one.id === ownSort.by)?.sort
    if (!rows || !ownSort || typeof key !== 'function') return rows
    const down = ownSort.down ? -1 : 1
    return [...rows].sort((a, b) => {
      const x = key(a)
      const y = key(b)
      if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1
      return (typeof x === 'number' && typeof y === 'number' ? x - y : String(x).localeCompare(String(y), 'en')) * down
    })
  }, [rows, ownSort, columns])

  const sortBy = (column: Column<Row>) => {
    const numeric = column.align === 'end'
    const next = sort?.by === column.id ? { by: column.id, down: !sort.down } : { by: column.id, down: numeric }
    if (column.sort === true) props.onSort?.(next)
    else setOwnSort(next)
  }
  const onKey = (event: KeyboardEvent) => {
    const step = event.key === 'ArrowDown' || event.key === 'j' ? 1 : event.key === 'ArrowUp' || event.key === 'k' ? -1 : 0
    if (step === 0 || event.ctrlKey || event.metaKey || event.altKey) return
    const links = [...(box.current?.querySelectorAll<HTMLElement>('tbody a.row-link') ?? [])]
    const at = links.indexOf((event.target as HTMLElement).closest('tr')?.querySelector('a.row-link') as HTMLElement)
    const next = links[at + step]
    if (at < 0 || !next) return
    event.preventDefault()
    next.focus()
  }
  const toggle = (key: string | number, on: boolean) => {
    const next = new Set(selected)
    if (on) next.add(key)
    else next.delete(key)
    onSelect?.(next)
  }
  const setColumn = (id: string, on: boolean) => {
    const next = new Set(hidden)
    if (on) next.delete(id)
    else next.add(id)
    setHidden(next)
    if (choose) remember(`columns.${choose}`, [...next].join(' '))
  }

  const nothing = sorted !== undefined && sorted.length === 0
  return (
    <div className="table-frame">
      {tools && <div className="table-tools no-print">{tools}</div>}
      {error && !sorted?.length ? <ErrorState error={error} {...(onRetry && { onRetry })} /> : loading && !sorted?.length ? <Loading label={label} rows={6} /> : nothing && !more ? <>{empty}</> : (
        <div className="table-scroll" ref={box} tabIndex={0} role="region" aria-label={`${label}, table`}>
          <table className={dense ? 'dense' : ''} onKeyDown={onKey}>
            <caption className="hidden-text">{label}</caption>
            <thead>
              <tr>
                {selected && <th scope="col" className="mark-cell"><span className="hidden-text">Mark</span></th>}
                {shown.map(column => (
                  <th key={column.id} scope="col" className={`${column.align === 'end' ? 'number' : ''}${column.wide ? ' wide-cell' : ''}`} {...(column.sort && sort?.by === column.id && { 'aria-sort': sort.down ? 'descending' as const : 'ascending' as const })}>
                    {column.sort ? (
                      <button type="button" className="sort" onClick={() => sortBy(column)}>
                        {column.name}
                        <span className="sort-mark">{sort?.by === column.id && <Icon name={sort.down ? 'down' : 'up'} size={12} />}</span>
                      </button>
                    ) : column.name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {sorted?.map(row => {
                const key = rowKey(row)
                const to = href?.(row) ?? null
                return (
                  <tr key={key} className={`${to ? 'leads' : ''}${selected?.has(key) ? ' marked' : ''}`} onClick={event => {
                    if (!to || (event.target as HTMLElement).closest('a,button,input,label') || String(window.getSelection()) !== '') return
                    if (event.ctrlKey || event.metaKey) window.open(to, '_blank', 'noopener')
                    else go(to)
                  }}>
                    {selected && <td className="mark-cell"><Check checked={selected.has(key)} onChange={on => toggle(key, on)}><span className="hidden-text">{rowName?.(row) ?? `Row ${key}`}</span></Check></td>}
                    {shown.map((column, i) => (
                      <td key={column.id} className={`${column.align === 'end' ? 'number' : ''}${column.wide ? ' wide-cell' : ''}`}>
                        {i === 0 && to ? <Link className="row-link" href={to}>{column.cell(row)}</Link> : column.cell(row)}
                      </td>
                    ))}
                  </tr>
                )
              })}
            </tbody>
          </table>
        </div>
      )}
      {(foot || more || choose || (error && sorted && sorted.length > 0)) && (
        <div className="table-foot">
          <span className="muted small">{error && sorted && sorted.length > 0 ? `${error.title}. ${error.message}` : foot}</span>
          <span className="row center tight no-print">
            {choose && (
              <Drop button="Columns" icon="columns" label="Choose columns" tone="quiet">
                {() => (
                  <div className="drop-list">
                    {columns.filter(one => !one.always).map(one => <Check key={one.id} checked={!hidden.has(one.id)} onChange={on => setColumn(one.id, on)}>{one.name}</Check>)}
                  </div>
                )}
              </Drop>
            )}
            {more && <Button busy={moreBusy ?? false} onPress={more}>{moreName ?? 'Show more'}</Button>}
          </span>
        </div>
      )}
    </div>
  )
}
