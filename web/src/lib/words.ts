// SPDX-License-Identifier: Apache-2.0
// The API's words as people read them. A word that is not listed is shown as it came.
import type { Action, EventKind, IncidentState, Role, Sensor } from '../api/types'

export const ACTIONS: Record<Action, string> = { allow: 'Allowed', alert: 'Reported', block: 'Blocked', scan: 'Scanned' }
export const ACTION_ORDER: readonly Action[] = ['allow', 'scan', 'alert', 'block']
export const KINDS: Record<EventKind, string> = { flow: 'Flow', im: 'Activity', alert: 'Alert', fileinfo: 'File', stats: 'Statistics', control_test: 'Drill' }
export const CLASSES: Record<string, string> = { im: 'Messaging', social: 'Social network', workplace: 'Workplace', meeting: 'Meetings', 'voice-chat': 'Voice chat' }
export const ACTIVITIES: Record<string, string> = { lookup: 'Name look-up', login: 'Sign-in', presence: 'Presence', chat: 'Chat', file: 'File', call: 'Call' }
export const DELIVERIES: Record<string, string> = { 'server-proxy': 'through the vendor’s server', 'server-broker': 'introduced by the vendor', peer: 'directly between people' }
export const STATES: Record<IncidentState, string> = { new: 'New', open: 'Open', contained: 'Contained', closed: 'Closed', 'false-alarm': 'False alarm' }
export const HEALTH: Record<Sensor['health'], string> = { well: 'Well', silent: 'Silent', dropping: 'Dropping packets', 'never seen': 'Never seen', revoked: 'Revoked' }
export const ROLES: Record<Role, string> = { engineer: 'Engineer', compliance: 'Compliance', manager: 'Manager', employee: 'Employee', examiner: 'Examiner', administrator: 'Administrator' }

/** EVE: 1 is the highest. */
export const SEVERITIES: Record<number, string> = { 1: 'High', 2: 'Medium', 3: 'Low' }
export const severity = (n: number | null) => (n === null ? '' : (SEVERITIES[n] ?? `${n}`))

export const SCANS: Record<string, string> = { clean: 'Clean', infected: 'Infected', suspicious: 'Suspicious', 'not-scanned': 'Not scanned', error: 'Not scanned' }

export const word = (words: Record<string, string>, value: string | null | undefined) => (value ? (words[value] ?? value) : '')
