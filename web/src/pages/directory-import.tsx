// SPDX-License-Identifier: Apache-2.0
// People from a CSV file: first what would change and which lines are not understood, then, if that is right, for good.
import { useState } from 'react'
import { Button as AriaButton } from 'react-aria-components/Button'
import { DropZone } from 'react-aria-components/DropZone'
import { FileTrigger } from 'react-aria-components/FileTrigger'
import { Text } from 'react-aria-components/Text'
import { upload } from '../api/client'
import { useAction } from '../api/query'
import type { Synced } from '../api/types'
import { toast } from '../app/announce'
import { go } from '../app/router'
import { Button, Buttons, Failure, Progress } from '../components/controls'
import { saveText } from '../components/copy'
import { Icon } from '../components/icon'
import { Notice, PageHead, Panel } from '../components/page'
import { Force, SyncNumbers } from '../components/sync'
import { number, plural } from '../lib/format'

const EXAMPLE = 'number,name,email,title,department,manager,login,host,address\n1017,Anna Adler,anna.adler@bank.example,head,Compliance,,anna,desk-17,10.20.0.17\n1018,Bert Baumann,bert.baumann@bank.example,trader,Treasury,1017,bert;bbaumann,desk-18,10.20.0.18\n'

export default function DirectoryImport() {
  const [file, setFile] = useState<File | null>(null)
  const [would, setWould] = useState<Synced | null>(null)
  const [part, setPart] = useState(0)
  const [force, setForce] = useState(false)
  const send = (one: File, query: Record<string, boolean>) => upload<Synced>('/people/import', new Blob([one], { type: 'text/csv' }), { ...query, name: one.name }, setPart)
  const look = useAction((one: File) => send(one, { dry: true }))
  const take = useAction(() => send(file as File, force ? { force } : {}), 'people')
  const choose = (one: File) => {
    setFile(one); setWould(null); setForce(false); setPart(0); take.clear()
    void look.run(one).then(done => done && setWould(done))
  }
  const problems = would?.problems ?? []
  return (
    <>
      <PageHead title="People from a CSV file" back={{ href: '/directory', name: 'Directory' }} lead="The file is the whole list: whoever came from a file before and is not in this one has left." />
      <Panel title="The file" note="The first line names the columns, in any order. Several logins or addresses in one field stand apart by a semicolon."
        actions={<Button small tone="quiet" icon="export" onPress={() => saveText('people.csv', EXAMPLE, 'text/csv')}>An example</Button>}>
        <div className="stack">
          <DropZone className="drop-zone" getDropOperation={() => 'copy'} onDrop={event => {
            const item = event.items.find(one => one.kind === 'file')
            if (item?.kind === 'file') void item.getFile().then(choose)
          }}>
            <Icon name="import" size={28} />
            <Text slot="label">{file ? file.name : 'Drop a CSV file here'}</Text>
            <FileTrigger acceptedFileTypes={['.csv', 'text/csv', 'text/plain']} onSelect={list => { const one = list?.[0]; if (one) choose(one) }}>
              <AriaButton className={file ? 'button' : 'button primary'}>{file ? 'Choose another …' : 'Choose a file …'}</AriaButton>
            </FileTrigger>
          </DropZone>
          {look.busy && <Progress label="Looking at what would change" part={part < 1 ? part : null} />}
          <Failure error={look.error} />
        </div>
      </Panel>
      {would !== null && (
        <Panel title="What would change" note="Nothing has been changed yet.">
          <div className="stack">
            <SyncNumbers of={would} dry />
            {problems.length > 0 && (
              <>
                <Notice tone="warn">{plural(problems.length, 'problem')}{problems.length >= 100 ? ', and maybe more' : ''}. Correct the file and choose it again; a file with a line that cannot be taken is refused as a whole.</Notice>
                <ul className="lines plain" aria-label="Problems by line" tabIndex={0}>{problems.map((one, i) => <li key={i}><span className="muted">{one.line > 0 ? `Line ${number(one.line)}` : 'File'}</span><span>{one.text}</span></li>)}</ul>
              </>
            )}
            {would.left > 0 && <Force left={would.left} checked={force} onChange={setForce} />}
            {take.busy && <Progress label="Taking it over" part={part < 1 ? part : null} />}
            <Failure error={take.error} />
            <Buttons>
              <Button onPress={() => go('/directory')}>Cancel</Button>
              <Button tone="primary" busy={take.busy} onPress={() => void take.run().then(done => { if (done) { toast(`${number(done.added)} added, ${number(done.changed)} changed, ${number(done.left)} left`); go('/directory') } })}>Take it over</Button>
            </Buttons>
          </div>
        </Panel>
      )}
    </>
  )
}
