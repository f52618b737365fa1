import { useQuery } from '@tanstack/react-query'
import { useSyncExternalStore } from 'react'
import { groupsQuery } from '../api/queries'
import type { Group } from '../api/types'

const KEY = 'vori.group'
const listeners = new Set<() => void>()

export function chooseGroup(groupId: number): void {
  localStorage.setItem(KEY, String(groupId))
  listeners.forEach((listener) => {
    listener()
  })
}

/** The group that is shown: the one chosen last, else the first. null while not known. */
export function useGroup(): { group: Group | null; groups: Group[]; isLoading: boolean; error: unknown } {
  const { data: groups = [], isLoading, error } = useQuery(groupsQuery)
  const chosen = useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => Number(localStorage.getItem(KEY)),
  )
  const group = groups.find((one) => one.groupId === chosen) ?? groups[0] ?? null
  return { group, groups, isLoading, error }
}
