// SPDX-License-Identifier: Apache-2.0
// Names of services and departments by their slugs and numbers; read once, for pages that only have those.
import { useMemo } from 'react'
import { useQuery } from '../api/query'
import type { CatalogRow } from '../api/types'
import type { Choice } from '../components/controls'
import { useCan } from './session'

export function useServiceNames(): ReadonlyMap<string, string> {
  const can = useCan() // employees do not read the catalog, only what they may ask an exception for
  const catalog = useQuery<{ services: Pick<CatalogRow, 'service' | 'name'>[] }>(can('catalog:read') ? '/catalog' : can('exception:ask') ? '/exceptions/choices' : null)
  return useMemo(() => new Map(catalog.data?.services.map(one => [one.service, one.name])), [catalog.data])
}
export function useDepartments(): readonly Choice[] {
  const list = useQuery<{ departments: { id: number; name: string }[] }>(useCan()('people:read') ? '/departments' : null)
  return useMemo(() => [...(list.data?.departments.map(one => ({ id: String(one.id), name: one.name })) ?? []), { id: 'none', name: 'Not known' }], [list.data])
}
