// SPDX-License-Identifier: Apache-2.0
// How data comes in: a file from this machine, and what a new sensor is given.
import { useEffect, useState } from 'react'
import { Button as AriaButton } from 'react-aria-components/Button'
import { DropZone } from 'react-aria-components/DropZone'
import { FileTrigger } from 'react-aria-components/FileTrigger'
import { Text } from 'react-aria-components/Text'
import { ApiError, get, unreachable, upload } from '../api/client'
import { invalidate, useAction, useQuery } from '../api/query'
import type { EventPage, Import, Sensor } from '../api/types'
import { announce } from '../app/announce'
import { go } from '../app/router'
import { useCan } from '../app/session'
import { rangeAround } from '../lib/filter'
import { bytes, number } from '../lib/format'
import { Button, Buttons, Failure, Progress } from './controls'
import { CopyText, saveText } from './copy'
import { Icon } from './icon'
import { Notice, Panel } from './page'

const IMPORTS = ['imports'] as const
export type Bundle = Sensor & { bundle: string; command: string }

type Stage = { at: 'idle' } | { at: 'sending'; part: number; name: string } | { at: 'reading'; id: number } | { at: 'failed'; error: ApiError }
/** A capture or events from this machine: sent, read, and what came of it. */
export function FromFile({ title = 'A file', onDone }: { title?: string; onDone?: () => void }) {
  const can = useCan()
  const [stage, setStage] = useState<Stage>({ at: 'idle' })
  const reading = stage.at === 'reading'
  const now = useQuery<Import>(reading ? `/imports/${stage.id}` : null, {}, { topics: IMPORTS })
  const send = async (file: Blob, name: string) => {
    setStage({ at: 'sending', part: 0, name })
    try {
      const made = await upload<Import>('/imports', file, { name }, part => setStage({ at: 'sending', part, name }))
      setStage({ at: 'reading', id: made.id })
      announce(`${name} is being read`)
      invalidate('imports')
    } catch (error) {
      setStage({ at: 'failed', error: error instanceof ApiError ? error : unreachable() })
    }
  }
  const ended = now.data?.state === 'done' || now.data?.state === 'failed'
  useEffect(() => {
    if (!reading || ended) return
    const poll = setInterval(() => invalidate('imports'), 1000) // also without live updates
    return () => clearInterval(poll)
  }, [reading, ended])
  useEffect(() => {
    if (ended) onDone?.()
  }, [ended])
  const example = useAction(async () => {
    const answer = await fetch('/example.pcap')
    if (!answer.ok || (answer.headers.get('Content-Type') ?? '').includes('html')) throw new ApiError(404, 'No example', 'The bundled capture is not on this server: bring in one of your own.')
    await send(await answer.blob(), 'example.pcap')
  })
  const show = useAction(async () => {
    invalidate('events')
    const last = await get<EventPage>('/events', { limit: 1, range: '..' })
    const at = last.events[0]?.time
    go(at !== undefined && Date.now() - Date.parse(at) > 7 * 86_400_000 ? `/?range=${rangeAround(at)}` : '/')
  })
  const done = now.data?.state === 'done'
  const failed = now.data?.state === 'failed'
  return (
    <Panel title={title} note="A capture (pcap, pcapng) or events of a sensor (EVE, JSON lines); up to 2 GiB.">
      <div className="stack">
        {(stage.at === 'idle' || stage.at === 'failed' || failed) && (
          <>
            <DropZone className="drop-zone" getDropOperation={() => 'copy'} onDrop={event => {
              const item = event.items.find(one => one.kind === 'file')
              if (item?.kind === 'file') void item.getFile().then(file => send(file, file.name))
            }}>
              <Icon name="import" size={28} />
              <Text slot="label">Drop a file here</Text>
              <FileTrigger onSelect={list => { const file = list?.[0]; if (file) void send(file, file.name) }}>
                <AriaButton className="button primary">Choose a file …</AriaButton>
              </FileTrigger>
            </DropZone>
            <div className="row center"><span className="muted">Nothing at hand?</span><Button busy={example.busy} onPress={() => void example.run()}>Take the bundled example</Button></div>
          </>
        )}
        {stage.at === 'sending' && <Progress label={`Sending ${stage.name}`} part={stage.part} />}
        {reading && !done && !failed && <Progress label={now.data?.state === 'running' ? `Reading ${now.data.name}: ${number(now.data.events)} events` : 'Waiting for its turn'} part={now.data && now.data.size > 0 && now.data.state === 'running' ? now.data.done / now.data.size : null} />}
        {stage.at === 'failed' && <Failure error={stage.error} />}
        <Failure error={example.error} />
        {failed && <Notice tone="bad">{now.data?.name} could not be read: {now.data?.error ?? 'no reason was told'}. Choose another file.</Notice>}
        {done && now.data && (
          <>
            <Notice tone="good">{now.data.name} ({bytes(now.data.size)}) gave {number(now.data.events)} events{now.data.events === 0 ? ': there is no use of a messaging service in it. Choose another file, or connect a sensor.' : '.'}</Notice>
            <Buttons>
              <Button onPress={() => setStage({ at: 'idle' })}>Another file</Button>
              {can('usage:read') && now.data.events > 0 && <Button tone="primary" busy={show.busy} onPress={() => void show.run()}>Show the overview</Button>}
            </Buttons>
            {!can('usage:read') && <Notice>Your roles do not show the overview. Whoever has the role engineer or compliance sees it: give it to an account, also to your own.</Notice>}
          </>
        )}
      </div>
    </Panel>
  )
}

/** What a sensor is given; shown once. */
export function Enrolled({ made, connected, onEnd }: { made: Bundle; connected: boolean; onEnd?: () => void }) {
  const save = () => saveText(`${made.name}.pem`, made.bundle, 'application/x-pem-file')
  // The server does not know by which name it is reached; this browser does.
  const command = made.command.replace('CONSOLE:', `${location.hostname}:`)
  return (
    <div className="stack">
      <ol className="steps">
        <li>Save its certificate and key. They are shown this once, and nobody keeps the key.<Buttons><Button icon="export" onPress={save}>{`Save ${made.name}.pem`}</Button></Buttons></li>
        <li>Bring the file to the sensor, readable by it alone, and start it there:<CopyText text={command} what="the command" /><p className="muted small">Put in the interface that sees the traffic, and the name of this server where the sensor knows it by another.</p></li>
        <li>{connected ? <Notice tone="good">{made.name} is connected.</Notice> : <Progress label={`Waiting for ${made.name} to connect`} part={null} />}</li>
      </ol>
      {onEnd ? <Buttons><Button tone={connected ? 'primary' : 'plain'} onPress={onEnd}>{connected ? 'Done' : 'Close; I have saved it'}</Button></Buttons> : connected && <Buttons><Button tone="primary" onPress={() => go('/')}>Show the overview</Button></Buttons>}
    </div>
  )
}
