// SPDX-License-Identifier: Apache-2.0
// The audit trail: who did what, and whether all of it is still there as it was written.
import { useState } from 'react'
import { post } from '../api/client'
import { useAction, usePages, useQuery } from '../api/query'
import type { AuditCheck, AuditRecord, AuditState } from '../api/types'
import { Button, Dialog, Failure, LinkButton, Progress } from '../components/controls'
import { CopyText } from '../components/copy'
import { FilterBar, Narrow, useFilter } from '../components/filter-bar'
import { Empty, Facts, Grid, Loaded, Notice, PageHead, Panel, Time } from '../components/page'
import { DataTable, type Column } from '../components/table'
import { number, plural, time } from '../lib/format'
import { actWord, brief } from '../lib/acts'

const TOPICS = ['audit'] as const
interface Page { records: AuditRecord[]; cursor: string | null }
export default function Audit() {
  const { filter } = useFilter()
  const [shown, setShown] = useState<AuditRecord | null>(null)
  const list = usePages<AuditRecord, Page>('/audit', { actor: filter['actor']?.[0], act: filter['act']?.[0], object: filter['object']?.[0], q: filter['q']?.[0], limit: 100 }, page => page.records, { topics: TOPICS, hold: true, keep: true })
  const columns: Column<AuditRecord>[] = [
    { id: 'seq', name: 'Number', cell: one => <button type="button" className="narrow" aria-label={`Record ${one.seq} in full`} onClick={() => setShown(one)}><span className="mono">{one.seq}</span></button>, align: 'end', always: true },
    { id: 'time', name: 'When', cell: one => <Time at={one.time} full /> },
    { id: 'actor', name: 'Who', cell: one => <Narrow name="actor" value={one.actor}>{one.actor}</Narrow> },
    { id: 'act', name: 'Did', cell: one => <Narrow name="act" value={one.act}>{actWord(one.act)}</Narrow> },
    { id: 'object', name: 'To what', cell: one => <Narrow name="object" value={one.object}>{one.object}</Narrow> },
    { id: 'detail', name: 'In short', cell: one => <span className="muted small">{brief(one)}</span>, wide: true },
    { id: 'address', name: 'From', cell: one => <span className="mono">{one.address ?? ''}</span> },
  ]
  return (
    <>
      <PageHead title="Audit trail" lead="Every act of every person and of the system, each record chained to the one before." actions={<LinkButton href="/api/v1/audit/export" icon="export" download>Export all of it</LinkButton>} />
      <State />
      <FilterBar range={false} search="Search the trail" fields={[{ name: 'actor', label: 'Who', single: true }, { name: 'act', label: 'Act', single: true, show: actWord }, { name: 'object', label: 'Object', single: true }]}
        tools={<Button tone="quiet" icon="refresh" busy={list.busy} onPress={list.reload}>Newest</Button>} />
      <Panel flush>
        <DataTable label="Audit trail" rows={list.loading ? undefined : list.rows} columns={columns} rowKey={one => one.seq} choose="audit" loading={list.loading} error={list.error} onRetry={list.reload} dense
          foot={`${plural(list.rows.length, 'record')} shown`} more={list.cursor !== null ? list.more : null} moreBusy={list.busy && !list.loading} moreName="Earlier ones"
          empty={<Empty title="No record fits">Take a filter away: nothing is ever removed from the trail by hand.</Empty>} />
      </Panel>
      {shown && (
        <Dialog title={`Record ${number(shown.seq)}`} open onClose={() => setShown(null)} wide>
          <div className="stack">
            <Facts of={[['When', <span className="mono">{shown.time}</span>], ['Here that is', time(shown.time)], ['Who', shown.actor], ['From', shown.address && <span className="mono">{shown.address}</span>], ['Act', <>{actWord(shown.act)} <code>{shown.act}</code></>], ['Object', shown.object]]} />
            {shown.detail !== null && <pre className="code" tabIndex={0} aria-label="Detail">{JSON.stringify(shown.detail, null, 2)}</pre>}
          </div>
        </Dialog>
      )}
    </>
  )
}

function State() {
  const state = useQuery<AuditState>('/audit/state', {}, { topics: TOPICS })
  const verify = useAction(() => post<AuditCheck>('/audit/verify'), 'audit')
  const [result, setResult] = useState<AuditCheck | null>(null)
  return (
    <Grid>
      <Panel title="Is it whole?" note="Reads every record and every signature.">
        <div className="stack">
          {verify.busy ? <Progress label="Checking the trail" part={null} /> : result === null ? <p className="muted">Not checked since this page was opened.</p> : result.whole ? (
            <Notice tone="good">Whole: {plural(result.records, 'record')}, {plural(result.checkpoints, 'signed checkpoint')}{result.unsigned > 0 ? `; the last ${plural(result.unsigned, 'record')} wait${result.unsigned === 1 ? 's' : ''} for the next one` : ''}.</Notice>
          ) : <Notice tone="bad"><strong>Not whole.</strong> {result.wrong}. Keep the database as it is, and compare with the newest export or backup: from this record on, somebody changed what was written.</Notice>}
          <Failure error={verify.error} />
          <div className="panel-foot no-print"><Button icon="audit" busy={verify.busy} onPress={() => void verify.run().then(done => { if (done) { setResult(done); state.reload() } })}>Verify now</Button></div>
        </div>
      </Panel>
      <Panel title="Checkpoints" note="Every few minutes the trail is signed. With the public key, anybody can check an export: imward evidence verify.">
        <Loaded of={state}>
          {now => (
            <>
              <Facts of={[['Records', number(now.records)], ['Checkpoints', number(now.checkpoints)], ['The last', now.last_checkpoint ? <Time at={now.last_checkpoint} full /> : 'none yet'], ['Behind it', plural(now.unsigned, 'record')]]} />
              {now.key && <><p className="muted small">Public key</p><CopyText text={now.key} what="the public key" /></>}
            </>
          )}
        </Loaded>
      </Panel>
    </Grid>
  )
}
