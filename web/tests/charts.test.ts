// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest'
import type { Overview, Propagation } from '../src/api/types'
import { buckets, heatLevel, heatOf, sankeyOf, serviceOrder, spreadOf, timeTicks } from '../src/charts/layout'

const at = (hour: number) => new Date(Date.UTC(2026, 10, 20, hour)).toISOString()

describe('use over time', () => {
  const rows = [{ time: at(1), service: 'irc', flows: 5 }, { time: at(1), service: 'other', flows: 90 }, { time: at(3), service: 'oscar', flows: 7 }]
  test('the busiest first, "other" last however busy', () => expect(serviceOrder(rows)).toEqual(['oscar', 'irc', 'other']))
  test('time without flows is a bar of nothing; nothing is lost', () => {
    const bars = buckets(rows, at(0), at(5), 'hour', serviceOrder(rows))
    expect(bars.map(bar => bar.total)).toEqual([0, 95, 0, 7, 0])
    expect(bars[1]?.parts).toEqual([{ service: 'irc', value: 5, y0: 0, y1: 5 }, { service: 'other', value: 90, y0: 5, y1: 95 }])
  })
  test('many hours are put together', () => {
    const many = Array.from({ length: 168 }, (_, i) => ({ time: at(i), service: 'irc', flows: 1 }))
    const bars = buckets(many, at(0), at(168), 'hour', ['irc'], 60)
    expect(bars.length).toBeLessThanOrEqual(60)
    expect(bars.reduce((sum, bar) => sum + bar.total, 0)).toBe(168)
  })
  test('marks of the axis lie in the span and are not too many', () => {
    for (const hours of [1, 6, 24, 168, 720, 8760]) {
      const ticks = timeTicks(Date.parse(at(0)), Date.parse(at(hours)), 8)
      expect(ticks.length).toBeGreaterThan(0)
      expect(ticks.length).toBeLessThanOrEqual(9)
      for (const tick of ticks) expect(tick.at >= Date.parse(at(0)) && tick.at <= Date.parse(at(hours))).toBe(true)
    }
  })
})

describe('Sankey', () => {
  const rows: Overview['sankey'] = Array.from({ length: 14 }, (_, i) => ({ department: i % 2 ? 'Treasury' : '', department_id: i % 2 ? 1 : null, service: `s${i}`, action: i % 3 ? 'alert' as const : 'block' as const, flows: 100 - i }))
  const { nodes, links } = sankeyOf(rows, new Map([['s0', 'Zero']]), action => action, 600, 400, 10)
  const total = rows.reduce((sum, row) => sum + row.flows, 0)
  test('what is small is put together, and every column has all flows', () => {
    expect(nodes.filter(node => node.kind === 'service').length).toBe(10)
    for (const kind of ['department', 'service', 'action']) expect(nodes.filter(node => node.kind === kind).reduce((sum, node) => sum + node.value, 0)).toBe(total)
  })
  test('names are those of the catalog; no department is said', () => {
    expect(nodes.find(node => node.id === 's:s0')?.name).toBe('Zero')
    expect(nodes.find(node => node.id === 'd:none')?.name).toBe('Not known')
  })
  test('a service of the name of a department is another node', () => {
    const both = sankeyOf([{ department: 'irc', department_id: 1, service: 'irc', action: 'allow', flows: 1 }], new Map(), action => action, 300, 200)
    expect(both.nodes.length).toBe(3)
  })
  test('all stands in its box', () => {
    for (const node of nodes) expect(node.x0 >= 0 && node.x1 <= 600 && node.y0 >= 0 && node.y1 <= 400).toBe(true)
    for (const link of links) expect(link.path).toMatch(/^M/)
  })
  test('nothing is nothing', () => expect(sankeyOf([], new Map(), action => action, 300, 200)).toEqual({ nodes: [], links: [] }))
})

describe('service and port', () => {
  test('a port-agile port is shown before a busy one', () => {
    const rows = [...Array.from({ length: 20 }, (_, i) => ({ service: 'irc', port: 6660 + i, flows: 1000, agile: false })), { service: 'oscar', port: 23, flows: 1, agile: true }]
    const heat = heatOf(rows, 12, 5)
    expect(heat.ports).toContain(23)
    expect(heat.ports.length).toBe(5)
    expect(heat.cells.get('oscar 23')).toEqual({ flows: 1, agile: true })
    expect(heat.left).toBe(16_000)
  })
  test('one flow is seen beside a million', () => {
    expect(heatLevel(0, 1e6)).toBe(0)
    expect(heatLevel(1, 1e6)).toBe(1)
    expect(heatLevel(1e6, 1e6)).toBe(5)
    expect(heatLevel(1, 1)).toBe(5)
  })
})

describe('spread', () => {
  const node = (id: string, minute: number, origin = false) => ({ id, label: id, who: null, first: new Date(Date.UTC(2026, 10, 20, 9, minute)).toISOString(), alerts: 1, origin })
  const edge = (from: string, to: string, minute: number) => ({ from, to, time: new Date(Date.UTC(2026, 10, 20, 9, minute)).toISOString(), service: 'oscar', what: 'link', event: 1 })
  test('each machine hangs on who reached it first', () => {
    const graph: Propagation = { nodes: [node('a', 0, true), node('b', 1), node('c', 3), node('d', 4)], edges: [edge('b', 'c', 5), edge('a', 'c', 3), edge('a', 'b', 1), edge('c', 'd', 4)] }
    const { nodes, depth } = spreadOf(graph)
    expect(nodes.map(one => [one.node.id, one.parent, one.depth])).toEqual([['a', null, 0], ['b', 'a', 1], ['c', 'a', 1], ['d', 'c', 2]])
    expect(depth).toBe(2)
  })
  test('rings end, and nobody is lost', () => {
    const graph: Propagation = { nodes: [node('a', 0), node('b', 1), node('c', 2)], edges: [edge('a', 'b', 1), edge('b', 'c', 2), edge('c', 'a', 3), edge('a', 'a', 1), edge('x', 'b', 0)] }
    expect(spreadOf(graph).nodes.map(one => one.node.id).sort()).toEqual(['a', 'b', 'c'])
  })
  test('one moment is still a span', () => {
    const { from, to } = spreadOf({ nodes: [node('a', 0, true)], edges: [] })
    expect(to).toBeGreaterThan(from)
    expect(spreadOf({ nodes: [], edges: [] }).nodes).toEqual([])
  })
})
