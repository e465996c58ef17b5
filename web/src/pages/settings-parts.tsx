// SPDX-License-Identifier: Apache-2.0
// What the parts of the settings are made of: a form with its button, numbers, secrets.
import type { ReactNode } from 'react'
import { patch } from '../api/client'
import { useAction } from '../api/query'
import type { Settings } from '../api/types'
import { toast } from '../app/announce'
import { Button, Buttons, Failure, fieldError, Form, TextInput } from '../components/controls'
import { Panel } from '../components/page'
import { number } from '../lib/format'

export function useSave() {
  return useAction(async (what: Record<string, unknown>) => { await patch<Settings>('/settings', what); return true }, 'settings')
}
export type Save = ReturnType<typeof useSave>
export const settingError = (save: Save, name: string) => fieldError(save.error, name)

/** A form around some settings, with its button. */
export function Part({ title, note, save, what, fields, fixed, ready = true, more, children }: { title: string; note?: string; save: Save; what: () => Record<string, unknown>; fields: string[]; fixed: boolean; ready?: boolean; more?: ReactNode; children: ReactNode }) {
  return (
    <Panel title={title} {...(note && { note })}>
      <div className="form-narrow">
        <Form label={title} onSubmit={() => { if (ready && !fixed) void save.run(what()).then(done => done && toast(`${title}: saved`)) }}>
          {children}
          <Failure error={save.error} fields={fields} />
          {!fixed && <Buttons>{more}<Button type="submit" tone="primary" busy={save.busy} isDisabled={!ready}>Save</Button></Buttons>}
        </Form>
      </div>
    </Panel>
  )
}
export function NumberInput({ label, value, onChange, unit, min, max, help, disabled, error: wrong }: { label: string; value: string; onChange: (value: string) => void; unit: string; min: number; max: number; help?: string; disabled: boolean; error: string | null }) {
  const bad = value !== '' && !(Number(value) >= min && Number(value) <= max) ? `From ${number(min)} to ${number(max)}` : null
  return <TextInput label={`${label} (${unit})`} value={value} onChange={text => onChange(text.replace(/\D/g, ''))} inputMode="numeric" required disabled={disabled} maxLength={5} {...(help && { help })} error={bad ?? wrong} />
}
export const within = (value: string, min: number, max: number) => value !== '' && Number(value) >= min && Number(value) <= max

/** A secret is never shown: kept as it is, changed, or removed. */
export function Secret({ label, has, value, onChange, disabled, error: wrong }: { label: string; has: boolean; value: string | null | undefined; onChange: (value: string | null | undefined) => void; disabled: boolean; error: string | null }) {
  return (
    <div className="row">
      <TextInput label={label} type="password" value={value ?? ''} onChange={text => onChange(text === '' ? undefined : text)} disabled={disabled} autoComplete="new-password" error={wrong}
        help={value === null ? 'Will be removed when you save.' : has ? 'There is one. Empty: it stays as it is. Kept sealed; nobody sees it again.' : 'Kept sealed; nobody sees it again.'} />
      {has && !disabled && <Button onPress={() => onChange(value === null ? undefined : null)}>{value === null ? 'Keep it' : 'Remove it'}</Button>}
    </div>
  )
}
