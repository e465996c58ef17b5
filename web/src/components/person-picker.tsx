// SPDX-License-Identifier: Apache-2.0
// Choose somebody of the directory by a part of the name, the pseudonym or an alias.
import { useEffect, useState } from 'react'
import { useQuery } from '../api/query'
import type { Person, TeamRow } from '../api/types'
import { Button, TextInput } from './controls'

export interface Picked { id: number; label: string }
const TOPICS = ['people'] as const
const ACTIVE = { state: 'active' }

/** The same of those whose names the caller sees in the program: everybody for compliance, for managers their team. */
export function TeamPicker({ label, value, onChange, error }: { label: string; value: Picked | null; onChange: (value: Picked | null) => void; error?: string | null }) {
  return <Picker label={label} value={value} onChange={onChange} {...(error !== undefined && { error })} from="/program/team" more={{}} found={(page: { people: TeamRow[] }) => page.people.map(one => ({ id: one.person, label: one.label, hint: one.department ?? '' }))} />
}
export function PersonPicker(of: { label: string; value: Picked | null; onChange: (value: Picked | null) => void; help?: string; error?: string | null }) {
  return <Picker {...of} from="/people" more={ACTIVE} found={(page: { people: Person[] }) => page.people.map(one => ({ id: one.id, label: one.name ?? one.pseudonym, hint: `${one.department?.name ?? ''} ${one.number ?? ''}` }))} />
}

function Picker<Page>({ label, value, onChange, help, error, from, more, found: rows }: { label: string; value: Picked | null; onChange: (value: Picked | null) => void; help?: string; error?: string | null; from: string; more: Record<string, string>; found: (page: Page) => (Picked & { hint: string })[] }) {
  const [text, setText] = useState('')
  const [asked, setAsked] = useState('')
  useEffect(() => {
    const timer = setTimeout(() => setAsked(text.trim()), 300)
    return () => clearTimeout(timer)
  }, [text])
  const answer = useQuery<Page>(asked.length > 1 ? from : null, { ...more, q: asked, limit: 8 }, { topics: TOPICS, keep: true })
  const found = answer.data === undefined ? undefined : rows(answer.data)
  if (value !== null) return (
    <div className="field"><span className="field-label">{label}</span><div className="link-line"><span>{value.label}</span><Button small onPress={() => onChange(null)}>{`Not ${value.label}`}</Button></div></div>
  )
  return (
    <div className="pick">
      <TextInput label={label} value={text} onChange={setText} placeholder="Type a part of the name …" autoComplete="off" {...(help && { help })} error={error ?? null} />
      {asked.length > 1 && found && (
        <ul className="plain pick-list" aria-label={`Found for ${label}`}>
          {found.map(one => <li key={one.id}><button type="button" className="option" onClick={() => { onChange({ id: one.id, label: one.label }); setText('') }}>{one.label}<span className="option-hint">{one.hint}</span></button></li>)}
          {found.length === 0 && <li className="muted small pad">Nobody who is here has this name.</li>}
        </ul>
      )}
    </div>
  )
}
