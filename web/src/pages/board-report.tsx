// SPDX-License-Identifier: Apache-2.0
// The board report: one page for each quarter. Compliance writes what the board is to know and decide, somebody else
// signs it off, and the page is drawn from the quarter's figures.
import { useState } from 'react'
import { post, put } from '../api/client'
import { useAction, useQuery } from '../api/query'
import type { BoardReport } from '../api/types'
import { useCan } from '../app/session'
import { Button, Buttons, Confirm, Failure, Form, LinkButton, Select, TextBox, fieldError } from '../components/controls'
import { Badge, Empty, Facts, Loaded, Notice, PageHead, Panel, Time } from '../components/page'
import { number } from '../lib/format'

const MOST = 2400 // octets that fit on the page
const octets = (text: string) => new TextEncoder().encode(text).length

/** The quarter that goes on and those before it, newest first: "2026-Q4". */
export function quartersOf(now: Date, count = 8): string[] {
  const newest = now.getUTCFullYear() * 4 + Math.floor(now.getUTCMonth() / 3)
  return Array.from({ length: count }, (_, back) => `${Math.floor((newest - back) / 4)}-Q${((newest - back) % 4) + 1}`)
}
const MONTHS = ['January to March', 'April to June', 'July to September', 'October to December']
const nameOf = (quarter: string) => `${MONTHS[Number(quarter.slice(6)) - 1]} ${quarter.slice(0, 4)}`

export default function BoardReportPage() {
  const quarters = quartersOf(new Date())
  const [quarter, setQuarter] = useState(quarters[1] ?? '')
  const report = useQuery<BoardReport>('/reports/board', { quarter })
  return (
    <>
      <PageHead title="Board report" lead="One page a quarter: the institution’s position on instant messaging, its key figures, and what the board is asked to decide."
        actions={<LinkButton href={`/api/v1/reports/board/file?quarter=${quarter}`} icon="export" download>Download the page</LinkButton>} />
      <Panel title="Quarter" note="The quarter that goes on can be looked at, too: its figures go on changing.">
        <Select label="Quarter" value={quarter} onChange={setQuarter} choices={quarters.map((one, at) => ({ id: one, name: `${nameOf(one)}${at === 0 ? ', so far' : ''}` }))} />
      </Panel>
      <Loaded of={report} rows={6}>{data => <Statement key={`${data.quarter} ${data.sha256 ?? ''}`} of={data} onChanged={report.reload} />}</Loaded>
    </>
  )
}

function Statement({ of: one, onChanged }: { of: BoardReport; onChanged: () => void }) {
  const write = useCan()('evidence:write')
  const [text, setText] = useState(one.statement)
  const [asking, setAsking] = useState(false)
  const save = useAction(() => put<BoardReport>('/reports/board', { quarter: one.quarter, statement: text }))
  const sign = useAction(() => post<BoardReport>('/reports/board/sign-off', { quarter: one.quarter, sha256: one.sha256 }))
  const size = octets(text)
  return (
    <Panel title="Statement of compliance" note="What is allowed and what is stopped, and why; what changed; what the board is asked to decide. Its lines are printed as they are.">
      <div className="stack">
        {one.sha256 !== null && (
          <Facts of={[
            ['State', one.signed !== null ? <Badge key="s" tone="allow">signed off</Badge> : <Badge key="s">draft</Badge>],
            ['Written by', <>{one.author} <Time at={one.changed} full seconds={false} /></>],
            ['Signed off by', one.signed !== null ? <>{one.signed_by} <Time at={one.signed} full seconds={false} /></> : 'nobody yet'],
          ]} />
        )}
        {!write && (one.statement === '' ? <Empty title="No statement yet">Compliance writes it here. The page can be downloaded without it.</Empty> : <p className="note-text">{one.statement}</p>)}
        {write && (
          <Form label="Statement of compliance" onSubmit={() => void save.run().then(done => done && onChanged())}>
            <TextBox label="Statement" value={text} onChange={setText} rows={12} help={`${number(size)} of ${number(MOST)} octets that fit on the page`}
              error={size > MOST ? 'This is more than fits on the page.' : fieldError(save.error, 'statement')} />
            {one.signed !== null && text !== one.statement && <Notice tone="warn">Saving takes the sign-off away: somebody else has to sign off the new text.</Notice>}
            <Failure error={save.error} fields={['statement']} />
            <Buttons>
              <Button type="submit" tone="primary" busy={save.busy} isDisabled={text === one.statement || size > MOST}>Save</Button>
              {one.may_sign && <Button onPress={() => setAsking(true)} isDisabled={text !== one.statement}>Sign off …</Button>}
            </Buttons>
            {!one.may_sign && one.sha256 !== null && one.signed === null && <p className="muted small">You wrote at it: somebody else with compliance’s role signs it off.</p>}
          </Form>
        )}
        <Confirm title="Sign off this statement?" open={asking} onClose={() => setAsking(false)} act="Sign off" busy={sign.busy} error={sign.error}
          onConfirm={() => void sign.run().then(done => { if (done) { setAsking(false); onChanged() } })}>
          <p>Your name and the day are printed below it. The text has the SHA-256 <span className="digest">{one.sha256}</span>.</p>
        </Confirm>
      </div>
    </Panel>
  )
}
