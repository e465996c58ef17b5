// SPDX-License-Identifier: Apache-2.0
// What I asked for, and what is granted for me. Made for a telephone first.
import { useState } from 'react'
import { useQuery } from '../api/query'
import type { Exception } from '../api/types'
import { useServiceNames } from '../app/names'
import { useCan } from '../app/session'
import { Button, Buttons, LinkButton } from '../components/controls'
import { AskException, EndException, ExceptionBadge } from '../components/exceptions'
import { Empty, Facts, Loaded, PageHead, Panel, Time } from '../components/page'
import { activitiesOf, whatOf } from '../lib/exceptions'

const TOPICS = ['exceptions'] as const

export default function MyExceptionsPage() {
  const can = useCan()
  const list = useQuery<{ exceptions: Exception[]; most_days: number }>('/mine/exceptions', {}, { topics: TOPICS, keep: true })
  const [asking, setAsking] = useState(false)
  const ask = can('exception:ask') && <Button tone="primary" icon="plus" onPress={() => setAsking(true)}>Ask for an exception …</Button>
  return (
    <>
      <PageHead title="My exceptions" lead="You need something that the policy stops? Ask for it, with the business reason. Compliance decides; it ends by itself." actions={ask} />
      <Loaded of={list}>
        {data => data.exceptions.length === 0
          ? <Panel><Empty title="You have no exceptions">{`What you ask for stands here with its answer. One lasts at most ${data.most_days} days.`}</Empty></Panel>
          : <div className="stack">{data.exceptions.map(one => <One key={one.id} of={one} />)}</div>}
      </Loaded>
      {asking && <AskException onClose={() => setAsking(false)} to={id => `/mine/exceptions/${id}`} />}
    </>
  )
}

function One({ of }: { of: Exception }) {
  const names = useServiceNames()
  const [ending, setEnding] = useState(false)
  return (
    <Panel title={whatOf(of, names)} actions={<ExceptionBadge of={of} />}>
      <Facts of={[
        ['For what', <span className="sentence">{activitiesOf(of.activities)}</span>], ['For', of.who.label], ['Purpose', of.purpose],
        [of.state === 'asked' ? 'Asked until' : 'Until', <Time at={of.until} full seconds={false} />],
        [of.state === 'refused' ? 'Why refused' : 'Answer', of.decided_why], ['Asked', <><Time at={of.asked} full seconds={false} />{!of.mine && `, by ${of.asked_by}`}</>],
      ]} />
      <Buttons>
        {of.may.end && <Button onPress={() => setEnding(true)}>{of.state === 'asked' ? 'Withdraw …' : 'End it …'}</Button>}
        <LinkButton href={`/mine/exceptions/${of.id}`}>All of it</LinkButton>
      </Buttons>
      {ending && <EndException of={of} onClose={() => setEnding(false)} />}
    </Panel>
  )
}
