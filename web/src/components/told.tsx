// SPDX-License-Identifier: Apache-2.0
// An event told in plain words: why the flow was given to a service, what the policy said, what was looked into.
import type { Told } from '../api/types'
import { Icon, type IconName } from './icon'

const WHAT: Record<Told['what'], { icon: IconName; name: string }> = {
  evidence: { icon: 'search', name: 'Evidence' },
  verdict: { icon: 'policy', name: 'Verdict' },
  inspection: { icon: 'reveal', name: 'Inspection' },
  file: { icon: 'file', name: 'File' },
  alert: { icon: 'warning', name: 'Alert' },
  hint: { icon: 'info', name: 'Hint' },
}
export function ToldList({ told }: { told: readonly Told[] }) {
  return (
    <ul className="told plain">
      {told.map((one, i) => (
        <li key={i} className={`told-${one.what}`}>
          <Icon name={WHAT[one.what]?.icon ?? 'info'} />
          <div><span className="told-what">{WHAT[one.what]?.name ?? one.what}</span> {one.text}{one.value && <code className="told-value">{one.value}</code>}</div>
        </li>
      ))}
    </ul>
  )
}
export const Raw = ({ of, title = 'As the sensor wrote it (JSON)' }: { of: unknown; title?: string }) => (
  <details className="raw"><summary>{title}</summary><pre className="code" tabIndex={0}>{JSON.stringify(of, null, 2)}</pre></details>
)
