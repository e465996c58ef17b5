// SPDX-License-Identifier: Apache-2.0
// Every page: its path, the permission it asks for (of the server's permissions.def; null: everybody who is signed in),
// where it stands in the navigation, and the module that is loaded when somebody goes there. A new page is a module in
// pages/ with a component as its default export, and a line here.
import type { ComponentType } from 'react'
import type { IconName } from '../components/icon'

export type Parts = Record<string, string> // what stood for :name in the path
export interface Page { default: ComponentType<{ parts: Parts }> }
export type Section = 'Network' | 'Cases' | 'Rules' | 'Program' | 'Administration' | 'You'

export interface Route {
  path: string
  permission: string | null
  load: () => Promise<Page>
  nav?: { section: Section; name: string; icon: IconName; key?: string; team?: true } // key: g, then this key, goes there; team: for who has one
  home?: false // nobody begins here
  words?: string // more words by which the palette finds it
}

export const routes: readonly Route[] = [
  { path: '/', permission: 'usage:read', load: () => import('../pages/overview'), nav: { section: 'Network', name: 'Overview', icon: 'overview', key: 'o' }, words: 'home dashboard charts' },
  { path: '/events', permission: 'usage:read', load: () => import('../pages/events'), nav: { section: 'Network', name: 'Events', icon: 'events', key: 'e' }, words: 'flows search export' },
  { path: '/events/:id', permission: 'usage:read', load: () => import('../pages/event') },
  { path: '/flows/:id', permission: 'usage:read', load: () => import('../pages/flow') },
  { path: '/people', permission: 'usage:read', load: () => import('../pages/people'), nav: { section: 'Network', name: 'People', icon: 'people', key: 'p' }, words: 'users clients' },
  { path: '/people/:who', permission: 'usage:read', load: () => import('../pages/person') },
  { path: '/spread', permission: 'usage:read', load: () => import('../pages/spread'), nav: { section: 'Network', name: 'Spread', icon: 'spread', key: 's' }, words: 'propagation worm graph' },
  { path: '/incidents', permission: 'incident:read', load: () => import('../pages/incidents'), nav: { section: 'Cases', name: 'Incidents', icon: 'incident', key: 'i' }, words: 'alerts triage' },
  { path: '/incidents/:id', permission: 'incident:read', load: () => import('../pages/incident') },
  { path: '/reveals', permission: 'reveal:read', load: () => import('../pages/reveals'), nav: { section: 'Cases', name: 'Four eyes', icon: 'reveal', key: 'r' }, home: false, words: 'reveal names text pseudonym' },
  { path: '/policy', permission: 'policy:read', load: () => import('../pages/policies'), nav: { section: 'Rules', name: 'Policy', icon: 'policy', key: 'y' }, words: 'rules versions what-if' },
  { path: '/policy/:id', permission: 'policy:read', load: () => import('../pages/policy') },
  { path: '/catalog', permission: 'catalog:read', load: () => import('../pages/catalog'), nav: { section: 'Rules', name: 'Catalog', icon: 'catalog', key: 'c' }, words: 'services vendors' },
  { path: '/catalog/:service', permission: 'catalog:read', load: () => import('../pages/service') },
  { path: '/program', permission: 'program:read', load: () => import('../pages/program'), nav: { section: 'Program', name: 'Program', icon: 'chart', key: 'k' }, home: false, words: 'desk overview unsigned untrained overdue expiring compliance' },
  { path: '/team', permission: 'duty:read', load: () => import('../pages/team'), nav: { section: 'Program', name: 'My team', icon: 'people', team: true }, home: false, words: 'manager signatures training overdue' },
  { path: '/documents', permission: 'document:read', load: () => import('../pages/documents'), nav: { section: 'Program', name: 'Documents', icon: 'file' }, home: false, words: 'written policy versions approve publish template clause' },
  { path: '/documents/:id', permission: 'document:read', load: () => import('../pages/document') },
  { path: '/documents/:id/versions/:version', permission: 'document:read', load: () => import('../pages/document-version') },
  { path: '/signatures', permission: 'duty:read', load: () => import('../pages/signatures'), nav: { section: 'Program', name: 'Signatures', icon: 'edit' }, home: false, words: 'acknowledgement who signed owes overdue remind receipt verify' },
  { path: '/signatures/:id', permission: 'duty:read', load: () => import('../pages/signature') },
  { path: '/courses', permission: 'course:read', load: () => import('../pages/courses'), nav: { section: 'Program', name: 'Courses', icon: 'catalog' }, home: false, words: 'modules questions author publish' },
  { path: '/courses/:id', permission: 'course:read', load: () => import('../pages/course') },
  { path: '/training', permission: 'duty:read', load: () => import('../pages/training'), nav: { section: 'Program', name: 'Training', icon: 'bookmark' }, home: false, words: 'courses overdue certificates assignments learn team' },
  { path: '/exceptions', permission: 'exception:read', load: () => import('../pages/exceptions'), nav: { section: 'Program', name: 'Exceptions', icon: 'shield', key: 'x' }, home: false, words: 'emergency request decide expiring' },
  { path: '/exceptions/:id', permission: 'exception:read', load: () => import('../pages/exception') },
  { path: '/risks', permission: 'risk:read', load: () => import('../pages/risks'), nav: { section: 'Program', name: 'Risks', icon: 'warning' }, home: false, words: 'assessment register matrix likelihood impact' },
  { path: '/risks/:id', permission: 'risk:read', load: () => import('../pages/risk') },
  { path: '/protections', permission: 'risk:read', load: () => import('../pages/protections'), words: 'security products coverage gaps' },
  { path: '/clients', permission: 'client:read', load: () => import('../pages/clients'), nav: { section: 'Program', name: 'Client software', icon: 'shield' }, home: false, words: 'patch program versions advisories cve inventory osquery overdue' },
  { path: '/clients/:product', permission: 'client:read', load: () => import('../pages/client') },
  { path: '/advisories/:id', permission: 'client:read', load: () => import('../pages/advisory') },
  { path: '/virus', permission: 'client:read', load: () => import('../pages/virus'), nav: { section: 'Program', name: 'Virus program', icon: 'warning' }, home: false, words: 'scanner clamav signatures malware antivirus' },
  { path: '/off-channel', permission: 'signal:read', load: () => import('../pages/off-channel'), nav: { section: 'Program', name: 'Off-channel', icon: 'warning' }, home: false, words: 'signals silent approved channels archive counts whatsapp' },
  { path: '/evidence', permission: 'evidence:read', load: () => import('../pages/evidence'), nav: { section: 'Program', name: 'Evidence', icon: 'audit' }, home: false, words: 'package examiner report zip pdf verify mapping regulation glba ffiec finra' },
  { path: '/reports/board', permission: 'evidence:read', load: () => import('../pages/board-report'), nav: { section: 'Program', name: 'Board report', icon: 'export' }, home: false, words: 'quarter statement directors pdf' },
  { path: '/accounts', permission: 'account:write', load: () => import('../pages/accounts'), nav: { section: 'Administration', name: 'Accounts', icon: 'account', key: 'a' }, words: 'users roles passwords' },
  { path: '/sensors', permission: 'sensor:read', load: () => import('../pages/sensors'), nav: { section: 'Administration', name: 'Sensors', icon: 'sensor', key: 'n' }, words: 'health enrol certificate gateway' },
  { path: '/imports', permission: 'import', load: () => import('../pages/imports'), nav: { section: 'Administration', name: 'Imports', icon: 'import', key: 'm' }, words: 'capture pcap eve files upload' },
  { path: '/directory', permission: 'people:read', load: () => import('../pages/directory'), nav: { section: 'Administration', name: 'Directory', icon: 'directory', key: 'd' }, words: 'people employees names aliases ldap' },
  { path: '/directory/import', permission: 'people:write', load: () => import('../pages/directory-import') },
  { path: '/directory/:id', permission: 'people:read', load: () => import('../pages/directory-person') },
  { path: '/departments', permission: 'people:read', load: () => import('../pages/departments'), nav: { section: 'Administration', name: 'Departments', icon: 'people' }, words: 'managers' },
  { path: '/settings', permission: 'setting:read', load: () => import('../pages/settings'), nav: { section: 'Administration', name: 'Settings', icon: 'settings', key: 't' }, words: 'institution second factor sessions ldap openid connect oidc mail smtp' },
  { path: '/retention', permission: 'setting:read', load: () => import('../pages/retention'), nav: { section: 'Administration', name: 'Retention', icon: 'retention' }, words: 'kept removed proof deletion days' },
  { path: '/audit', permission: 'audit:read', load: () => import('../pages/audit'), nav: { section: 'Administration', name: 'Audit trail', icon: 'audit', key: 'u' }, words: 'records verify checkpoint export' },
  { path: '/backup', permission: 'setting:write', load: () => import('../pages/backup'), nav: { section: 'Administration', name: 'Backup', icon: 'shield' }, words: 'restore save' },
  { path: '/mine', permission: 'mine:read', load: () => import('../pages/mine'), nav: { section: 'You', name: 'What is known about me', icon: 'mine' }, words: 'privacy own' },
  { path: '/mine/documents', permission: 'mine:read', load: () => import('../pages/my-documents'), nav: { section: 'You', name: 'My documents', icon: 'edit' }, home: false, words: 'sign policy receipt signatures' },
  { path: '/mine/documents/:id', permission: 'mine:read', load: () => import('../pages/my-document') },
  { path: '/mine/training', permission: 'mine:read', load: () => import('../pages/my-training'), nav: { section: 'You', name: 'My training', icon: 'bookmark' }, home: false, words: 'learn course test certificate' },
  { path: '/mine/training/attempts/:id', permission: 'mine:read', load: () => import('../pages/my-attempt') },
  { path: '/mine/training/:course', permission: 'mine:read', load: () => import('../pages/my-course') },
  { path: '/mine/exceptions', permission: 'mine:read', load: () => import('../pages/my-exceptions'), nav: { section: 'You', name: 'My exceptions', icon: 'shield' }, home: false, words: 'ask permission emergency' },
  { path: '/mine/exceptions/:id', permission: 'mine:read', load: () => import('../pages/exception') },
  { path: '/account', permission: null, load: () => import('../pages/account'), nav: { section: 'You', name: 'My account', icon: 'key' }, words: 'password second factor totp sessions tokens theme' },
  { path: '/start', permission: 'import', load: () => import('../pages/bring-data'), words: 'first run wizard bring data import capture example' },
]

export const SECTIONS: readonly Section[] = ['Network', 'Cases', 'Rules', 'Program', 'Administration', 'You']

/** Where somebody begins: the first page of the navigation that they may see. */
export function homeOf(can: (permission: string | null) => boolean): string {
  return routes.find(route => route.nav && route.home !== false && can(route.permission))?.path ?? '/account'
}
