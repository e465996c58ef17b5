// SPDX-License-Identifier: Apache-2.0
// Bring in data: a capture or a file of events from this machine, the bundled example, or a sensor that sends. Ends on
// the overview with data on it.
import { useState } from 'react'
import { post } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { Sensor } from '../api/types'
import { go } from '../app/router'
import { homeOf } from '../app/routes'
import { useCan } from '../app/session'
import { Enrolled, FromFile, type Bundle } from '../components/bring'
import { Button, Buttons, Failure, Form, Select, TextInput } from '../components/controls'
import { Grid, PageHead, Panel } from '../components/page'

export default function BringData() {
  const can = useCan()
  return (
    <>
      <PageHead title="Bring in data" lead="The console shows what sensors send, and what is brought in as a file. One of these is enough to begin." actions={<Button tone="quiet" onPress={() => go(homeOf(can))}>Not now</Button>} />
      <Grid>
        <FromFile />
        {can('sensor:write') && <FromSensor />}
      </Grid>
    </>
  )
}

function FromSensor() {
  const [name, setName] = useState('')
  const [kind, setKind] = useState('sensor')
  const [made, setMade] = useState<(Bundle) | null>(null)
  const enrol = useAction(() => post<Bundle>('/sensors', { name: name.trim(), kind }), 'sensors')
  const list = useQuery<{ sensors: Sensor[] }>(made ? '/sensors' : null, {}, { topics: ['sensors'] })
  const connected = made !== null && list.data?.sensors.some(one => one.id === made.id && one.connected)
  return (
    <Panel title="A sensor" note="imward watch or imward gateway on another machine sends what it sees, over a connection that both sides prove themselves on.">
      {made === null ? (
        <Form label="Enrol a sensor" onSubmit={() => void enrol.run().then(one => one && setMade(one))}>
          <div className="row">
            <TextInput label="Name of the sensor" value={name} onChange={setName} required maxLength={63} placeholder="hq-1" />
            <Select label="Kind" value={kind} onChange={setKind} choices={[{ id: 'sensor', name: 'Sensor', help: 'sees a copy of the traffic' }, { id: 'gateway', name: 'Gateway', help: 'the traffic passes through it' }]} />
          </div>
          <Failure error={enrol.error} />
          <Buttons><Button type="submit" busy={enrol.busy} isDisabled={name.trim() === ''}>Enrol it</Button></Buttons>
        </Form>
      ) : <Enrolled made={made} connected={connected ?? false} />}
    </Panel>
  )
}
