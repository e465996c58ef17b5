// SPDX-License-Identifier: Apache-2.0
// Approved channels: naming one, and bringing in its counts.
import { useState } from 'react'
import { Button as AriaButton } from 'react-aria-components/Button'
import { DropZone } from 'react-aria-components/DropZone'
import { FileTrigger } from 'react-aria-components/FileTrigger'
import { Text } from 'react-aria-components/Text'
import { post, upload } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { ApprovedResult, CatalogRow, Channel } from '../api/types'
import { announce, toast } from '../app/announce'
import { number, plural } from '../lib/format'
import { Button, Buttons, Dialog, Failure, fieldError, Form, Select, TextBox, TextInput } from './controls'
import { Icon } from './icon'
import { Facts, Notice } from './page'

export function AddChannel({ onClose }: { onClose: (made: boolean) => void }) {
  const [name, setName] = useState('')
  const [note, setNote] = useState('')
  const [service, setService] = useState('none')
  const catalog = useQuery<{ services: CatalogRow[] }>('/catalog')
  const act = useAction(() => post<Channel>('/signals/channels', { name: name.trim(), note: note.trim(), ...(service !== 'none' && { service }) }), 'signals')
  return (
    <Dialog title="Name an approved channel" open onClose={() => onClose(false)}>
      <Form onSubmit={() => void act.run().then(made => { if (made) { toast('Named'); onClose(true) } })}>
        <TextInput label="Name" value={name} onChange={setName} required autoFocus maxLength={80} help="As people call it: “Teams”, “Bloomberg chat”, “E-mail archive”" error={fieldError(act.error, 'name')} />
        <TextBox label="Note" value={note} onChange={setNote} rows={2} help="Where its counts come from, and how often" error={fieldError(act.error, 'note')} />
        <Select label="Service on the network" value={service} onChange={setService} choices={[{ id: 'none', name: 'None of the catalog' }, ...(catalog.data?.services ?? []).map(one => ({ id: one.service, name: one.name }))]} help="What is approved here is no public IM when it is seen" error={fieldError(act.error, 'service')} />
        <Failure error={act.error} fields={['name', 'note', 'service']} />
        <Buttons><Button onPress={() => onClose(false)}>Cancel</Button><Button tone="primary" type="submit" busy={act.busy} isDisabled={name.trim().length < 2}>Name it</Button></Buttons>
      </Form>
    </Dialog>
  )
}

export function BringCounts({ channels, onClose }: { channels: readonly Channel[]; onClose: () => void }) {
  const [channel, setChannel] = useState(String(channels[0]?.id ?? ''))
  const [file, setFile] = useState<File | null>(null)
  const send = useAction(async () => {
    const done = await upload<ApprovedResult>(`/signals/channels/${channel}/import`, file ?? new Blob(), { name: file?.name ?? '' })
    announce(`${plural(done.import.days, 'day')} brought in`)
    return done
  }, 'signals')
  const [done, setDone] = useState<ApprovedResult | null>(null)
  return (
    <Dialog title="Bring in counts" open onClose={onClose}>
      {done ? <Result of={done} onClose={onClose} /> : (
        <Form onSubmit={() => void send.run().then(result => result && setDone(result))}>
          <Select label="Channel" value={channel} onChange={setChannel} choices={channels.map(one => ({ id: String(one.id), name: one.name, ...(one.last && { help: `up to ${one.last}` }) }))} />
          <DropZone className="drop-zone" getDropOperation={() => 'copy'} onDrop={event => {
            const item = event.items.find(one => one.kind === 'file')
            if (item?.kind === 'file') void item.getFile().then(setFile)
          }}>
            <Icon name="import" size={28} />
            <Text slot="label">{file ? file.name : 'Drop a CSV file here'}</Text>
            <FileTrigger acceptedFileTypes={['.csv', 'text/csv']} onSelect={list => setFile(list?.[0] ?? null)}>
              <AriaButton className="button">{file ? 'Another file …' : 'Choose a file …'}</AriaButton>
            </FileTrigger>
          </DropZone>
          <p className="small muted">Its first line is <code>day,person,messages</code>; a person is a login, an e-mail address or a staff number. The days that are in it are replaced. It counts, and holds no texts.</p>
          <Failure error={send.error} />
          <Buttons><Button onPress={onClose}>Cancel</Button><Button tone="primary" type="submit" busy={send.busy} isDisabled={file === null || channel === ''}>Bring in</Button></Buttons>
        </Form>
      )}
    </Dialog>
  )
}

function Result({ of, onClose }: { of: ApprovedResult; onClose: () => void }) {
  const one = of.import
  return (
    <div className="stack">
      <Notice tone={one.unknown + one.refused > 0 ? 'warn' : 'good'}>{`${plural(one.days, 'day')} with ${plural(one.messages, 'message')} of up to ${plural(one.people, 'person', 'people')} a day were brought in. Signals are judged anew within a minute.`}</Notice>
      <Facts of={[['Days', one.first === one.last ? one.first : `${one.first} – ${one.last}`], ['Replaced', one.replaced > 0 && plural(one.replaced, 'day')], ['Not in the directory', one.unknown > 0 && plural(one.unknown, 'person', 'people')], ['Lines left out', one.refused > 0 && number(one.refused)]]} />
      {of.problems.length > 0 && <ul className="small plain" aria-label="Problems">{of.problems.map((problem, i) => <li key={i}>{problem.line > 0 && <span className="muted">Line {number(problem.line)}: </span>}{problem.text}</li>)}</ul>}
      <Buttons><Button tone="primary" onPress={onClose}>Close</Button></Buttons>
    </div>
  )
}
