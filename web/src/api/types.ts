// SPDX-License-Identifier: Apache-2.0
// What the API says, as docs/openapi.yaml has it. Times are ISO 8601 UTC texts; ids are numbers; events' flow_id too.

export type Role = 'engineer' | 'compliance' | 'manager' | 'employee' | 'examiner' | 'administrator'
export type Action = 'allow' | 'alert' | 'block' | 'scan'
export type EventKind = 'flow' | 'im' | 'alert' | 'fileinfo' | 'stats' | 'control_test'

export interface Problem { type: string; title: string; status: number; detail: string; field?: string }

// GET /session · POST /session {name,password,code?} · DELETE /session · POST /session/confirm {password,code?}
// (a POST without a code where one is needed: 401 with field "code")
export interface Me {
  account: { id: number; name: string; full_name: string; roles: Role[]; source: 'local' | 'ldap' | 'oidc'; expires: string | null }
  permissions: string[]
  csrf: string                      // sent back as X-CSRF-Token with all but GET
  restricted: null | 'password' | 'second-factor'   // what must be done first
  second_factor: boolean
  strong_until: string | null
  team: boolean                     // a manager: sees a team
}
// GET /start: without a session: what the sign-in page and the wizard need
export interface Start { first_run: boolean; oidc: string | null; ldap: boolean; institution: string; version: string }
// POST /start {token, name, full_name, password, institution}: makes the first administrator; the token is what `imward serve` printed

// ---- events ----
export interface Who { id: number; label: string; pseudonym: string | null; address: string; login: string | null; host: string | null
  department: string | null; person: number | null }   // label: pseudonym, or the name where it was revealed to the caller; login and host only then, or for engineers
export interface EventRow {
  id: number; time: string; kind: EventKind; sensor: string; flow_id: number | null; who: Who | null
  service: string | null; protocol: string | null; server: string | null; server_name: string | null; server_port: number | null
  proto: 'TCP' | 'UDP' | null; activity: string[]; delivery: string | null; action: Action | null; rule: string | null; stopped: boolean
  port_agile: boolean; severity: number | null; signature: string | null; detector: string | null; account: string | null; peer: string | null
  file: string | null; sha256: string | null; scan: string | null; bytes_out: number; bytes_in: number
}
// GET /events?filter&limit&cursor
export interface EventPage { events: EventRow[]; cursor: string | null; searched_to: string; complete: boolean }
// GET /events/facets?filter
export interface Facets { [facet: string]: { value: string; label: string; count: number }[] }
// GET /events/{id} ; GET /flows/{flow_id}
export interface EventDetail extends EventRow { eve: Record<string, unknown>; told: Told[] }
export interface FlowDetail { flow_id: number; events: EventDetail[]; told: Told[]; incidents: { id: number; title: string }[] }
export interface Told { what: 'evidence' | 'verdict' | 'inspection' | 'file' | 'alert' | 'hint'; text: string; value?: string }  // plain words
// filter: from, to (ISO), kind, service, department (id or 'none'), action, activity, port, port_agile=1, stopped=1, sensor, who, person,
//   address, server, rule, severity, detector, scan, sha256, q (words, in names of servers, files, accounts, rules, signatures).
//   Repeated or comma-separated values are alternatives.
// GET /events/export?filter&format=csv|json   POST /imports (file) -> Import

// ---- usage ----
// GET /usage/overview?filter
export interface Overview {
  from: string; to: string; step: 'hour' | 'day'
  totals: { flows: number; lookups: number; people: number; services: number; messages: number; files: number; alerts: number; stopped: number; agile: number; bytes_out: number; bytes_in: number }
  before: Overview['totals'] | null                     // the same span before
  services: { service: string; name: string; class: string; flows: number; people: number; stopped: number; bytes: number }[]
  over_time: { time: string; service: string; flows: number }[]     // the six busiest, the rest as 'other'
  sankey: { department: string; department_id: number | null; service: string; action: Action; flows: number }[]
  ports: { service: string; port: number; flows: number; agile: boolean }[]
}
// GET /usage/people?filter&sort=flows|bytes|alerts|files&offset&limit
export interface PeoplePage { people: (Who & { flows: number; messages: number; files: number; alerts: number; stopped: number; bytes: number; services: string[]; last: string })[]; total: number }
// GET /usage/people/{who}?filter   (`name` in /mine alone: who asks there may not read the catalog)
export interface PersonUse { who: Who; services: { service: string; name?: string; flows: number; bytes: number; action: Action }[]; days: { day: string; flows: number; alerts: number }[] }
// GET /usage/propagation?filter
export interface Propagation { nodes: { id: string; label: string; who: Who | null; first: string; alerts: number; origin: boolean }[]; edges: { from: string; to: string; time: string; service: string; what: string; event: number }[] }
// GET /mine: what is known about me
export interface Mine { person: null | { name: string; department: string | null; manager: string | null }; aliases: { kind: string; value: string }[]; use: PersonUse | null; approved: { channel: string; first: string; last: string; days: number; messages: number }[]; reveals: { when: string; by: string; reason: string }[] }

// ---- incidents ----
export type IncidentState = 'new' | 'open' | 'contained' | 'closed' | 'false-alarm'
export interface IncidentRow { id: number; title: string; detector: string; severity: number; state: IncidentState; assignee: { id: number; name: string } | null
  service: string | null; who: Who | null; first: string; last: string; alerts: number; version: number }
// GET /incidents?state&assignee&severity&q&cursor&limit -> {incidents, cursor, counts:{[state]:number}}   POST /incidents {title,severity,events?,note?}
export interface IncidentDetail extends IncidentRow { outcome: string | null; closed: string | null
  timeline: { time: string; kind: 'alert' | 'note' | 'state' | 'assignee' | 'link' | 'severity'; by: string | null; text: string; event?: number }[]
  links: { kind: 'event' | 'who' | 'person' | 'file' | 'incident'; object: number; label: string; time: string }[]; advice: string | null }
// PATCH /incidents/{id} {version, state?, assignee?, severity?, title?, outcome?}  (409 where version is old)
// POST /incidents/{id}/notes {text}   POST /incidents/{id}/links {kind, object}   DELETE /incidents/{id}/links/{kind}/{object}
// POST /incidents/merge {into, from:[]}   GET /incidents/assignees -> {assignees:[{id, name}]}

// ---- four eyes ----
export interface Reveal { id: number; kind: 'person' | 'text'; object: string; label: string; reason: string; incident: number | null; requester: string; state: 'asked' | 'granted' | 'refused' | 'withdrawn'
  asked: string; decider: string | null; decided: string | null; decided_why: string | null; until: string | null; mine: boolean }
// GET /reveals?state -> {reveals}   (object: 'PERSON' or 'who:CLIENT'; of text the vault's object)   POST /reveals {kind, object, reason, incident?}   POST /reveals/{id}/decision {grant:boolean, why, hours?}  (strong; not one's own)
// DELETE /reveals/{id} withdraws   GET /reveals/{id}/shown -> {name, login, email, department} or {meta, text}: only the requester, while granted; each time in the trail

// ---- policy and catalog ----
export interface PolicyVersion { id: number; version: string | null; state: 'draft' | 'published' | 'replaced'; author: string | null; created: string; changed: string; published: string | null; rules: number }
// GET /policies -> {policies}   GET /policies/{id} -> PolicyVersion & {text}   POST /policies {text, from?}   PUT /policies/{id} {text}  (drafts only)
// POST /policies/check {text} -> {ok, version, problems:[{line, column, key, text, level:'error'|'warning'}], rules:[{name, action, line, text}]}
// POST /policies/what-if {text, rule?, days} -> WhatIf      POST /policies/{id}/publish (strong) -> PolicyVersion & {text, file: text|null (where the clerk writes it; null: no --policy-file)}
export interface WhatIf { from: string; to: string; flows: number; complete: boolean; changed: { from: Action; to: Action; flows: number; people: number }[]
  by_rule: { rule: string; action: Action; flows: number; people: number; services: string[] }[]; examples: { event: EventRow; from: Action; to: Action; rule: string }[] }
// GET /catalog?q&class -> {services: CatalogRow[]}   GET /catalog/{service} -> CatalogRow & {domains, addresses, ports, fingerprints, clients, risks, seen: {flows, people, last}}
export interface CatalogRow { service: string; name: string; vendor: string; class: string; domains: number; end_to_end: boolean | null; risk: string[]; flows: number }

// ---- documents ----
// A document is Markdown in versions. A clause is a heading's section; blocks ```imward in it are rules of the policy.
export type DocumentState = 'draft' | 'proposed' | 'approved' | 'published' | 'replaced'
export interface DocumentVersionRow { id: number; document: number; edition: string; state: DocumentState; sign: boolean; summary: string; sha256: string; rules: number
  author: string | null; authors: string[]; created: string; changed: string; proposed: string | null; publish_on: string | null; published: string | null; replaced: string | null
  approvals: number; approvals_needed: number; approved_by: string[]; problem: string | null; may: { write: boolean; approve: boolean; publish: boolean } }   // problem: why it could not be published on its day; may: what the caller may do with it now
export interface DocumentRow { id: number; title: string; audience: 'everybody' | 'departments'; departments: { id: number; name: string }[]; due_days: number; remind_before: number; remind_every: number; escalate_after: number
  in_force: { version: number; edition: string; published: string; rules: number } | null; to_sign: { version: number; edition: string } | null; open: DocumentVersionRow | null
  owed: number; signed: number; overdue: number; changed: string }   // open: the version that is being written or approved; to_sign: the newest published version that asks for signatures
// GET /documents -> {documents: DocumentRow[]}   POST /documents {title, template? | text?, edition?, audience?, departments?, due_days?, remind_before?, remind_every?, escalate_after?} -> DocumentDetail (201)
// GET /documents/{id} -> DocumentDetail   PATCH /documents/{id} {title?, audience?, departments?: [id], due_days?, remind_before?, remind_every?, escalate_after?} -> DocumentDetail
// GET /documents/templates -> {templates: [{name, title, about, text}]}
export interface DocumentDetail extends DocumentRow { versions: DocumentVersionRow[] }
export interface Clause { number: string; title: string; level: number; line: number; text: string; rules: { name: string; action: Action; line: number; yaml: string; words: string }[] }   // text: Markdown without the blocks; words: the rule in plain words
export interface DocumentProblem { line: number; text: string; level: 'error' | 'warning' }
// POST /documents/check {text, edition?} -> DocumentCheck; policy: what the blocks become, null where there are none or they are wrong
export interface DocumentCheck { ok: boolean; problems: DocumentProblem[]; clauses: Clause[]; policy: string | null }
export interface DocumentVersion extends DocumentVersionRow { title: string; text: string; clauses: Clause[]; problems: DocumentProblem[]; policy: string | null
  decisions: { by: string; approve: boolean; why: string; time: string; sha256: string }[] }   // the newest first; those of this text have its sha256
// POST /documents/{id}/versions {from?: version, edition?} -> DocumentVersion (201; 409: one is open)
// GET /documents/{id}/versions/{version} -> DocumentVersion   PUT … {sha256 (of the text that was changed), text?, edition?, sign?, summary?} -> DocumentVersion (drafts; 409: somebody was quicker)   DELETE … (drafts) -> 204
// GET /documents/{id}/versions/{version}/diff?from=version (left out: the one in force) -> Diff
export interface Diff { from: number | null; to: number; added: number; removed: number; lines: { sign: '=' | '-' | '+'; old: number | null; new: number | null; text: string }[] }   // old, new: numbers of lines
// POST /documents/{id}/versions/{version}/propose -> DocumentVersion   POST …/withdraw -> DocumentVersion (a draft again)
// POST …/decision {approve, why (of a refusal), sha256} (strong; nobody who wrote it, nobody twice) -> DocumentVersion
// POST …/publish {on? (time or day; left out: now)} (strong) -> DocumentVersion   DELETE …/publish (not on that day) -> DocumentVersion

// ---- signatures ----
export interface Signature { id: number; document: { id: number; title: string; edition: string }; version: number; sha256: string; person: { id: number; label: string; pseudonym: string; department: string | null }
  time: string; typed_name: string | null; proof: 'password' | 'password and second factor' | 'directory' | 'directory and second factor' | 'provider'; proved: string; receipt_sha256: string; receipt: string | null }   // receipt: the exact text whose SHA-256 it is; names and receipt only for who may see the name
export interface MineDocument { id: number; title: string; version: number; edition: string; sha256: string; owed: boolean; due: string | null; overdue: boolean; published: string; signature: Signature | null }
// GET /mine/documents -> {documents: MineDocument[], name: text|null (that is to be typed)}   GET /mine/documents/{id} -> MineDocument & {text, clauses, changes: Diff|null (from the version that the caller signed before)}
// POST /mine/documents/{id}/sign {version, sha256, name} (proved at most 5 minutes ago, else 401 with field "reauthenticate") -> Signature (201)
// GET /mine/signatures -> {signatures: Signature[]}   GET /mine/signatures/{id}/receipt -> the receipt as a file
// GET /signatures?document&version&q&cursor&limit -> {signatures, cursor, total}   GET /signatures/{id} -> Signature
// POST /signatures/verify {receipt} -> {valid: boolean, why: text, signature: Signature|null}

// ---- duties: who owes a signature ----
export interface Duty { document: { id: number; title: string; edition: string }; person: { id: number; label: string; pseudonym: string; department: string | null; manager: string | null }
  since: string; due: string; signed: string | null; overdue: boolean; reminders: number; reminded: string | null; escalated: string | null; excused: { until: string; why: string } | null }
// GET /duties?document&state=open|overdue|signed|excused&department&q&cursor&limit -> {duties: Duty[], cursor}   (managers: their team)
// GET /duties/summary -> {documents: DutySummary[], team: boolean}
export interface DutySummary { document: { id: number; title: string; edition: string }; owed: number; signed: number; open: number; overdue: number; excused: number; next_due: string | null
  departments: { id: number | null; name: string; owed: number; open: number; overdue: number }[] }
// POST /duties/remind {document, people?: [id]} -> {queued: number, without_address: number}    POST /duties/excuse {document, person, until: text|null, why} -> Duty

// ---- mail ----
export interface MailRow { id: number; kind: string; to: string; subject: string; state: 'waiting' | 'sent' | 'failed'; tries: number; created: string; next: string | null; sent: string | null; error: string | null }
export interface MailState { on: boolean; waiting: number; sent: number; failed: number; problem: { time: string; text: string } | null; mails: MailRow[] }   // problem: the server cannot be reached or refuses us
// GET /mail -> MailState (the newest 100)   POST /mail/test {to} (strong) -> {ok: true}; 422: what the server said   POST /mail/retry (strong) -> {waiting: number}: what was given up is tried again
// ---- exceptions ----
// asked -> granted | refused | withdrawn; granted -> expired (its time is over) | ended (by somebody, before). An emergency is granted when it starts.
export type ExceptionState = 'asked' | 'granted' | 'refused' | 'withdrawn' | 'expired' | 'ended'
export interface Exception { id: number; kind: 'request' | 'emergency'; state: ExceptionState; service: string | null; class: string | null; activities: string[]
  who: { kind: 'person' | 'department'; id: number; label: string }   // label: the name for compliance, the team's manager and the person; else the pseudonym
  purpose: string; benefit: string; asked: string; asked_by: string; from: string | null; until: string
  decided: string | null; decided_by: string | null; decided_why: string | null; ended: string | null; ended_by: string | null; ended_why: string | null
  open: boolean                       // an emergency that nobody closed out yet
  closed: string | null; closed_by: string | null; said: string | null; archived: string | null
  rule: string; enforced: boolean     // the rule's name in exceptions.yaml; in the bundle that gateways take now
  mine: boolean; may: { decide: boolean; end: boolean; close: boolean } }
export interface ExceptionRisk { service: string | null; class: string | null; risk: string[]; end_to_end: boolean | null   // what the catalog says
  days: number; flows: number; people: number; files: number; alerts: number; stopped: number                              // its use here
  assessment: null | { id: number; title: string; decision: string | null; inherent: number | null; residual: number | null } }
export interface ExceptionDetail extends Exception { risk: ExceptionRisk }   // as it was when it was asked for
// GET /exceptions?state&kind&open=1&due=DAYS&q&cursor&limit -> ExceptionPage (newest first; due: granted, ending within so many days)
export interface ExceptionPage { exceptions: Exception[]; cursor: string | null; counts: { asked: number; granted: number; open: number; due: number }
  enforced: { number: number | null; takes: boolean } }   // takes: the policy in force has `exceptions: exceptions.yaml`
// GET /exceptions/risk?service|class -> ExceptionRisk      GET /exceptions/{id} -> ExceptionDetail
// POST /exceptions {service|class, activities, person|department (neither: myself), purpose, benefit, until} -> ExceptionDetail   (employees: themselves; managers: their team)
// POST /exceptions/{id}/decision {grant, why, until?}  (strong; never one's own)   POST /exceptions/{id}/end {why}  (withdraws what is asked, ends what is granted)
// POST /exceptions/emergency {service|class, activities, person|department, purpose, hours} -> ExceptionDetail  (strong)   POST /exceptions/{id}/close {said, archived}  (emergencies)
// GET /mine/exceptions -> {exceptions: Exception[], most_days: number}   GET /mine/exceptions/{id} -> ExceptionDetail (what I asked for, or is for me)
// GET /exceptions/choices -> ExceptionChoices: what the caller may ask for, and for whom (others than the departments: GET /program/team)
export interface ExceptionChoices { person: boolean; services: { service: string; name: string; class: string }[]; departments: { id: number; name: string }[]; others: boolean
  most_days: number; emergency: boolean; emergency_hours: number }   // person: the caller is one of the directory; others: may ask for other people; emergency: may start one

// ---- the program in one look ----
// GET /program/desk -> Desk: how much of what is open. waiting: what the caller may decide; old: in force for review_days or longer; due: granted, ending within due_days
export interface Desk { due_days: number; review_days: number; signatures: { owed: number; open: number; overdue: number }; training: { done: number; renew: number; open: number; overdue: number; excused: number }
  documents: { in_force: number; open: number; waiting: number; old: number }; exceptions: { waiting: number; asked: number; granted: number; due: number; open: number }
  mail: { waiting: number; failed: number; problem: string | null }; incidents: { new: number; open: number } }
// GET /program/team?state=owes|overdue|exception&q&cursor&limit -> TeamPage: people with what they owe (managers: those below them; label: the name for compliance and managers, else the pseudonym)
export interface TeamRow { person: number; label: string; department: string | null; signatures: { open: number; overdue: number }; training: { open: number; overdue: number }; exceptions: { asked: number; granted: number } }
export interface TeamPage { people: TeamRow[]; cursor: string | null; team: boolean }

// ---- risks ----
// Likelihood and impact are 1 to 5; score is their product: to 4 low, to 9 medium, to 14 high, else critical. The words: GET /risks/method
export type AssessmentState = 'draft' | 'proposed' | 'signed' | 'replaced'
export type RiskLevel = 'low' | 'medium' | 'high' | 'critical'
export type RiskDecision = 'allow' | 'conditions' | 'block' | 'accept'
export type RiskCondition = 'acknowledged' | 'trained' | 'no-files' | 'scan-files' | 'departments'
export interface RiskScore { likelihood: number; impact: number; score: number; level: RiskLevel }
// of a service or a class of services, for one department or the institution; inherent, residual: of the worst of its risks, which is `worst`
export interface Assessment { id: number; number: number; title: string; service: string | null; class: string | null; department: { id: number; name: string } | null
  state: AssessmentState; owner: string | null; decision: RiskDecision | null; conditions: RiskCondition[]
  inherent: RiskScore | null; residual: RiskScore | null; worst: string | null; benefit_level: number | null; review: string | null; due: 'no' | 'soon' | 'over'
  created: string; changed: string; proposed: string | null; proposed_by: string | null; signed: string | null; signed_by: string | null; replaced: string | null }
// GET /assessments?state&level&decision&service&class&department&due=1&q&cursor&limit -> AssessmentPage: the worst residual risk first; state "current" (usual): all but replaced; due: soon or over
export interface AssessmentPage { assessments: Assessment[]; cursor: string | null; counts: { draft: number; proposed: number; signed: number; soon: number; over: number } }
// What was seen from..until, taken then; people: of the directory or not; scanned: files that a rule had scanned; catalog: what the catalog says of its risk
export interface RiskFacts { from: string; until: string; taken: string; people: number; flows: number; messages: number; files: number; scanned: number; alerts: number; stopped: number; agile: number
  bytes_out: number; bytes_in: number; incidents: { detector: string; incidents: number; alerts: number }[]; services: string[]; catalog: string[]; end_to_end: boolean | null }
export interface AssessmentAnswer { question: string; answer: 'yes' | 'partly' | 'no' | 'unknown' | 'none'; note: string }   // none: does not apply
// residual: with its controls. suggested: by the method, from the answers, the facts and the controls in place
export interface AssessmentRisk { threat: string; likelihood: number | null; impact: number | null; residual_likelihood: number | null; residual_impact: number | null; why: string
  suggested: { likelihood: number; impact: number; residual_likelihood: number | null; residual_impact: number | null; because: string } }
// effect: by how many steps it lowers each
export interface AssessmentControl { threat: string; what: string; carrier: 'imward' | 'product' | 'people'; state: 'in place' | 'planned'; likelihood: number; impact: number }
export interface AssessmentStep { time: string; who: string | null; act: 'begin' | 'propose' | 'withdraw' | 'send back' | 'sign' | 'replace' | 'draft rule'; why: string }
// sha256: of all that is signed, changes with each change; lacking: what is missing before it can be proposed
export interface AssessmentDetail extends Assessment { sha256: string; scope: string; benefit: string; reason: string; departments: { id: number; name: string }[]
  facts: RiskFacts; answers: AssessmentAnswer[]; risks: AssessmentRisk[]; controls: AssessmentControl[]; steps: AssessmentStep[]; authors: string[]; lacking: string[]
  stopped: number | null            // flows of it that were stopped since it was signed off; null: it is not in force
  versions: { id: number; number: number; state: AssessmentState; changed: string; signed_by: string | null }[]
  rule: null | { heading: string; text: string; yaml: string }   // what the decision drafts
  drafted: null | { document: number | null; version: number | null; policy: number | null; title: string; state: string; time: string; by: string | null }
  may: { write: boolean; decide: boolean; propose: boolean; withdraw: boolean; sign: boolean; draft_rule: boolean; renew: boolean; remove: boolean } }   // decide: benefit, decision, conditions, review
// POST /assessments {service|class, department?, from?, until?} -> AssessmentDetail: a draft, with what was observed (usual: 90 days); of a subject that has one, its next version
// PATCH /assessments/{id} {sha256, answers?, risks?, controls?, scope?, benefit?, benefit_level?, decision?, conditions?, departments?, reason?, review?, owner?}   (answers and risks: those that changed; controls: all)
// POST /assessments/{id}/observe {from?, until?}   POST /assessments/{id}/propose · /withdraw   POST /assessments/{id}/decision {sign, why, sha256} (strong; nobody who wrote any of it)
// POST /assessments/{id}/rule: drafts the rule, in a document whose clauses carry the policy, else in a draft of the policy   DELETE /assessments/{id} (drafts)
// GET /risks/method -> RiskMethod
export interface RiskMethod { likelihood: string[]; impact: string[]; levels: { level: RiskLevel; from: number; until: number; text: string }[]
  threats: { key: string; title: string; about: string; guidance: string; impact: number }[]
  questions: { key: string; threat: string; text: string; good: 'yes' | 'no'; part: 'technical' | 'business'; fact: string | null }[]
  conditions: { key: RiskCondition; text: string }[]; decisions: { key: RiskDecision; text: string }[] }
// GET /risks/summary -> RiskSummary. matrix[impact - 1][likelihood - 1]: assessments in force by residual risk; unassessed: services seen in 90 days, the most used first (at most 20; unassessed_count: all)
export interface RiskSummary { matrix: number[][]; inherent: number[][]; levels: { low: number; medium: number; high: number; critical: number }; signed: number; waiting: number; drafts: number; soon: number; over: number
  unassessed: { service: string; name: string; class: string; flows: number; stopped: number }[]; unassessed_count: number; top: Assessment[]; gaps: number }
// GET /risks/protections -> RiskProtections: the need for other security products
export interface RiskProtection { key: string; title: string; about: string; guidance: string; threats: string[]; imward: string; limit: string; active: boolean; evidence: string
  covers: 'full' | 'part' | 'none'; products: { id: number; product: string; covers: 'full' | 'part'; owner: string; note: string; by: string | null; changed: string }[]; state: 'covered' | 'part' | 'gap' }
export interface RiskProtections { protections: RiskProtection[]; covered: number; part: number; gaps: number; checked: string }
// POST /risks/protections {capability, product, covers, owner, note} · PUT /risks/protections/{id} · DELETE -> RiskProtections

// ---- what gateways take ----
// A bundle of files, made anew when something changed, and signed: `manifest` is the exact text that the signature is over (its hash, that is), JSON
// {"number","time","files":[{"name","size","sha256"}],"policy":VERSION}. Numbers grow. GET /enforcement?after=N waits up to 25 s for a newer one, and is 204 where none came.
export interface Enforcement { number: number; made: string; manifest: string; signature: string; key: string; policy: string | null; people: number; exceptions: number
  files: { name: string; size: number; sha256: string }[] }
// GET /enforcement/files/{name}?number=N: octets of policy.yaml, people.csv, exceptions.yaml (404: that bundle is gone, take the newest)
// ---- training ----
export type CourseState = 'draft' | 'published' | 'retired'
export type AssetType = 'image/png' | 'image/jpeg' | 'image/svg+xml' | 'video/mp4' | 'video/webm'
export type DutyState = 'open' | 'renew' | 'overdue' | 'done' | 'excused'   // renew: to be taken again, the certificate still counts
export type DutyReason = 'assigned' | 'repeat' | 'incident'
export interface CourseRow { id: number; key: string | null; title: string; summary: string; state: CourseState; version: number | null; draft: number | null; published: string | null
  modules: number; questions: number; minutes: number }
export interface CourseTemplate { key: string; title: string; summary: string; modules: number; questions: number; minutes: number }
// what a test is: pass_percent; asked: questions of one attempt; minutes_most: 0: no limit; attempts_a_day: 0: no limit; valid_months: of the certificate, 0: for ever
export interface CourseRules { pass_percent: number; asked: number; minutes_most: number; attempts_a_day: number; valid_months: number; must_read: boolean }
export interface CourseModule { number: number; title: string; body: string; minutes: number }   // body: Markdown; pictures and films: ![words](asset:NAME)
export interface CourseQuestion { number: number; module: number | null; kind: 'single' | 'multiple'; text: string; options: { text: string; right: boolean | null }[]; explanation: string | null }   // right, explanation null: not for whoever may take the test
export interface CourseAsset { name: string; type: AssetType; size: number; sha256: string; created: string; by: string | null }
export interface CourseVersion { number: number; state: 'draft' | 'published' | 'replaced'; title: string; author: string | null; created: string; changed: string; published: string | null; published_by: string | null; sha256: string | null }
export interface Course { id: number; key: string | null; state: CourseState; shown: number; title: string; summary: string; rules: CourseRules; modules: CourseModule[]; questions: CourseQuestion[]
  assets: CourseAsset[]; versions: CourseVersion[]; problems: string[] }   // shown: the version that this is; problems: what stands against publishing it
// GET /courses -> {courses, templates}   POST /courses {title} or {template}   GET /courses/{id}?version   PATCH /courses/{id} {title?, summary?, rules (some)?, retired?}
// POST /courses/{id}/modules {title, body, minutes, place?}   PUT, DELETE /courses/{id}/modules/{number}   POST /courses/{id}/questions {module?, kind, text, options:[{text,right}], explanation}   PUT, DELETE /courses/{id}/questions/{number}
// (all of these change the draft; where there is none, it is made of the published version; numbers stay the same in it. They answer Course.)
// POST /courses/{id}/assets?name=… (octets; PNG, JPEG, SVG, MP4, WebM) -> CourseAsset   GET /courses/{id}/assets/{name} (with Range)   DELETE /courses/{id}/assets/{name} (where no published version shows it)
// POST /courses/{id}/publish (strong) -> Course   DELETE /courses/{id}/draft -> Course
export interface DutyCounts { people: number; done: number; renew: number; open: number; overdue: number; excused: number }
export interface DutyRow { person: number; label: string; department: string | null; course: number; title: string; state: DutyState; reason: DutyReason; assigned: string; due: string | null
  valid_until: string | null; certificate: string | null; excused: { by: string | null; why: string; until: string | null } | null }   // label: the name for compliance and managers, else the pseudonym
// GET /training?course -> TrainingOverview (managers: their team)   GET /training/people?course&state&department&q&cursor&limit -> {people: DutyRow[], cursor}   GET /training/people/{person} -> DutyPerson
export interface TrainingOverview { team: boolean; courses: { course: number; title: string; version: number | null; counts: DutyCounts }[]; departments: { department: number | null; name: string | null; counts: DutyCounts }[] }
export interface CertificateRow { id: number; number: string; course: number; title: string; version: number; issued: string; valid_until: string | null; score: number; of: number; hash: string; state: 'valid' | 'expired' }
export interface DutyPerson { person: number; label: string; department: string | null; duties: DutyRow[]; certificates: CertificateRow[]; attempts: { course: number; state: AttemptState; started: string; score: number | null; of: number }[] }
// POST /training/people/{person}/excuse {course, why, until?} -> DutyRow (not oneself)   DELETE /training/people/{person}/excuse/{course} -> DutyRow
export interface Assignment { id: number; course: number; title: string; everybody: boolean; departments: { id: number; name: string }[]; people: number; due_days: number; repeat_months: number | null
  after_incident: boolean; remind_days: number[]; escalate_days: number | null; state: 'active' | 'ended'; created: string; by: string | null; assigned: number }
// GET /training/assignments -> {assignments}   POST /training/assignments {course, departments?:[id], people?:[id] (neither: everybody), due_days, repeat_months?, after_incident?, remind_days?, escalate_days?}   DELETE /training/assignments/{id} ends it
// GET /training/certificates/{number} -> CertificateCheck: is this certificate one of ours, and does it still count?
export interface CertificateCheck { certificate: CertificateRow; person: number; label: string; whole: boolean }   // whole: its document still has its hash
// GET /training/effect?course -> {effects: TrainingEffect[]}: incidents in `days` before and after the first certificate; departments of fewer than `least` people are in none of the rows
export interface TrainingEffect { course: number; title: string; days: number; computed: string | null; least: number; rows: { department: number | null; name: string | null; people: number; before: number; after: number; before_per_1000: number; after_per_1000: number }[]
  hidden: number; limits: string[] }
// GET /mine/training -> MineTraining   GET /mine/training/{course} -> MineCourse   POST /mine/training/{course}/modules/{number}: it is read (204)   GET /mine/training/{course}/assets/{name} (with Range)
export interface MyDuty { course: number; title: string; summary: string; minutes: number; version: number; state: DutyState; reason: DutyReason; assigned: string; due: string | null; valid_until: string | null; modules: number; read: number; running: number | null }
export interface MineTraining { person: boolean; duties: MyDuty[]; offered: { course: number; title: string; summary: string; minutes: number }[]; certificates: CertificateRow[] }   // person false: the account is not joined to a person
export type AttemptState = 'running' | 'passed' | 'failed' | 'expired'
export interface MineCourse { course: number; title: string; summary: string; version: number; rules: CourseRules; pool: number; modules: { number: number; title: string; body: string; minutes: number; read: boolean }[]; duty: MyDuty | null
  attempts: { id: number; state: AttemptState; started: string; ended: string | null; score: number | null; of: number }[]; attempts_left: number | null; next_attempt: string | null; certificate: CertificateRow | null }
// POST /mine/training/{course}/attempts -> Attempt (the running one, where there is one)   GET /mine/training/attempts/{id} -> Attempt   POST /mine/training/attempts/{id} {answers:[[number of the option]]} -> Attempt
export interface AttemptQuestion { module: number | null; kind: 'single' | 'multiple'; text: string; options: string[]; chosen: number[] | null; right: number[] | null; correct: boolean | null; explanation: string | null }   // right, correct, explanation: null until it is over
export interface Attempt { id: number; course: number; title: string; version: number; state: AttemptState; started: string; until: string | null; ended: string | null; score: number | null; of: number; pass_percent: number; questions: AttemptQuestion[]; certificate: CertificateRow | null }
// GET /mine/training/certificates/{id} -> Certificate
export interface Certificate { certificate: CertificateRow; document: string }   // document: JSON, whose SHA-256 is the hash

// ---- off-channel signals ----
// Who fell silent on the approved channels while active on public IM. A signal is no accusation: people are pseudonyms here, names are asked for by four eyes (POST /reveals {kind: 'person', object: person}).
// open -> looked (with a reason) -> dismissed (with a reason) | incident; all but incident may go back to open. going_on: the newest days still show it.
export type SignalState = 'open' | 'looked' | 'dismissed' | 'incident'
export interface Channel { id: number; name: string; note: string; service: string | null; state: 'active' | 'ended'; created: string; first: string | null; last: string | null   // days, 2026-11-23
  days: number; people: number; messages: number; late: boolean }   // people, messages: of the last day; late: its last day is older than a week, so nothing is judged
export interface ApprovedImport { id: number; channel: number; channel_name: string; source: 'file' | 'api'; name: string; by: string | null; time: string; first: string | null; last: string | null; days: number
  people: number; messages: number; lines: number; unknown: number; refused: number; replaced: number }   // replaced: days that were there before
export interface ApprovedResult { import: ApprovedImport; problems: { line: number; text: string }[] }   // unknown people and lines that were left out, at most 100; told once, never kept
export interface SignalRow { id: number; level: number; state: SignalState; going_on: boolean; person: number; label: string; pseudonym: string; department: string | null   // level: 1 strong, 2 medium, 3 weak; label: the pseudonym, or the name where it was revealed to the caller
  first: string; last: string; usual: number; expected: number; seen: number; window_days: number   // usual: approved messages of a usual day (rounded); expected, seen: in the newest window_days working days
  active_days: number; messages: number; flows: number; stopped: number; excepted: boolean; own: boolean; created: string; changed: string; ended: string | null }   // public IM in these days; own: about the caller, who may not decide on it
export interface SignalDay { day: string; approved: number | null; peers: number | null; flows: number; messages: number; stopped: number }   // approved null: nothing was imported for it; peers: messages a person of those it is compared with
export interface Signal extends SignalRow { reasons: string[]; limits: string[]; days: SignalDay[]; peers_of: 'department' | 'institution'; peers_percent: number; baseline_days: number
  services: { service: string; name: string; flows: number; messages: number; stopped: number }[]; exceptions: { id: number; what: string; from: string; until: string }[]
  steps: { time: string; by: string | null; step: 'raised' | 'ended' | SignalState; why: string }[]; incident: { id: number; title: string } | null; may: { decide: boolean; incident: boolean } }
// GET /signals?state=open,looked&level=1,2&department&going_on=1&q&cursor&limit -> SignalPage (newest first; q: a pseudonym, or its beginning)   GET /signals/{id} -> Signal
export interface SignalPage { signals: SignalRow[]; cursor: string | null; summary: SignalSummary }
// GET /signals/summary -> SignalSummary: for the compliance desk
export interface SignalSummary { open: number; looked: number; strong: number; medium: number; weak: number; oldest: string | null   // strong, medium, weak: of those open; oldest: when the oldest open one was raised
  judged: { day: string; time: string; people: number } | null; waits: string | null }   // judged: up to which day, and how many people could be; waits: why nothing newer is judged
// GET /signals/weeks?department&weeks -> SignalWeeks: approved against public IM; weeks begin on Mondays
export interface SignalWeek { week: string; approved: number | null; people: number; days: number; flows: number; messages: number; stopped: number }   // people: of its best day, days: imported
export interface SignalWeeks { weeks: SignalWeek[]; services: string[] }   // services: public IM that was let through in these weeks, the most used first
// POST /signals/{id}/triage {from: SignalState, state: 'open'|'looked'|'dismissed', why} -> Signal (not by tokens, not on oneself)   POST /signals/{id}/incident {incident?: id, why} -> Signal (links it; without incident: opens one)
// GET /signals/channels -> {channels: Channel[]}   POST /signals/channels {name, note?, service?} -> Channel   PATCH /signals/channels/{id} {name?, note?, service? (null: none), state?} -> Channel
// POST /signals/channels/{id}/import?name (a CSV file: day,person,messages; the days in it are replaced) -> ApprovedResult
// POST /signals/channels/{id}/counts {day, counts: [{person, messages}], replace?, whole?} -> ApprovedResult   (person: login, e-mail or staff number; replace false: beside what is there; whole false: more is to come)
// GET /signals/imports?channel&cursor&limit -> {imports: ApprovedImport[], cursor}
// ---- client software: the patch program and the virus program ----
// People are as in the lists of use: pseudonyms; machines and addresses only for engineers; names by four eyes (/reveals).
export type ClientState = 'old' | 'excused' | 'check' | 'safe' | 'unknown' | 'unlisted' | 'replaced' | 'gone'   // check: a package whose distribution may carry the fix; unknown: its version was not told, or cannot be read; unlisted: nothing is known to compare it with; replaced: a newer one came there; gone: not seen for long
export type AdvisorySeverity = 'critical' | 'high' | 'medium' | 'low'
export interface ClientCounts { clients: number; old: number; overdue: number; excused: number; check: number; safe: number; unknown: number; unlisted: number }   // clients: all but replaced and gone; overdue is part of old
export interface ClientProduct { product: string; title: string; service: string | null; counts: ClientCounts; safe: string | null; severity: AdvisorySeverity | null; next_due: string | null; owner: { id: number; name: string } | null }   // safe: the oldest version that no advisory names
// GET /clients -> {products: ClientProduct[], imports: ClientImport[] (the newest 10)}   (those that were seen; the most urgent first)
export interface ClientImport { id: number; kind: 'inventory' | 'advisories'; name: string; by: string | null; time: string; rows: number; taken: number; skipped: number }
// GET /clients/{product} -> ClientProductDetail   PATCH /clients/{product} {owner: id|null} -> ClientProductDetail
export interface ClientProductDetail extends ClientProduct { versions: { id: number; version: string; package: boolean; state: ClientState; severity: AdvisorySeverity | null; advisory: string | null; safe: string | null; clients: number }[]; advisories: Advisory[] }
// GET /clients/owners -> {owners:[{id, name}]}
export interface ClientInstall { id: number; product: string; title: string; version: string; told: 'wire' | 'inventory'; label: string; pseudonym: string | null; department: string | null; who: number | null; person: number | null; machine: string | null; address: string | null
  os: string | null; state: ClientState; severity: AdvisorySeverity | null; advisory: string | null; safe: string | null; first: string; last: string; known: string | null; due: string | null; overdue: boolean
  owner: { id: number; name: string } | null; excused: { by: string | null; why: string; until: string } | null; may_excuse: boolean }   // known: since when it is known to be old
// GET /clients/installs?product&state (also overdue)&advisory&version&q&cursor&limit -> {installs: ClientInstall[], cursor}   (the first due first)
// POST /clients/installs/{id}/excuse {why, until} -> ClientInstall (not one's own, not by the owner)   DELETE /clients/installs/{id}/excuse -> ClientInstall
export interface Advisory { id: number; ident: string; source: 'catalog' | 'ours' | 'osv' | 'nvd'; title: string; severity: AdvisorySeverity; published: string | null; added: string; url: string | null
  ranges: { product: string; title: string; package: boolean; introduced: string | null; fixed: string | null; last: string | null; sources: ('catalog' | 'ours' | 'osv' | 'nvd')[] }[]; affected: number }   // affected: clients here; fixed: the first version without it; last: the last version with it; sources: who tells this range
// GET /clients/advisories?q&cursor&limit -> {advisories: Advisory[], cursor}   GET /clients/advisories/{id} -> Advisory
// POST /clients/inventory?name&host&whole=1 (file: osquery JSON, JSON, CSV) -> ImportTold   (host: whose it is, where the file does not say; whole: what a machine had and is not in it, is gone)
// POST /clients/advisories?name (file: OSV JSON, NVD JSON of API 2.0) -> ImportTold
export interface ImportTold { id: number; rows: number; taken: number; skipped: number; other: number; machines: number; gone: number; problems: { line: number; text: string }[] }   // other: software that is no client of a service; skipped: lines that could not be read; line: of the file, or the number of the entry
// GET /clients/summary -> ClientSummary
export interface ClientSummary { counts: ClientCounts; worst: ClientProduct[]; no_owner: number; last_inventory: string | null
  virus: { scanners: number; old_signatures: number; oldest_signatures: string | null; files: number; not_scanned: number; infected: number } }   // worst: at most 5; no_owner: products with old clients and nobody to mend them; virus: of the last 7 days
// GET /virus?days (7 to 90) -> VirusProgram
export interface VirusProgram { days: number; most_hours: number
  scanners: { sensor: string; engine: string; signatures: string | null; age_hours: number | null; old: boolean; first: string; last: string; files: number; away: boolean }[]   // signatures: when they were made; away: it answered nothing in the sensor's last day with files
  sensors: { sensor: string; kind: string; seen: string | null; files: number; not_scanned: number; last_file: string | null }[]
  over_time: { day: string; clean: number; infected: number; suspicious: number; not_scanned: number; not_looked_at: number }[]
  reasons: { reason: string; files: number; what_to_do: string }[]
  totals: { files: number; clean: number; infected: number; suspicious: number; not_scanned: number; not_looked_at: number } }
// ---- board report ----
// GET /reports/board?quarter=2026-Q4   PUT /reports/board {quarter, statement}   POST /reports/board/sign-off {quarter, sha256}: by somebody who did not write at it, freshly proved
// GET /reports/board/file?quarter=: the page, PDF
export interface BoardReport { quarter: string; from: string; until: string; statement: string; sha256: string | null; author: string | null; changed: string | null; signed_by: string | null; signed: string | null; may_sign: boolean }   // sha256: of the statement; null: there is none

// ---- evidence packages ----
// Made by the clerk: waiting -> making -> ready | failed; removed: its file is gone, the row stays until its time is over. `parts` empty: all.
export type PackageState = 'waiting' | 'making' | 'ready' | 'failed' | 'removed'
export interface EvidencePackage { id: number; state: PackageState; prepared_for: string; purpose: string; parts: string[]; from: string; until: string; asked: string; asked_by: string | null
  made: string | null; percent: number; why: string | null; name: string; size: number | null; sha256: string | null; files: number | null; version: string | null; downloads: number; removed: string | null }
// GET /evidence?cursor&limit -> EvidencePage   POST /evidence {prepared_for, purpose, from, until, parts?} -> EvidencePackage   GET /evidence/{id}
// GET /evidence/{id}/file: the ZIP, in the audit trail   DELETE /evidence/{id}
export interface EvidencePage { packages: EvidencePackage[]; cursor: string | null; parts: string[]; key: string | null }   // parts: that there are; key: the public key that signs, in hexadecimal
// GET /evidence/mapping -> {tables: MappingTable[]}   (422: a file of the institution's own is wrong; its name and line)
export interface MappingRow { section: string; asks: string; parts: string[]; shows: string; not_covered: string }
export interface MappingTable { name: string; title: string; source: string; ours: boolean; rows: MappingRow[] }

// ---- people ----
export interface Person { id: number; pseudonym: string; name: string | null; email: string | null; number: string | null; title: string | null; department: { id: number; name: string } | null; manager: { id: number; label: string } | null
  source: 'ldap' | 'csv' | 'hand'; state: 'active' | 'left'; joined: string; left: string | null; aliases: { kind: string; value: string; source: string; until: string | null }[] }
// GET /people?q&department&state&cursor&limit -> {people, cursor, total}  GET /people/{id}  POST /people  PATCH /people/{id}   POST /people/{id}/aliases {kind,value}  DELETE /people/{id}/aliases {kind,value}
// GET /departments -> {departments:[{id,name,parent,manager,people}]}
// POST /people/import (CSV file; ?dry=1) -> {added, changed, left, unchanged, problems:[{line,text}]}     POST /people/sync (?dry=1) -> {added, changed, left, unchanged}   (?force=1: although many would leave)
export interface Synced { added: number; changed: number; left: number; unchanged: number; problems?: { line: number; text: string }[] }
export interface Department { id: number; name: string; parent: number | null; manager: string | null; people: number }
// ---- administration ----
export interface Sensor { id: number; name: string; kind: 'sensor' | 'gateway' | 'folder' | 'import'; state: 'active' | 'revoked'; enrolled: string; seen: string | null; connected: boolean; events: number
  status: null | { version: string; uptime_s: number; packets_per_s: number; drops: number; flows: number; lost: number; waiting: number; certificate_end: string | null; policy: string | null }; health: 'well' | 'silent' | 'dropping' | 'never seen' | 'revoked' }
// GET /sensors -> {sensors}  POST /sensors {name, kind, renew?} -> Sensor & {bundle: text (PEM: CA, certificate, key), command: text}   (strong) DELETE /sensors/{id} revokes
export interface Import { id: number; name: string; kind: 'capture' | 'events'; state: 'waiting' | 'running' | 'done' | 'failed'; size: number; done: number; events: number; error: string | null; created: string; ended: string | null }
// GET /imports -> {imports}   GET /imports/{id}   POST /imports?name=… (octets)
export interface Account { id: number; name: string; full_name: string; email: string | null; roles: Role[]; source: 'local' | 'ldap' | 'oidc'; state: 'active' | 'disabled'; expires: string | null; second_factor: boolean; locked: boolean; seen: string | null; person: number | null }
// GET /accounts -> {accounts, warnings:[text]}  POST /accounts {name, full_name, email?, roles, password?, expires?, person?} PATCH /accounts/{id} (and locked:false)  POST /accounts/{id}/reset {password} (all strong)
// (roles of an account of a directory or a provider come from its groups there)
// PUT /session/password {old, new}   POST /session/totp -> {secret, uri}   PUT /session/totp {code}   DELETE /session/totp (strong)
// GET /session/list -> {sessions}   DELETE /session/list/{id}
export interface OwnSession { id: string; created: string; seen: string; address: string; agent: string; current: boolean }
export interface Token { id: number; name: string; scopes: string[]; created: string; expires: string; used: string | null; revoked: string | null }
// GET /tokens -> {tokens}   POST /tokens {name, scopes, days} -> & {token}   DELETE /tokens/{id}
// GET /views?page -> {views:[{id,name,page,query,shared,mine}]}   POST /views {name,page,query,shared}   DELETE /views/{id}
export interface AuditRecord { seq: number; time: string; actor: string; address: string | null; act: string; object: string; detail: unknown }
// GET /audit?actor&act&object&q&cursor&limit -> {records, cursor}   GET /audit/state -> AuditState   POST /audit/verify -> AuditCheck   GET /audit/export
export interface AuditState { records: number; checkpoints: number; unsigned: number; last_checkpoint: string | null; key: string | null }
export interface AuditCheck { whole: boolean; records: number; checkpoints: number; unsigned: number; wrong: string | null }
export interface Settings { institution: string; retention: { events_days: number; incidents_days: number; sessions_days: number; audit_years: number }; second_factor: Role[]; session: { idle_minutes: number; hours: number }
  exceptions: { most_days: number; emergency_hours: number; managers_start: boolean }
  ldap: { on: boolean; url: string; kind: string; start_tls: boolean; plain: boolean; ca: string; bind_dn: string; password: boolean; base: string; filter: string; group_base: string; attributes: Record<string, string>; sync: boolean; sync_hour: number; roles: Record<string, string> }
  documents: { approvals: number }
  clients: { critical_days: number; high_days: number; medium_days: number; low_days: number; gone_days: number; remind_before_days: number; signature_hours: number }
  mail: { on: boolean; host: string; port: number; security: string; ca: string; user: string; password: boolean; from: string; console: string }
  oidc: { on: boolean; name: string; issuer: string; client: string; secret: boolean; redirect: string; scopes: string; ca: string; roles_claim: string; roles: Record<string, string> } }
// GET /settings -> Settings   PATCH /settings (strong; what it has of it; null: as at first; secrets are texts; roles of maps are apart by spaces)
// POST /settings/oidc/test -> {url}: the provider answers (the address that a browser would be sent to); else 422, 502
// GET /retention -> Retention
export interface Retention { kinds: { kind: string; days: number | null; oldest: string | null; bytes: number | null; next: string | null }[]; runs: { kind: string; before: string; removed: number; digest: string; time: string }[] }
// GET /stream: text/event-stream; `event: changed`, data {"what":["events","incidents"]}; `event: ping` every 15 s
// GET /health (public) -> {ok, version}     GET /openapi.yaml (public)
