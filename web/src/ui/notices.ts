/** What concerns me: told in the page as it comes, and by the browser if it may. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import { json } from '../api/http'
import { keys, noticesQuery } from '../api/queries'
import type { Notice, Notices } from '../api/types'
import { useSay } from './toasts'

const KEY = 'vori.notify'
const listeners = new Set<() => void>()

/** off: not wanted; blocked: wanted, but the browser says no. */
export type Permission = 'on' | 'off' | 'blocked' | 'impossible'

export function permission(): Permission {
  if (!('Notification' in window)) return 'impossible'
  if (localStorage.getItem(KEY) !== 'yes') return 'off'
  return Notification.permission === 'granted' ? 'on' : 'blocked'
}

export async function allow(isWanted: boolean): Promise<void> {
  localStorage.setItem(KEY, isWanted ? 'yes' : 'no')
  if (isWanted && 'Notification' in window) await Notification.requestPermission()
  listeners.forEach((listener) => {
    listener()
  })
}

export const usePermission = (): Permission =>
  useSyncExternalStore((listener) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }, permission)

/** One sentence about it. */
export function useSentence(): (notice: Notice) => string {
  const { t } = useTranslation()
  return ({ kind, title, ticketId, status, by }) => {
    const name = title || t('common.untitled')
    const who = by ?? t('ticket.byMachine')
    if (kind === 'started') return t('notice.started', { title: name, who: by ?? '' })
    if (kind === 'due') return t('notice.due', { title: name, id: ticketId })
    if (kind === 'assigned') return t('notice.assigned', { title: name, id: ticketId, who })
    const column = t(`ticket.status.${status as 'TODO'}`)
    return t('notice.moved', { title: name, id: ticketId, who, column })
  }
}

/** Tells of what comes while the page is open. */
export function useNotices(): Notices | undefined {
  const { data } = useQuery(noticesQuery)
  const say = useSay()
  const sentence = useSentence()
  const known = useRef<Set<string> | null>(null)
  useEffect(() => {
    if (!data) return
    const before = known.current
    known.current = new Set(data.items.map((one) => one.noticeId))
    if (before === null) return // what was there before the page was opened waits in the list
    const fresh = data.items.filter((one) => !one.isRead && !before.has(one.noticeId))
    for (const one of fresh.slice(0, 3).reverse()) {
      say(sentence(one))
      tellBrowser(one, sentence(one))
    }
  }, [data, say, sentence])
  return data
}

function tellBrowser(notice: Notice, text: string): void {
  if (permission() !== 'on' || !document.hidden) return
  try {
    const shown = new Notification('VORI', { body: text, tag: notice.noticeId, icon: '/icon.svg' })
    shown.onclick = () => {
      window.focus()
      shown.close()
    }
  } catch {
    // Browsers of phones show them through a service worker only.
  }
}

/** Everything up to the newest one has been seen. */
export function useSeen() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (until: string) => json('POST', '/api/notices/read', { body: { until } }),
    onMutate: (until) => {
      client.setQueryData<Notices>(keys.notices, (all) =>
        all
          ? {
              ...all,
              unread: 0,
              readUntil: until,
              items: all.items.map((one) => ({ ...one, isRead: true })),
            }
          : all,
      )
    },
  })
}
