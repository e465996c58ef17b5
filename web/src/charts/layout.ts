// SPDX-License-Identifier: Apache-2.0
// Where things stand in the charts: pure functions, tested in tests/charts.test.ts.
import { sankey, sankeyJustify, sankeyLinkHorizontal, type SankeyGraph } from 'd3-sankey'
import type { Action, Overview, Propagation } from '../api/types'
import { ACTION_ORDER } from '../lib/words'

const HOUR = 3_600_000

// ---- usage over time ----
export interface Bucket { start: number; end: number; total: number; parts: { service: string; value: number; y0: number; y1: number }[] }

/** The order of services from the busiest, "other" always last. */
export function serviceOrder(rows: Overview['over_time']): string[] {
  const sums = new Map<string, number>()
  for (const row of rows) sums.set(row.service, (sums.get(row.service) ?? 0) + row.flows)
  return [...sums.keys()].sort((a, b) => (a === 'other' ? 1 : b === 'other' ? -1 : (sums.get(b) ?? 0) - (sums.get(a) ?? 0) || a.localeCompare(b)))
}

/** Bars of equal time, at most `most` of them: hours are put together to 2, 3, 4, 6, 12 or 24. Time without flows is a bar of nothing. */
export function buckets(rows: Overview['over_time'], from: string, to: string, step: 'hour' | 'day', order: readonly string[], most = 96): Bucket[] {
  const unit = step === 'hour' ? HOUR : 24 * HOUR
  const first = Math.floor(Date.parse(from) / unit) * unit
  const count = Math.max(1, Math.ceil((Date.parse(to) - first) / unit))
  const together = (step === 'hour' ? [1, 2, 3, 4, 6, 12, 24] : [1, 7, 14, 28]).find(n => count / n <= most) ?? Math.ceil(count / most)
  const width = unit * together
  const start = Math.floor(first / width) * width
  const bars: Map<string, number>[] = Array.from({ length: Math.max(1, Math.ceil((Date.parse(to) - start) / width)) }, () => new Map())
  for (const row of rows) {
    const bar = bars[Math.floor((Date.parse(row.time) - start) / width)]
    bar?.set(row.service, (bar.get(row.service) ?? 0) + row.flows)
  }
  return bars.map((bar, i) => {
    let y = 0
    const parts = order.filter(service => bar.has(service)).map(service => {
      const value = bar.get(service) ?? 0
      const part = { service, value, y0: y, y1: y + value }
      y += value
      return part
    })
    return { start: start + i * width, end: start + (i + 1) * width, total: y, parts }
  })
}

/** Times at which an axis is marked, and how they are written: hours of one day, else days. */
export function timeTicks(from: number, to: number, most: number): { at: number; text: string }[] {
  const two = (n: number) => String(n).padStart(2, '0')
  const span = to - from
  const minutes = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720].find(n => span / (n * 60_000) <= most)
  const ticks: { at: number; text: string }[] = []
  if (minutes !== undefined && span <= 2.5 * 24 * HOUR) {
    const at = new Date(from)
    at.setHours(0, 0, 0, 0)
    for (let t = at.getTime(); t <= to; t += minutes * 60_000) {
      const time = new Date(t)
      if (t >= from) ticks.push({ at: t, text: time.getHours() === 0 && time.getMinutes() === 0 ? `${two(time.getMonth() + 1)}-${two(time.getDate())}` : `${two(time.getHours())}:${two(time.getMinutes())}` })
    }
    return ticks
  }
  const days = [1, 2, 7, 14, 30, 61, 122].find(n => span / (n * 24 * HOUR) <= most) ?? 365
  const at = new Date(from)
  at.setHours(0, 0, 0, 0)
  for (; at.getTime() <= to; at.setDate(at.getDate() + days)) if (at.getTime() >= from) ticks.push({ at: at.getTime(), text: `${days > 300 ? `${at.getFullYear()}-` : ''}${two(at.getMonth() + 1)}-${two(at.getDate())}` })
  return ticks
}

// ---- department, service, verdict ----
export interface FlowNode { id: string; kind: 'department' | 'service' | 'action'; name: string; key: string; value: number; x0: number; x1: number; y0: number; y1: number }
export interface FlowLink { id: string; path: string; width: number; value: number; action: Action | null; from: string; to: string; fromName: string; toName: string; service: string; department: string | null }
interface RawNode { id: string; kind: FlowNode['kind']; name: string; key: string }
interface RawLink { source: string; target: string; value: number; action: Action | null; service: string; department: string | null }

/** The Sankey diagram. What is small is put together: beyond `most` services, they are "other". */
export function sankeyOf(rows: Overview['sankey'], names: ReadonlyMap<string, string>, actionName: (action: Action) => string, width: number, height: number, most = 10): { nodes: FlowNode[]; links: FlowLink[] } {
  const sums = new Map<string, number>()
  for (const row of rows) sums.set(row.service, (sums.get(row.service) ?? 0) + row.flows)
  const big = new Set([...sums].sort((a, b) => b[1] - a[1]).slice(0, sums.size > most ? most - 1 : most).map(([service]) => service))
  const nodes = new Map<string, RawNode>()
  const links = new Map<string, RawLink>()
  const add = (source: string, target: string, value: number, action: Action | null, service: string, department: string | null) => {
    const id = `${source} ${target}`
    const link = links.get(id)
    if (link) link.value += value
    else links.set(id, { source, target, value, action, service, department })
  }
  for (const row of rows) {
    if (row.flows <= 0) continue
    const slug = big.has(row.service) ? row.service : 'other'
    const department = row.department_id === null ? 'none' : String(row.department_id)
    nodes.set(`d:${department}`, { id: `d:${department}`, kind: 'department', name: row.department || 'Not known', key: department })
    nodes.set(`s:${slug}`, { id: `s:${slug}`, kind: 'service', name: slug === 'other' ? 'Other services' : (names.get(slug) ?? slug), key: slug })
    nodes.set(`a:${row.action}`, { id: `a:${row.action}`, kind: 'action', name: actionName(row.action), key: row.action })
    add(`d:${department}`, `s:${slug}`, row.flows, null, slug, department)
    add(`s:${slug}`, `a:${row.action}`, row.flows, row.action, slug, null)
  }
  if (links.size === 0) return { nodes: [], links: [] }
  const rank = (node: RawNode) => (node.kind === 'action' ? ACTION_ORDER.indexOf(node.key as Action) : 0)
  const layout = sankey<RawNode, RawLink>()
    .nodeId(node => node.id)
    .nodeAlign(sankeyJustify)
    .nodeSort((a, b) => (a.kind === 'action' ? rank(a) - rank(b) : (b.value ?? 0) - (a.value ?? 0)))
    .nodeWidth(10)
    .nodePadding(14)
    .extent([[0, 6], [width, height - 6]])
  const graph: SankeyGraph<RawNode, RawLink> = layout({ nodes: [...nodes.values()].map(node => ({ ...node })), links: [...links.values()].map(link => ({ ...link })) })
  const path = sankeyLinkHorizontal<RawNode, RawLink>()
  return {
    nodes: graph.nodes.map(node => ({ id: node.id, kind: node.kind, name: node.name, key: node.key, value: node.value ?? 0, x0: node.x0 ?? 0, x1: node.x1 ?? 0, y0: node.y0 ?? 0, y1: node.y1 ?? 0 })),
    links: graph.links.map(link => {
      const from = link.source as unknown as RawNode
      const to = link.target as unknown as RawNode
      return { id: `${from.id} ${to.id}`, path: path(link) ?? '', width: Math.max(1, link.width ?? 1), value: link.value, action: link.action, from: from.id, to: to.id, fromName: from.name, toName: to.name, service: link.service, department: link.department }
    }),
  }
}

// ---- service by port ----
export interface Heat { services: string[]; ports: number[]; cells: Map<string, { flows: number; agile: boolean }>; most: number; left: number }
/**
 * The busiest services and ports; those with a port-agile flow before others, because they are what is looked for. Every
 * service that is shown has a port that is shown, as far as there is room: a row of nothing would say that it was not used.
 */
export function heatOf(rows: Overview['ports'], mostServices = 12, mostPorts = 14): Heat {
  const weight = (sum: Map<string | number, number>, key: string | number, row: Overview['ports'][number]) => sum.set(key, (sum.get(key) ?? 0) + row.flows + (row.agile ? 1e12 : 0))
  const byService = new Map<string | number, number>()
  const byPort = new Map<string | number, number>()
  const flows = new Map<string, number>()
  for (const row of rows) {
    weight(byService, row.service, row)
    weight(byPort, row.port, row)
    flows.set(row.service, (flows.get(row.service) ?? 0) + row.flows)
  }
  const ordered = (sum: Map<string | number, number>) => [...sum].sort((a, b) => b[1] - a[1]).map(([key]) => key)
  const services = new Set(ordered(byService).slice(0, mostServices))
  const byRank = ordered(byPort) as number[]
  const ports = new Set<number>()
  for (const service of services) { // one port of each service first: that of its own which ranks highest
    const own = new Set(rows.filter(row => row.service === service).map(row => row.port))
    const first = byRank.find(port => own.has(port))
    if (first !== undefined && ports.size < mostPorts && ![...own].some(port => ports.has(port))) ports.add(first)
  }
  for (const port of byRank) if (ports.size < mostPorts) ports.add(port)
  const cells = new Map<string, { flows: number; agile: boolean }>()
  let most = 0
  let left = 0
  for (const row of rows) {
    if (!services.has(row.service) || !ports.has(row.port)) {
      left += row.flows
      continue
    }
    const key = `${row.service} ${row.port}`
    const cell = cells.get(key) ?? { flows: 0, agile: false }
    cell.flows += row.flows
    cell.agile ||= row.agile
    cells.set(key, cell)
    most = Math.max(most, cell.flows)
  }
  const drawn = ([...services] as string[]).filter(service => [...ports].some(port => cells.has(`${service} ${port}`)))
  return { services: drawn.sort((a, b) => (flows.get(b) ?? 0) - (flows.get(a) ?? 0)), ports: [...ports].sort((a, b) => a - b), cells, most, left }
}
/** 0 to 5 on a logarithmic scale: one flow is seen beside a million. */
export const heatLevel = (flows: number, most: number) => (flows <= 0 ? 0 : Math.min(5, 1 + Math.floor((Math.log1p(flows) / Math.log1p(Math.max(most, 1))) * 4.0001)))

// ---- spread ----
export interface SpreadNode { node: Propagation['nodes'][number]; at: number; row: number; depth: number; victims: number; parent: string | null }
export interface Spread { nodes: SpreadNode[]; from: number; to: number; depth: number }
/**
 * Who infected whom, as a tree on an axis of time: each node hangs on the first edge that reached it; a node's victims
 * stand below it, in the order in which they were reached. Edges that come later stay edges, but make no tree.
 */
export function spreadOf(graph: Propagation): Spread {
  const byId = new Map(graph.nodes.map(node => [node.id, node]))
  const parent = new Map<string, { from: string; at: number }>()
  for (const edge of [...graph.edges].sort((a, b) => Date.parse(a.time) - Date.parse(b.time))) {
    if (edge.from === edge.to || parent.has(edge.to) || !byId.has(edge.from) || byId.get(edge.to)?.origin) continue
    let up: string | undefined = edge.from // never a ring
    for (let i = 0; up !== undefined && up !== edge.to && i <= graph.nodes.length; i++) up = parent.get(up)?.from
    if (up !== edge.to) parent.set(edge.to, { from: edge.from, at: Date.parse(edge.time) })
  }
  const children = new Map<string | null, string[]>()
  const when = (id: string) => parent.get(id)?.at ?? Date.parse(byId.get(id)?.first ?? '')
  for (const node of graph.nodes) {
    const up = parent.get(node.id)?.from ?? null
    children.set(up, [...(children.get(up) ?? []), node.id])
  }
  for (const list of children.values()) list.sort((a, b) => when(a) - when(b) || a.localeCompare(b))
  const nodes: SpreadNode[] = []
  let depth = 0
  const open = (children.get(null) ?? []).map(id => ({ id, depth: 0 })).reverse()
  while (open.length > 0) {
    const next = open.pop()
    const node = next && byId.get(next.id)
    if (!next || !node) continue
    const below = children.get(next.id) ?? []
    nodes.push({ node, at: when(next.id), row: nodes.length, depth: next.depth, victims: below.length, parent: parent.get(next.id)?.from ?? null })
    depth = Math.max(depth, next.depth)
    for (const id of [...below].reverse()) open.push({ id, depth: next.depth + 1 })
  }
  const times = nodes.map(one => one.at).filter(Number.isFinite)
  const from = Math.min(...times)
  const to = Math.max(...times)
  return times.length === 0 ? { nodes, from: 0, to: 1, depth } : { nodes, from, to: to > from ? to : from + 60_000, depth }
}
