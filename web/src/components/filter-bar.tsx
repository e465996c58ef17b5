// SPDX-License-Identifier: Apache-2.0
// The bar over a list: words to search for, a span of time, and what else narrows it, each as a chip that can be taken
// away. All of it lives in the page's address (lib/filter.ts).
import { useEffect, useState, type ReactNode } from 'react'
import { Input } from 'react-aria-components/Input'
import { SearchField } from 'react-aria-components/SearchField'
import { Text } from 'react-aria-components/Text'
import { invalidate, useAction, useQuery } from '../api/query'
import { post, remove } from '../api/client'
import { toast } from '../app/announce'
import { go, useLocation } from '../app/router'
import { formatFilter, parseFilter, RANGES, spanRange, USUAL_RANGE, whyNotSearched, withOnly, withoutValue, withValue, type Filter } from '../lib/filter'
import { number, time } from '../lib/format'
import { Button, Buttons, Check, Dialog, Drop, Failure, Form, MenuButton, TextInput, type Choice } from './controls'
import { Icon } from './icon'

/** The filter in the address, and how to change it. */
export function useFilter(): { filter: Filter; setFilter: (next: Filter) => void; search: URLSearchParams } {
  const { path, search } = useLocation()
  const filter = parseFilter(search)
  return { filter, search, setFilter: next => go(path + formatFilter(next, search), { keep: true }) }
}
/** One word of the page's own in the address (`?sort=`, `?view=`, `?tab=`, `?show=`). */
export function useWord(name: 'sort' | 'view' | 'tab' | 'show', usual: string): [string, (next: string) => void] {
  const { path, search } = useLocation()
  return [search.get(name) ?? usual, next => {
    const words = new URLSearchParams(search)
    if (next === usual) words.delete(name)
    else words.set(name, next)
    go(path + formatFilter(parseFilter(search), words), { keep: true, replace: true })
  }]
}

export interface FilterField {
  name: string // of the API's query
  label: string
  options?: readonly (Choice & { count?: number })[] // what may be chosen; without, a text is typed
  single?: boolean
  flag?: boolean // only yes ("1")
  more?: boolean // stands under "More", not in the bar
  show?: (value: string) => string // how a chip names a value
}

export function rangeName(range: string): string {
  const known = RANGES.find(one => one.id === range)
  if (known) return known.name
  const [from = '', to = ''] = range.split('..', 2)
  if (from === '' && to === '') return 'All time'
  if (from === '') return `Until ${time(to, false)}`
  return to === '' ? `Since ${time(from, false)}` : `${time(from, false)} to ${time(to, false)}`
}

const local = (iso: string) => (iso === '' ? '' : time(iso, false).replace(' ', 'T'))
export function RangePicker({ value, onChange }: { value: string; onChange: (range: string) => void }) {
  const own = value.includes('..')
  const [from, setFrom] = useState(own ? local(value.split('..')[0] ?? '') : '')
  const [to, setTo] = useState(own ? local(value.split('..')[1] ?? '') : '')
  const wrong = from !== '' && to !== '' && from >= to ? 'This is before the beginning' : null
  return (
    <Drop button={rangeName(value)} icon="clock" label={`Span of time: ${rangeName(value)}`}>
      {close => (
        <div className="range">
          <ul className="plain range-list">
            {[...RANGES, { id: '..', name: 'All time' }].map(one => (
              <li key={one.id}>
                <button type="button" className="option" aria-current={value === one.id} onClick={() => { onChange(one.id); close() }}>
                  {one.name}{value === one.id && <Icon name="check" />}
                </button>
              </li>
            ))}
          </ul>
          <Form label="Own span" onSubmit={() => { if (!wrong) { onChange(spanRange(from ? new Date(from) : null, to ? new Date(to) : null)); close() } }}>
            <TextInput label="From" type="datetime-local" value={from} onChange={setFrom} />
            <TextInput label="To" type="datetime-local" value={to} onChange={setTo} error={wrong} />
            <Buttons><Button type="submit" tone="primary" isDisabled={(from === '' && to === '') || wrong !== null}>Apply</Button></Buttons>
          </Form>
        </div>
      )}
    </Drop>
  )
}

/** Words to search for; applied with Enter, or half a second after the last key. `least`: not words that are too short. */
export function SearchInput({ value, onChange, label, placeholder, least }: { value: string; onChange: (text: string) => void; label: string; placeholder?: string; least?: boolean }) {
  const [text, setText] = useState(value)
  const why = least ? whyNotSearched(text) : null
  useEffect(() => setText(value), [value])
  useEffect(() => {
    if (text.trim() === value || why !== null) return
    const timer = setTimeout(() => onChange(text.trim()), 500)
    return () => clearTimeout(timer)
  }, [text])
  return (
    <SearchField className="search-field" aria-label={label} value={text} onChange={setText} onSubmit={next => { if (why === null) onChange(next.trim()) }} onClear={() => onChange('')}>
      <Icon name="search" />
      <Input className="input" placeholder={placeholder ?? label} data-page-search="" />
      {why && <Text slot="description" className="help">{why}</Text>}
    </SearchField>
  )
}

function FieldPicker({ field, values, onChange }: { field: FilterField; values: readonly string[]; onChange: (values: readonly string[]) => void }) {
  const [text, setText] = useState('')
  if (field.flag) return <Check checked={values.includes('1')} onChange={on => onChange(on ? ['1'] : [])}>Only these</Check>
  if (field.options) {
    const gone = values.filter(value => !field.options?.some(one => one.id === value)).map(value => ({ id: value, name: field.show?.(value) ?? value, count: undefined }))
    const fitting = [...field.options, ...gone].filter(one => one.name.toLowerCase().includes(text.toLowerCase()))
    return (
      <>
        {field.options.length > 10 && <TextInput label={`Find in ${field.label}`} hideLabel placeholder="Find …" value={text} onChange={setText} />}
        <div className="drop-list">
          {fitting.length === 0 && <p className="muted small">Nothing here in this span.</p>}
          {fitting.slice(0, 60).map(one => (
            <Check key={one.id} checked={values.includes(one.id)} onChange={on => onChange(on ? (field.single ? [one.id] : [...values, one.id]) : values.filter(value => value !== one.id))}>
              <span className="option-line"><span className="clip">{one.name}</span>{one.count !== undefined && <span className="muted small">{number(one.count)}</span>}</span>
            </Check>
          ))}
        </div>
      </>
    )
  }
  return (
    <Form label={field.label} onSubmit={() => { if (text.trim() !== '') { onChange([...values.filter(value => value !== text.trim()), text.trim()]); setText('') } }}>
      <div className="row center">
        <TextInput label={`${field.label} is`} hideLabel value={text} onChange={setText} mono autoFocus={!field.more} />
        <Button type="submit">Add</Button>
      </div>
    </Form>
  )
}

interface BarProps {
  fields: readonly FilterField[]
  search?: string // label of the search box; without, there is none
  least?: boolean // it searches events, for words that are long enough
  range?: boolean // a span of time can be chosen
  usual?: string
  views?: string // saved views of this page
  tools?: ReactNode
}
export function FilterBar({ fields, search, least = false, range = true, usual = USUAL_RANGE, views, tools }: BarProps) {
  const { filter, setFilter } = useFilter()
  const chips = fields.flatMap(field => (filter[field.name] ?? []).map(value => ({ field, value })))
  const picker = (field: FilterField) => <FieldPicker field={field} values={filter[field.name] ?? []} onChange={values => setFilter(values.length > 0 ? { ...filter, [field.name]: values } : withoutValue(filter, field.name))} />
  const nameOf = (field: FilterField, value: string) => field.show?.(value) ?? field.options?.find(one => one.id === value)?.name ?? value
  return (
    <div className="filter-bar" role="search" aria-label="Filter">
      <div className="filter-tools">
        {search && <SearchInput label={search} least={least} value={filter['q']?.[0] ?? ''} onChange={text => setFilter(withOnly(filter, 'q', text))} />}
        {range && <RangePicker value={filter['range']?.[0] ?? usual} onChange={next => setFilter(withOnly(filter, 'range', next === usual ? '' : next))} />}
        {fields.filter(field => !field.more).map(field => (
          <Drop key={field.name} button={field.label} label={`Filter by ${field.label.toLowerCase()}`} tone="quiet">{() => picker(field)}</Drop>
        ))}
        {fields.some(field => field.more) && (
          <Drop button="More" icon="filter" label="More filters" tone="quiet">
            {() => <div className="more-fields">{fields.filter(field => field.more).map(field => <div key={field.name} className="stack tight" role="group" aria-label={field.label}><strong className="small">{field.label}</strong>{picker(field)}</div>)}</div>}
          </Drop>
        )}
        {views && <SavedViews page={views} />}
        {tools && <div className="filter-end">{tools}</div>}
      </div>
      {chips.length > 0 && (
        <ul className="chips plain" aria-label="Filters that are set">
          {chips.map(({ field, value }) => (
            <li key={`${field.name} ${value}`} className="chip">
              <span>{field.flag ? field.label : <><span className="muted">{field.label}</span> {nameOf(field, value)}</>}</span>
              <button type="button" aria-label={`Remove filter ${field.label} ${field.flag ? '' : nameOf(field, value)}`} onClick={() => setFilter(withoutValue(filter, field.name, value))}><Icon name="close" size={12} /></button>
            </li>
          ))}
          {chips.length > 1 && <li><Button tone="quiet" small onPress={() => setFilter(fields.reduce<Filter>((left, field) => withoutValue(left, field.name), filter))}>Clear all</Button></li>}
        </ul>
      )}
    </div>
  )
}
/** A value in a table that narrows the list to itself. */
export function Narrow({ name, value, children }: { name: string; value: string; children: ReactNode }) {
  const { filter, setFilter } = useFilter()
  return <button type="button" className="narrow" title="Show only these" onClick={() => setFilter(withValue(filter, name, value))}>{children}</button>
}

interface View { id: number; name: string; page: string; query: string; shared: boolean; mine: boolean }
const VIEW_TOPICS = ['views'] as const
function SavedViews({ page }: { page: string }) {
  const { path, search } = useLocation()
  const views = useQuery<{ views: View[] }>('/views', { page }, { topics: VIEW_TOPICS })
  const [saving, setSaving] = useState(false)
  const [name, setName] = useState('')
  const [shared, setShared] = useState(false)
  const save = useAction(() => post('/views', { name: name.trim(), page, query: search.toString(), shared }), 'views')
  const list = views.data?.views ?? []
  const current = search.toString()
  return (
    <>
      <MenuButton label="Saved views" icon="bookmark" button="Views" tone="quiet"
        entries={[
          ...list.map(one => ({ id: String(one.id), name: one.name, chosen: one.query === current, ...(one.shared && { help: one.mine ? 'shared by you' : 'shared' }) })),
          { id: 'save', name: 'Save this view …', icon: 'plus' as const },
          ...list.filter(one => one.mine && one.query === current).map(one => ({ id: `remove ${one.id}`, name: `Remove “${one.name}”`, icon: 'trash' as const, danger: true })),
        ]}
        onAction={id => {
          if (id === 'save') setSaving(true)
          else if (id.startsWith('remove ')) void remove(`/views/${id.slice(7)}`).then(() => { invalidate('views'); toast('View removed') }, error => toast(String(error.message), 'bad'))
          else { const view = list.find(one => String(one.id) === id); if (view) go(view.query ? `${path}?${view.query}` : path) }
        }} />
      <Dialog title="Save this view" open={saving} onClose={() => setSaving(false)}>
        <Form onSubmit={() => void save.run().then(done => { if (done !== undefined) { setSaving(false); setName(''); toast('View saved') } })}>
          <TextInput label="Name" value={name} onChange={setName} required autoFocus maxLength={80} help="The filters and the span of time are saved, not what they find." />
          <Check checked={shared} onChange={setShared}>Others may use it</Check>
          <Failure error={save.error} />
          <Buttons>
            <Button onPress={() => setSaving(false)}>Cancel</Button>
            <Button type="submit" tone="primary" busy={save.busy} isDisabled={name.trim() === ''}>Save</Button>
          </Buttons>
        </Form>
      </Dialog>
    </>
  )
}
