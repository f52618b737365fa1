/** What concerns me: told in the page as it comes, and by the browser if it may. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
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

/** Where what it tells of is. */
export function placeOf({ ticketId, meetingId }: Notice) {
  return ticketId
    ? ({ to: '/board', search: { ticket: ticketId } } as const)
    : ({ to: '/meetings/$meetingId', params: { meetingId: String(meetingId) } } as const)
}

/** Tells of what comes while the page is open. */
export function useNotices(): Notices | undefined {
  const { data } = useQuery(noticesQuery)
  const say = useSay()
  const sentence = useSentence()
  const navigate = useNavigate()
  const known = useRef<Set<string> | null>(null)
  useEffect(() => {
    if (!data) return
    const before = known.current
    known.current = new Set(data.items.map((one) => one.noticeId))
    if (before === null) return // what was there before the page was opened waits in the list
    const fresh = data.items.filter((one) => !one.isRead && !before.has(one.noticeId))
    for (const one of fresh.slice(0, 3).reverse()) {
      say(sentence(one))
      tellBrowser(one.noticeId, sentence(one), () => void navigate(placeOf(one)))
    }
  }, [data, say, sentence, navigate])
  return data
}

/** By the browser, to somebody who looks elsewhere. `tag`: one of a kind takes the other's place. */
export function tellBrowser(tag: string, text: string, onClick?: () => void): void {
  if (permission() !== 'on' || !document.hidden) return
  try {
    const shown = new Notification('VORI', { body: text, tag, icon: '/icon.svg' })
    shown.onclick = () => {
      window.focus()
      onClick?.()
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
