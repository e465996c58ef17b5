// SPDX-License-Identifier: Apache-2.0
// What every chart has: a title, a sentence that says what it shows, and the same numbers as a table.
import { useEffect, useRef, useState, type ReactNode, type RefObject } from 'react'
import { ToggleButton } from 'react-aria-components/ToggleButton'
import { Icon } from '../components/icon'
import { Panel } from '../components/page'

interface Props {
  title: string
  summary: string
  table: { head: readonly string[]; rows: readonly (readonly (string | number | ReactNode)[])[]; numbers?: readonly number[] } // numbers: columns that are
  children: ReactNode
  legend?: ReactNode
}
export function Chart({ title, summary, table, children, legend }: Props) {
  const [asTable, setAsTable] = useState(false)
  return (
    <Panel title={title} note={summary} actions={
      <ToggleButton className="button quiet small-button" isSelected={asTable} onChange={setAsTable} aria-label={`${asTable ? 'Chart' : 'Table'}: ${title}`}>
        <Icon name={asTable ? 'chart' : 'table'} /><span>{asTable ? 'Chart' : 'Table'}</span>
      </ToggleButton>
    }>
      {asTable ? (
        <div className="table-frame">
          <div className="table-scroll chart-table" tabIndex={0} role="region" aria-label={`${title}, table`}>
            <table className="dense">
              <caption className="hidden-text">{`${title}. ${summary}`}</caption>
              <thead><tr>{table.head.map((name, i) => <th key={name} scope="col" className={table.numbers?.includes(i) ? 'number' : ''}>{name}</th>)}</tr></thead>
              <tbody>{table.rows.map((row, i) => <tr key={i}>{row.map((cell, j) => <td key={j} className={table.numbers?.includes(j) ? 'number' : ''}>{cell}</td>)}</tr>)}</tbody>
            </table>
          </div>
        </div>
      ) : (
        <figure className="chart" aria-label={`${title}. ${summary}`}>
          {children}
          {legend}
        </figure>
      )}
    </Panel>
  )
}

/** The width that a chart has. */
export function useWidth(usual = 640): [RefObject<HTMLDivElement | null>, number] {
  const box = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(usual)
  useEffect(() => {
    const element = box.current
    if (!element) return
    const observer = new ResizeObserver(list => {
      const next = Math.round(list[0]?.contentRect.width ?? 0)
      if (next > 0) setWidth(next)
    })
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  return [box, width]
}

export function Legend({ of }: { of: readonly { name: string; colour: string; onChoose?: () => void }[] }) {
  return (
    <ul className="legend plain" aria-label="Legend">
      {of.map(one => {
        const inner = <><span className="swatch mark" style={{ background: one.colour }} /><span>{one.name}</span></>
        return <li key={one.name}>{one.onChoose ? <button type="button" title={`Show the events of ${one.name}`} onClick={one.onChoose}>{inner}</button> : inner}</li>
      })}
    </ul>
  )
}

const COLOURS = ['var(--chart-1)', 'var(--chart-2)', 'var(--chart-3)', 'var(--chart-4)', 'var(--chart-5)', 'var(--chart-6)']
/** Colours by the order of the services; "other" is grey, and so is what comes after the sixth. */
export function colours(order: readonly string[]): Map<string, string> {
  return new Map(order.map((service, i) => [service, service === 'other' ? 'var(--chart-other)' : (COLOURS[i] ?? 'var(--chart-other)')]))
}
