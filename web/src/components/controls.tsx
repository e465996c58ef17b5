// SPDX-License-Identifier: Apache-2.0
// Controls: buttons, fields, menus, dialogs. Their behaviour is React Aria's; the look is style/controls.css.
import { useId, type ReactNode } from 'react'
import { Button as AriaButton, type ButtonProps } from 'react-aria-components/Button'
import { Checkbox as AriaCheckbox } from 'react-aria-components/Checkbox'
import { Dialog as AriaDialog, DialogTrigger } from 'react-aria-components/Dialog'
import { FieldError } from 'react-aria-components/FieldError'
import { Heading } from 'react-aria-components/Heading'
import { Input } from 'react-aria-components/Input'
import { Label } from 'react-aria-components/Label'
import { ListBox, ListBoxItem } from 'react-aria-components/ListBox'
import { Menu as AriaMenu, MenuItem, MenuTrigger } from 'react-aria-components/Menu'
import { Modal as AriaModal, ModalOverlay } from 'react-aria-components/Modal'
import { Popover } from 'react-aria-components/Popover'
import { ProgressBar } from 'react-aria-components/ProgressBar'
import { Select as AriaSelect, SelectValue } from 'react-aria-components/Select'
import { Switch as AriaSwitch } from 'react-aria-components/Switch'
import { Text } from 'react-aria-components/Text'
import { TextArea } from 'react-aria-components/TextArea'
import { TextField } from 'react-aria-components/TextField'
import { Tooltip, TooltipTrigger } from 'react-aria-components/Tooltip'
import type { ApiError } from '../api/client'
import { Link } from '../app/router'
import { Icon, type IconName } from './icon'

export type Tone = 'plain' | 'primary' | 'danger' | 'quiet'

interface OwnButton extends Omit<ButtonProps, 'children' | 'className'> {
  tone?: Tone
  icon?: IconName
  busy?: boolean // it runs: cannot be pressed again, says so
  small?: boolean
  children: ReactNode
}
/* Not React Aria's isPending: what it says while that lasts stays behind as an image without a name (axe: role-img-alt). */
export function Button({ tone = 'plain', icon, busy = false, small = false, children, onPress, type = 'button', ...rest }: OwnButton) {
  return (
    <AriaButton {...rest} type={busy ? 'button' : type} {...(onPress && !busy && { onPress })} className={`button ${tone}${small ? ' small-button' : ''}${busy ? ' busy' : ''}`}>
      {busy ? <span className="spinner" aria-hidden="true" /> : icon && <Icon name={icon} />}
      <span>{children}</span>
      {busy && <span className="hidden-text">, in progress</span>}
    </AriaButton>
  )
}
/** A link that looks like a button: it leads somewhere, it does nothing. */
export function LinkButton({ href, tone = 'plain', icon, download, children }: { href: string; tone?: Tone; icon?: IconName; download?: boolean; children: ReactNode }) {
  const inner = (
    <>
      {icon && <Icon name={icon} />}
      <span>{children}</span>
    </>
  )
  return download ? <a className={`button ${tone}`} href={href} download="">{inner}</a> : <Link className={`button ${tone}`} href={href}>{inner}</Link>
}
export function IconButton({ label, icon, ...rest }: Omit<ButtonProps, 'children' | 'className'> & { label: string; icon: IconName }) {
  return (
    <TooltipTrigger delay={500}>
      <AriaButton {...rest} aria-label={label} className="icon-button"><Icon name={icon} /></AriaButton>
      <Tooltip className="tooltip" offset={6}>{label}</Tooltip>
    </TooltipTrigger>
  )
}

interface Field {
  label: string
  value: string
  onChange: (value: string) => void
  help?: ReactNode
  error?: string | null | undefined
  required?: boolean
  disabled?: boolean
  autoFocus?: boolean
  name?: string
}
interface OneLine extends Field {
  type?: 'text' | 'password' | 'email' | 'number' | 'date' | 'datetime-local' | 'search' | 'url'
  autoComplete?: string
  placeholder?: string
  mono?: boolean
  maxLength?: number
  inputMode?: 'text' | 'numeric' | 'email' | 'search' | 'url'
  hideLabel?: boolean
}
export function TextInput({ label, value, onChange, help, error, required, disabled, autoFocus, type = 'text', autoComplete, placeholder, mono, maxLength, inputMode, name, hideLabel }: OneLine) {
  return (
    <TextField className="field" value={value} onChange={onChange} isRequired={required ?? false} isDisabled={disabled ?? false} isInvalid={!!error} autoFocus={autoFocus ?? false} type={type as 'text'} validationBehavior="aria"
      {...(autoComplete && { autoComplete })} {...(maxLength && { maxLength })} {...(inputMode && { inputMode })} {...(name && { name })} {...(hideLabel && { 'aria-label': label })}>
      {!hideLabel && <Label>{label}{required && <span className="muted" aria-hidden="true"> *</span>}</Label>}
      <Input className={mono ? 'input mono' : 'input'} {...(placeholder && { placeholder })} />
      {help && <Text slot="description" className="help">{help}</Text>}
      <FieldError className="field-error">{error}</FieldError>
    </TextField>
  )
}
export function TextBox({ label, value, onChange, help, error, required, disabled, autoFocus, rows = 4, mono, name }: Field & { rows?: number; mono?: boolean }) {
  return (
    <TextField className="field" value={value} onChange={onChange} isRequired={required ?? false} isDisabled={disabled ?? false} isInvalid={!!error} autoFocus={autoFocus ?? false} validationBehavior="aria" {...(name && { name })}>
      <Label>{label}{required && <span className="muted" aria-hidden="true"> *</span>}</Label>
      <TextArea className={mono ? 'input mono' : 'input'} rows={rows} />
      {help && <Text slot="description" className="help">{help}</Text>}
      <FieldError className="field-error">{error}</FieldError>
    </TextField>
  )
}

export interface Choice { id: string; name: string; help?: string }
export function Select({ label, value, onChange, choices, help, error, disabled, hideLabel, placeholder }: { label: string; value: string | null; onChange: (value: string) => void; choices: readonly Choice[]; help?: ReactNode; error?: string | null; disabled?: boolean; hideLabel?: boolean; placeholder?: string }) {
  return (
    <AriaSelect className="field" selectedKey={value} onSelectionChange={key => key !== null && onChange(String(key))} isDisabled={disabled ?? false} isInvalid={!!error} placeholder={placeholder ?? 'Choose …'} {...(hideLabel && { 'aria-label': label })}>
      {!hideLabel && <Label>{label}</Label>}
      <AriaButton className="input select"><SelectValue /><Icon name="down" /></AriaButton>
      {help && <Text slot="description" className="help">{help}</Text>}
      <FieldError className="field-error">{error}</FieldError>
      <Popover className="popover">
        <ListBox className="listbox">
          {choices.map(one => (
            <ListBoxItem key={one.id} id={one.id} textValue={one.name} className="option">
              <Text slot="label">{one.name}</Text>
              {one.help && <Text slot="description" className="help">{one.help}</Text>}
            </ListBoxItem>
          ))}
        </ListBox>
      </Popover>
    </AriaSelect>
  )
}
export function Check({ checked, onChange, disabled, mixed, children, help }: { checked: boolean; onChange: (checked: boolean) => void; disabled?: boolean; mixed?: boolean; children: ReactNode; help?: ReactNode }) {
  const id = useId()
  return (
    <div className="check-field">
      <AriaCheckbox className="check" isSelected={checked} onChange={onChange} isDisabled={disabled ?? false} isIndeterminate={mixed ?? false} {...(help ? { 'aria-describedby': id } : {})}>
        <span className="check-box" aria-hidden="true"><Icon name={mixed ? 'minus' : 'check'} size={12} /></span>
        <span>{children}</span>
      </AriaCheckbox>
      {help && <span className="help" id={id}>{help}</span>}
    </div>
  )
}
export function Switch({ on, onChange, disabled, children }: { on: boolean; onChange: (on: boolean) => void; disabled?: boolean; children: ReactNode }) {
  return (
    <AriaSwitch className="switch" isSelected={on} onChange={onChange} isDisabled={disabled ?? false}>
      <span className="switch-track" aria-hidden="true"><span /></span>
      <span>{children}</span>
    </AriaSwitch>
  )
}

export interface MenuEntry { id: string; name: string; icon?: IconName; help?: string; danger?: boolean; chosen?: boolean; href?: string; disabled?: boolean }
/** A button that opens a menu. `button`: what it shows; without, three dots. */
export function MenuButton({ label, icon, button, entries, onAction, tone = 'plain' }: { label: string; icon?: IconName; button?: ReactNode; entries: readonly MenuEntry[]; onAction: (id: string) => void; tone?: Tone }) {
  return (
    <MenuTrigger>
      {button === undefined ? <AriaButton aria-label={label} className="icon-button"><Icon name={icon ?? 'more'} /></AriaButton> : (
        <AriaButton aria-label={label} className={`button ${tone}`}>{icon && <Icon name={icon} />}{button}<Icon name="down" size={12} /></AriaButton>
      )}
      <Popover className="popover" placement="bottom end">
        <AriaMenu className="listbox" aria-label={label} onAction={key => onAction(String(key))}>
          {entries.map(one => (
            <MenuItem key={one.id} id={one.id} textValue={one.name} isDisabled={one.disabled ?? false} className={one.danger ? 'option danger' : 'option'} {...(one.href && { href: one.href })}>
              {one.icon && <Icon name={one.icon} />}
              <Text slot="label">{one.name}</Text>
              {one.help && <Text slot="description" className="help">{one.help}</Text>}
              {one.chosen && <span className="option-mark"><Icon name="check" /><span className="hidden-text">chosen</span></span>}
            </MenuItem>
          ))}
        </AriaMenu>
      </Popover>
    </MenuTrigger>
  )
}
/** A button that opens a small box with more than a menu in it. */
export function Drop({ button, icon, label, children, tone = 'plain' }: { button: ReactNode; icon?: IconName; label: string; children: (close: () => void) => ReactNode; tone?: Tone }) {
  return (
    <DialogTrigger>
      <AriaButton className={`button ${tone}`} aria-label={label}>{icon && <Icon name={icon} />}{button}<Icon name="down" size={12} /></AriaButton>
      <Popover className="popover" placement="bottom start">
        <AriaDialog className="drop" aria-label={label}>{({ close }) => children(close)}</AriaDialog>
      </Popover>
    </DialogTrigger>
  )
}

/** A dialog. Escape and the button close it; `sure`: only its own buttons do. */
export function Dialog({ title, open, onClose, wide, sure, children }: { title: string; open: boolean; onClose: () => void; wide?: boolean; sure?: boolean; children: ReactNode }) {
  return (
    <ModalOverlay className="veil" isOpen={open} onOpenChange={next => !next && onClose()} isDismissable={!sure} isKeyboardDismissDisabled={sure ?? false}>
      <AriaModal className={wide ? 'modal wide' : 'modal'}>
        <AriaDialog className="dialog">
          <header className="dialog-head">
            <Heading slot="title" level={2}>{title}</Heading>
            {!sure && <IconButton label="Close" icon="close" onPress={onClose} />}
          </header>
          <div className="dialog-body">{children}</div>
        </AriaDialog>
      </AriaModal>
    </ModalOverlay>
  )
}
/** "Are you sure": says what happens, and does it. */
export function Confirm({ title, open, onClose, onConfirm, act, busy, error, danger, children }: { title: string; open: boolean; onClose: () => void; onConfirm: () => void; act: string; busy?: boolean; error?: ApiError | null; danger?: boolean; children: ReactNode }) {
  return (
    <Dialog title={title} open={open} onClose={onClose}>
      <div className="stack">
        <div>{children}</div>
        <Failure error={error ?? null} />
        <Buttons>
          <Button onPress={onClose}>Cancel</Button>
          <Button tone={danger ? 'danger' : 'primary'} busy={busy ?? false} onPress={onConfirm} autoFocus>{act}</Button>
        </Buttons>
      </div>
    </Dialog>
  )
}
export const Buttons = ({ children }: { children: ReactNode }) => <div className="buttons">{children}</div>

/** A form that sends with Enter; the browser's own bubbles are off: errors stand at their fields. */
export function Form({ onSubmit, children, label }: { onSubmit: () => void; children: ReactNode; label?: string }) {
  return (
    <form noValidate className="stack" aria-label={label} onSubmit={event => { event.preventDefault(); onSubmit() }}>{children}</form>
  )
}
/** What failed, and what to do. With `fields`, an error that belongs to one of them is shown there, not here. */
export function Failure({ error, fields }: { error: ApiError | null; fields?: readonly string[] }) {
  if (error === null || (error.field !== undefined && fields?.includes(error.field))) return null
  return (
    <div className="notice bad" role="alert"><Icon name="warning" /><div><strong>{error.title}.</strong> {error.message}</div></div>
  )
}
/** The words of an error at a field. */
export const fieldError = (error: ApiError | null, field: string) => (error?.field === field ? error.message : null)

export function Progress({ label, part }: { label: string; part: number | null }) {
  return (
    <ProgressBar className="progress" isIndeterminate={part === null} value={Math.round((part ?? 0) * 100)} aria-label={label}>
      {({ percentage }) => (
        <>
          <span className="progress-label"><span>{label}</span>{part !== null && <span>{Math.round(percentage ?? 0)} %</span>}</span>
          <span className="progress-track"><span style={{ inlineSize: part === null ? '35%' : `${percentage ?? 0}%` }} className={part === null ? 'moving' : ''} /></span>
        </>
      )}
    </ProgressBar>
  )
}
