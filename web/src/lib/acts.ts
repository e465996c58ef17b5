// SPDX-License-Identifier: Apache-2.0
// Acts of the audit trail in words. One that is not listed is told by its own: "policy.publish" is "policy publish".
import { time } from './format'

const ACTS: Record<string, string> = {
  'session.begin': 'signed in', 'session.end': 'signed out', 'session.refuse': 'was refused', 'session.confirm': 'confirmed who they are',
  'account.first': 'made the first account', 'account.create': 'made an account', 'account.change': 'changed an account', 'account.reset': 'gave a new password', 'account.disable': 'disabled an account', 'account.password': 'changed their own password',
  'account.second-factor': 'set up a second factor', 'account.second-factor-removed': 'gave up the second factor',
  'setting.change': 'changed settings', 'token.create': 'made a token', 'token.revoke': 'revoked a token', 'view.keep': 'saved a view', 'view.remove': 'removed a view',
  'person.add': 'added a person', 'person.change': 'changed a person', 'person.alias.add': 'added an alias', 'person.alias.end': 'ended an alias', 'people.sync': 'took over a list of people',
  'sensor.add': 'enrolled a sensor', 'sensor.renew': 'renewed a certificate', 'sensor.revoke': 'revoked a sensor',
  'import.add': 'brought in a file', 'import.done': 'read a file', 'import.failed': 'could not read a file',
  'evidence.ask': 'asked for an evidence package', 'evidence.made': 'made an evidence package', 'evidence.failed': 'could not make an evidence package', 'evidence.download': 'took an evidence package', 'evidence.remove': 'removed an evidence package',
  'audit.verify': 'checked the trail', 'audit.export': 'exported the trail', 'retention.remove': 'removed what was too old',
  'incident.open': 'opened an incident', 'incident.close': 'closed an incident', 'incident.alerts': 'added alerts', 'incident.change': 'changed an incident', 'incident.note': 'noted', 'incident.link': 'linked', 'incident.unlink': 'removed a link', 'incident.merge': 'merged incidents',
  'reveal.ask': 'asked to reveal', 'reveal.grant': 'granted a request', 'reveal.refuse': 'refused a request', 'reveal.withdraw': 'withdrew a request', 'reveal.show': 'looked at what was revealed',
  'document.add': 'began a document', 'document.change': 'changed a document', 'document.draft': 'began a version of a document', 'document.write': 'wrote a document', 'document.propose': 'proposed a document', 'document.withdraw': 'took a document back', 'document.approve': 'approved a document', 'document.refuse': 'refused a document', 'document.publish': 'published a document', 'document.schedule': 'set a day for a document', 'document.unschedule': 'took back the day of a document', 'document.publish-failed': 'could not publish a document', 'document.remove': 'discarded a draft of a document', 'document.sign': 'signed a document',
  'duty.remind': 'reminded by mail', 'duty.remind-now': 'reminded people', 'duty.escalate': 'told a manager', 'duty.excuse': 'excused', 'duty.excuse-end': 'ended an excuse', 'mail.test': 'sent a test mail', 'mail.failed': 'gave a mail up', 'mail.retry': 'tried mail again',
  'policy.draft': 'drafted a policy', 'policy.change': 'changed a draft', 'policy.publish': 'published a policy', 'event.export': 'exported events', 'job.failed': 'failed',
  'assessment.begin': 'began an assessment', 'assessment.observe': 'looked again at what was seen', 'assessment.write': 'wrote an assessment', 'assessment.remove': 'threw an assessment away', 'assessment.propose': 'put an assessment forward', 'assessment.withdraw': 'took an assessment back', 'assessment.sign': 'signed an assessment off', 'assessment.send_back': 'sent an assessment back', 'assessment.rule': 'drafted the rule of an assessment',
  'protection.set': 'named another product', 'protection.remove': 'took another product off', 'board.write': 'wrote the board’s statement', 'board.sign': 'signed the board’s statement off',
  'channel.add': 'named an approved channel', 'channel.change': 'changed an approved channel', 'channel.import': 'brought in counts of a channel', 'signal.raise': 'raised an off-channel signal', 'signal.end': 'saw an off-channel signal end', 'signal.triage': 'decided on an off-channel signal', 'signal.incident': 'took a signal up as an incident',
  'clients.inventory': 'brought in an inventory', 'clients.advisories': 'brought in advisories', 'clients.owner': 'named who patches', 'clients.excuse': 'excused old clients', 'clients.excuse.end': 'ended an excuse of old clients',
  'exception.ask': 'asked for an exception', 'exception.grant': 'granted an exception', 'exception.refuse': 'refused an exception', 'exception.withdraw': 'withdrew an exception', 'exception.end': 'ended an exception', 'exception.expire': 'let an exception expire', 'exception.emergency': 'began an emergency', 'exception.close': 'closed an emergency out',
  'course.begin': 'began a course', 'course.change': 'changed a course', 'course.publish': 'published a course', 'course.undraft': 'threw a draft of a course away', 'course.asset.add': 'added a file to a course', 'course.asset.remove': 'removed a file of a course', 'course.module.remove': 'removed a module of a course', 'course.question.remove': 'removed a question of a course',
  'training.assign': 'assigned a course', 'training.assign.end': 'ended an assignment', 'training.attempt': 'began a test', 'training.certificate': 'earned a certificate', 'training.repeat': 'was to take a course again', 'training.failed': 'did not pass a test', 'training.excuse': 'excused from a course', 'training.unexcuse': 'ended an excuse from a course',
}
export const actWord = (act: string) => ACTS[act] ?? act.replace(/[.-]/g, ' ')

/** The detail of a record in one line: "roles: compliance → engineer" of a change, else "sent: 3, force: no". */
export function brief(record: { act: string; detail: unknown }): string {
  const word = (value: unknown): string =>
    value === null ? 'none' : typeof value === 'boolean' ? (value ? 'yes' : 'no') : Array.isArray(value) ? value.map(word).join(' ') || 'none' : typeof value === 'object' ? JSON.stringify(value) : typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? time(value) : String(value)
  const { act, detail } = record
  if (detail === null || typeof detail !== 'object') return ''
  const changes = act.endsWith('.change')
  const parts = Array.isArray(detail) ? detail.map(word)
    : Object.entries(detail).map(([key, value]) => `${key.replace(/_/g, ' ')}: ${changes && Array.isArray(value) && value.length === 2 ? `${word(value[0])} → ${word(value[1])}` : word(value)}`)
  const text = parts.join(', ')
  return text.length > 120 ? `${text.slice(0, 120)}…` : text
}
