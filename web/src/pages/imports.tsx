// SPDX-License-Identifier: Apache-2.0
// Captures and files of events that were brought in, and one more.
import { useEffect } from 'react'
import { invalidate, useQuery } from '../api/query'
import type { Import } from '../api/types'
import { FromFile } from '../components/bring'
import { Progress } from '../components/controls'
import { Badge, Empty, PageHead, Panel, Time, type BadgeTone } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { bytes, number } from '../lib/format'

const TOPICS = ['imports'] as const
const STATES: Record<Import['state'], { name: string; tone: BadgeTone }> = {
  waiting: { name: 'Waiting', tone: 'plain' }, running: { name: 'Being read', tone: 'accent' }, done: { name: 'Done', tone: 'allow' }, failed: { name: 'Failed', tone: 'block' },
}
const COLUMNS: Column<Import>[] = [
  { id: 'name', name: 'File', cell: one => <span className="clip" title={one.name}>{one.name}</span>, sort: one => one.name },
  { id: 'state', name: 'State', cell: one => (one.state === 'running' && one.size > 0 ? <Progress label={`Reading ${one.name}`} part={one.done / one.size} /> : <Badge tone={STATES[one.state].tone}>{STATES[one.state].name}</Badge>), sort: one => one.state },
  { id: 'kind', name: 'Is', cell: one => (one.kind === 'capture' ? 'Capture' : 'Events'), sort: one => one.kind },
  { id: 'size', name: 'Size', cell: one => bytes(one.size), sort: one => one.size, align: 'end' },
  { id: 'events', name: 'Events', cell: one => number(one.events), sort: one => one.events, align: 'end' },
  { id: 'created', name: 'Brought in', cell: one => <Time at={one.created} />, sort: one => one.created },
  { id: 'error', name: 'What went wrong', cell: one => one.error ?? '', wide: true },
]

export default function Imports() {
  const list = useQuery<{ imports: Import[] }>('/imports', {}, { topics: TOPICS })
  const running = list.data?.imports.some(one => one.state === 'waiting' || one.state === 'running') ?? false
  useEffect(() => {
    if (!running) return
    const poll = setInterval(() => invalidate('imports'), 2000) // also without live updates
    return () => clearInterval(poll)
  }, [running])
  return (
    <>
      <PageHead title="Imports" lead="Captures and events that people brought in as files. The server also takes what is put into a watched folder." />
      <FromFile title="Bring in a file" onDone={() => invalidate('imports', 'events')} />
      <Panel title="Brought in so far" flush>
        <DataTable label="Imports" rows={list.data?.imports} columns={COLUMNS} rowKey={one => one.id} loading={list.loading} error={list.error} onRetry={list.reload} empty={<Empty title="Nothing yet">Drop a capture (pcap, pcapng) or a file of events above.</Empty>} />
      </Panel>
    </>
  )
}
