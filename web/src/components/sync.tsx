// SPDX-License-Identifier: Apache-2.0
// What a list of people would change, or changed: of a CSV file, or of the directory.
import { useState } from 'react'
import { post } from '../api/client'
import { useAction } from '../api/query'
import type { Synced } from '../api/types'
import { toast } from '../app/announce'
import { number, plural } from '../lib/format'
import { Button, Buttons, Check, Dialog, Failure, Progress } from './controls'
import { Notice, Tile, Tiles } from './page'

export function SyncNumbers({ of, dry }: { of: Synced; dry: boolean }) {
  return (
    <Tiles label={dry ? 'People, as they would be' : 'People, as they are now'}>
      <Tile name={dry ? 'Would be added' : 'Added'} value={number(of.added)} />
      <Tile name={dry ? 'Would change' : 'Changed'} value={number(of.changed)} />
      <Tile name={dry ? 'Would have left' : 'Left'} value={number(of.left)} />
      <Tile name="As they were" value={number(of.unchanged)} />
    </Tiles>
  )
}
export function Force({ left, checked, onChange }: { left: number; checked: boolean; onChange: (on: boolean) => void }) {
  return (
    <>
      <Notice tone="warn">{plural(left, 'person', 'people')} would have left: their aliases end, their accounts are disabled. Is the list complete?</Notice>
      <Check checked={checked} onChange={onChange}>Yes, also if that is more than a fifth of all</Check>
    </>
  )
}

/** Read the directory (LDAP) now: first only to see what would change. */
export function SyncNow({ onClose }: { onClose: () => void }) {
  const [would, setWould] = useState<Synced | null>(null)
  const [force, setForce] = useState(false)
  const look = useAction(() => post<Synced>('/people/sync', undefined, { dry: true }))
  const run = useAction(() => post<Synced>('/people/sync', undefined, force ? { force: true } : {}), 'people')
  const finish = (done: Synced | undefined) => { if (done) { toast(`Directory read: ${number(done.added)} added, ${number(done.changed)} changed, ${number(done.left)} left`); onClose() } }
  return (
    <Dialog title="Read the directory now" open onClose={onClose} sure={look.busy || run.busy}>
      <div className="stack">
        {look.busy ? <Progress label="Asking the directory what would change" part={null} /> : run.busy ? <Progress label="Reading the directory" part={null} /> : would === null ? (
          <p>The people, departments and managers of the directory are taken over. See what would change first: nothing is changed by that.</p>
        ) : <SyncNumbers of={would} dry />}
        {would !== null && would.left > 0 && !run.busy && <Force left={would.left} checked={force} onChange={setForce} />}
        <Failure error={look.error} /><Failure error={run.error} />
        <Buttons>
          <Button isDisabled={look.busy || run.busy} onPress={onClose}>Cancel</Button>
          {would === null ? <Button tone="primary" busy={look.busy} onPress={() => void look.run().then(done => done && setWould(done))}>See what would change</Button>
            : <Button tone="primary" busy={run.busy} onPress={() => void run.run().then(finish)}>Take it over</Button>}
        </Buttons>
      </div>
    </Dialog>
  )
}
