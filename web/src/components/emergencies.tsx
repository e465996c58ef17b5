// SPDX-License-Identifier: Apache-2.0
// Emergency use that nobody closed out yet: above every page of those who are to close it out, until somebody has.
import { useQuery } from '../api/query'
import type { Exception, ExceptionPage } from '../api/types'
import { useServiceNames } from '../app/names'
import { Link, useLocation } from '../app/router'
import { plural } from '../lib/format'
import { whatOf } from '../lib/exceptions'
import { Notice, Time } from './page'

const TOPICS = ['exceptions'] as const

export default function Emergencies() {
  const { path } = useLocation()
  const list = useQuery<ExceptionPage>('/exceptions', { open: 1, limit: 3 }, { topics: TOPICS, keep: true })
  const open = list.data?.exceptions ?? []
  const here = open.filter(one => path !== `/exceptions/${one.id}`)
  if (here.length === 0 || path === '/exceptions') return null // these pages say it themselves
  const more = (list.data?.counts.open ?? 0) - open.length
  return (
    <section className="emergencies" aria-label="Open emergency use">
      {here.map(one => <One key={one.id} of={one} />)}
      {more > 0 && <p className="small"><Link href="/exceptions?open=1">{plural(more, 'more')}</Link></p>}
    </section>
  )
}

function One({ of }: { of: Exception }) {
  const names = useServiceNames()
  return (
    <Notice tone="bad">
      <strong>Emergency use: {whatOf(of, names)}</strong>, for {of.who.label}, {of.state === 'granted' ? <>until <Time at={of.until} full seconds={false} /></> : 'over'}, is not closed out. <Link href={`/exceptions/${of.id}`}>{of.may.close ? 'Close it out' : 'Look at it'}</Link>
    </Notice>
  )
}
