// SPDX-License-Identifier: Apache-2.0
// Words and tones of risk assessments.
import type { AssessmentState, RiskDecision, RiskFacts, RiskLevel } from '../api/types'
import { plural } from './format'

type Tone = 'plain' | 'allow' | 'alert' | 'block' | 'scan' | 'accent'
export const LEVELS: Record<RiskLevel, { name: string; tone: Tone }> = { low: { name: 'Low', tone: 'allow' }, medium: { name: 'Medium', tone: 'scan' }, high: { name: 'High', tone: 'alert' }, critical: { name: 'Critical', tone: 'block' } }
export const RISK_STATES: Record<AssessmentState, { name: string; tone: Tone }> = { draft: { name: 'Draft', tone: 'plain' }, proposed: { name: 'Waits for sign-off', tone: 'alert' }, signed: { name: 'Signed off', tone: 'allow' }, replaced: { name: 'Replaced', tone: 'plain' } }
export const DECISIONS: Record<RiskDecision, string> = { allow: 'Allow', conditions: 'Allow under conditions', block: 'Block', accept: 'Accept the risk' }
export const levelOf = (score: number): RiskLevel => (score <= 4 ? 'low' : score <= 9 ? 'medium' : score <= 14 ? 'high' : 'critical')
export const LIKELIHOOD = ['rare', 'unlikely', 'possible', 'likely', 'almost certain']
export const IMPACT = ['negligible', 'minor', 'moderate', 'major', 'severe']

const SEEN: Record<string, readonly [one: string, many: string]> = { people: ['person', 'people'], flows: ['flow', 'flows'], messages: ['message', 'messages'], files: ['file', 'files'], scanned: ['file scanned', 'files scanned'], stopped: ['flow stopped', 'flows stopped'], agile: ['flow on an odd port', 'flows on odd ports'], alerts: ['alert', 'alerts'] }
export const incidentsOf = (facts: RiskFacts) => facts.incidents.map(one => `${one.detector} ${one.incidents}`).join(', ') || 'none'
/** What was seen of that which a question asks about: "2 people"; nothing, where no fact speaks of it. */
export function seenOf(facts: RiskFacts, fact: string | null): string {
  if (fact === 'incidents') return `incidents: ${incidentsOf(facts)}`
  const count = facts[fact as keyof RiskFacts], words = SEEN[fact ?? '']
  return words && typeof count === 'number' ? plural(count, ...words) : ''
}
