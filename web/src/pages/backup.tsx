// SPDX-License-Identifier: Apache-2.0
// Backup and restore: commands to run on the server, with what they do. The console itself cannot take the data away.
import { useState } from 'react'
import { Check, Select, TextInput } from '../components/controls'
import { CopyText } from '../components/copy'
import { Grid, Notice, PageHead, Panel } from '../components/page'
import { day } from '../lib/format'
import { shellWord } from '../lib/settings'

export default function Backup() {
  const [data, setData] = useState('/var/lib/imward')
  const [database, setDatabase] = useState('sqlite')
  const [url, setUrl] = useState('postgresql://imward@/imward')
  const [folder, setFolder] = useState('/backup')
  const [keys, setKeys] = useState(false)
  const file = `${folder.replace(/\/+$/, '')}/imward-${day(new Date().toISOString())}${keys ? '-keys' : ''}`
  const from = `--data ${shellWord(data)}${database === 'postgresql' ? ` --database ${shellWord(url)}` : ''}`
  return (
    <>
      <PageHead title="Backup" lead="One command makes a backup while the console runs; another one brings it back. They run on the server: nobody can take the data away through a browser." />
      <Grid>
        <Panel title="Where things are">
          <div className="stack">
            <TextInput label="Data of the console" value={data} onChange={setData} mono help="What imward serve has as --data." />
            <Select label="Database" value={database} onChange={setDatabase} choices={[{ id: 'sqlite', name: 'SQLite', help: 'in the folder above; the usual one' }, { id: 'postgresql', name: 'PostgreSQL' }]} />
            {database === 'postgresql' && <TextInput label="Address of the database" value={url} onChange={setUrl} mono help="What imward serve has as --database." />}
            <TextInput label="Folder for backups" value={folder} onChange={setFolder} mono help="On an encrypted disk, another one than the data’s." />
            <Check checked={keys} onChange={setKeys} help="Make one with the keys and keep it where you keep keys; the daily ones without.">With the keys</Check>
          </div>
        </Panel>
        <Panel title="The commands" note="As the user that the console runs as.">
          <ol className="steps">
            <li><strong>Back up.</strong> One moment of all of it; the console goes on meanwhile.<CopyText text={`imward backup ${from} -o ${shellWord(file)}${keys ? ' --with-keys' : ''}`} what="the command to back up" /></li>
            <li><strong>Check.</strong> Reads all of it and changes nothing. A backup that nobody has checked is a hope.<CopyText text={`imward restore ${shellWord(file)} --check`} what="the command to check" /></li>
            <li><strong>Restore.</strong> Into an empty place only, all or nothing. Then start imward serve with it.<CopyText text={`imward restore ${shellWord(file)} --data ${shellWord(`${data.replace(/\/+$/, '')}-new`)}${database === 'postgresql' ? ` --database ${shellWord(`${url}_new`)}` : ''}`} what="the command to restore" /></li>
          </ol>
        </Panel>
      </Grid>
      <Panel title="What to know">
        <div className="stack prose">
          <p><strong>In it</strong> are people, accounts, the audit trail, events with their lines, incidents, policies and settings. <strong>Not in it</strong> are files that wait to be read, the vault, and what sensors keep themselves.</p>
          {keys ? <Notice tone="warn">With the keys, whoever has the file can open all that is sealed: second factors, passwords of the settings, the vault. Keep it under lock, apart from the others.</Notice>
            : <Notice>Without the keys, second factors and sealed settings must be set anew after a restore, and the audit trail goes on under another key. What was signed before is still proved by the old public key: keep DIR/keys/audit.pub.</Notice>}
          <p><strong>Retention.</strong> What the console removes when it is too old stays in backups made before. Keep them no longer than the data may be kept.</p>
          <p><strong>Every night</strong>, by cron or a systemd timer: the first command, then the second, and a message to somebody where one of them fails.</p>
        </div>
      </Panel>
    </>
  )
}
