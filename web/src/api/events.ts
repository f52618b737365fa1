/** `/api/events`: what happens in my groups, while this page is open. */

import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { socketAddress } from './http'
import { dropTicket, keys, meQuery, refreshTicket } from './queries'
import { session } from './session'
import type { Line, Meeting, User } from './types'

type Event =
  | { type: 'ready' | 'heartbeat' }
  | { type: 'error'; code: string }
  | {
      type: 'ticket.created' | 'ticket.updated'
      ticket: { ticketId: string; assigneeId?: number | null }
      meetingId?: number | null
      deleted?: boolean
    }
  | {
      type: 'meeting.created' | 'meeting.updated'
      meetingId: number
      groupId: number
      changed?: string[]
    }
  | {
      type:
        | 'analytics.changed'
        | 'analytics.ticket.metrics'
        | 'analytics.productivity'
        | 'analytics.trends.groups'
        | 'analytics.insights'
    }
  | { type: 'transcription.job'; meetingId: number; job: { state: string; applies: boolean } }
  | { type: 'proposal.created' | 'proposal.updated'; meetingId: number }
  | { type: 'meeting.summary'; meetingId: number; groupId: number }
  | {
      type: 'caption'
      captionId: string
      meetingId: number
      audioId: string
      text: string
      language: string
      startMs: number
      endMs: number
      meetingStartMs: number
      speakerId?: number | null
    }

/** The server is heard every 20 s; after so long without it the line is dead. */
const SILENCE_MS = 45_000
const FIRST_WAIT_MS = 500
const READ_AFTER_MS = 3_000
const COUNT_AFTER_MS = 1_000
const LONGEST_WAIT_MS = 10_000

/** Listens as long as it is mounted. Tells whether the line is there (null: not known yet). */
export function useEvents(meetingId?: number): boolean | null {
  const client = useQueryClient()
  const [isThere, setThere] = useState<boolean | null>(null)
  const wasAway = useRef(false)

  useEffect(() => {
    let socket: WebSocket | null = null
    let timer = 0
    let waitMs = FIRST_WAIT_MS
    let isOver = false
    let reading = 0
    let counting = 0
    /** One minute's results come as many events. */
    const countSoon = () => {
      window.clearTimeout(counting)
      counting = window.setTimeout(() => {
        void client.invalidateQueries({ queryKey: ['analytics'] })
      }, COUNT_AFTER_MS)
    }

    /** Blockers and proposals follow the words by a moment, and nothing tells of blockers. */
    const readSoon = (id: number) => {
      window.clearTimeout(reading)
      reading = window.setTimeout(() => {
        refreshReading(id)
      }, READ_AFTER_MS)
    }
    const open = () => {
      socket = new WebSocket(socketAddress('/api/events', { meetingId }))
      socket.onmessage = (message) => {
        watch()
        hear(JSON.parse(String(message.data)) as Event)
      }
      socket.onclose = (event) => {
        window.clearTimeout(timer)
        if (isOver) return
        if (event.code === 4401) {
          session.expire()
          return
        }
        wasAway.current = true
        setThere(false)
        timer = window.setTimeout(open, waitMs)
        waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)
      }
      watch()
    }
    const watch = () => {
      window.clearTimeout(timer)
      timer = window.setTimeout(() => socket?.close(), SILENCE_MS)
    }
    const refreshReading = (id: number) => {
      void client.invalidateQueries({ queryKey: keys.proposals(id) })
      void client.invalidateQueries({ queryKey: keys.blockers(id) })
    }
    const hear = (event: Event) => {
      switch (event.type) {
        case 'ready':
          waitMs = FIRST_WAIT_MS
          setThere(true)
          // What happened while nobody listened is in the API.
          if (wasAway.current) void client.invalidateQueries()
          break
        case 'ticket.created':
        case 'ticket.updated':
          if (event.deleted) dropTicket(client, event.ticket.ticketId)
          else {
            const touchedIn = event.meetingId ?? undefined
            void refreshTicket(client, event.ticket.ticketId, touchedIn).catch(() => undefined)
          }
          if (event.ticket.assigneeId === client.getQueryData<User>(meQuery.queryKey)?.userId) {
            void client.invalidateQueries({ queryKey: keys.notices })
          }
          if (event.meetingId) refreshReading(event.meetingId)
          break
        case 'meeting.created':
        case 'meeting.updated':
          void client.invalidateQueries({ queryKey: keys.meetings(event.groupId) })
          void client.invalidateQueries({ queryKey: keys.meeting(event.meetingId), exact: true })
          if (event.changed?.includes('status')) {
            void client.invalidateQueries({ queryKey: keys.notices })
            void client.invalidateQueries({ queryKey: keys.recordings(event.meetingId) })
          }
          break
        case 'proposal.created':
        case 'proposal.updated':
          refreshReading(event.meetingId)
          break
        case 'analytics.changed':
        case 'analytics.ticket.metrics':
        case 'analytics.productivity':
        case 'analytics.trends.groups':
        case 'analytics.insights':
          countSoon()
          break
        case 'transcription.job':
          void client.invalidateQueries({ queryKey: keys.jobs(event.meetingId) })
          if (event.job.state === 'COMPLETE') {
            void client.invalidateQueries({ queryKey: keys.meeting(event.meetingId) })
          }
          break
        case 'meeting.summary':
          void client.invalidateQueries({ queryKey: keys.minutes(event.meetingId) })
          client.setQueryData<Meeting>(keys.meeting(event.meetingId), (known) =>
            known ? { ...known, hasMinutes: true } : known,
          )
          break
        case 'caption':
          client.setQueryData<Line[]>(keys.transcript(event.meetingId), (lines) =>
            lines ? withLine(lines, lineOf(event)) : lines,
          )
          readSoon(event.meetingId)
          break
      }
    }
    open()
    return () => {
      isOver = true
      window.clearTimeout(timer)
      window.clearTimeout(reading)
      window.clearTimeout(counting)
      socket?.close()
    }
  }, [client, meetingId])

  return isThere
}

function lineOf(caption: Extract<Event, { type: 'caption' }>): Line {
  return {
    captionId: caption.captionId,
    audioId: caption.audioId,
    text: caption.text,
    language: caption.language,
    startMs: caption.meetingStartMs,
    endMs: caption.meetingStartMs + (caption.endMs - caption.startMs),
    speakerId: caption.speakerId ?? null,
    speaker: null,
    words: [],
  }
}

/** `lines` with one more in its place by time; a line that is there already changes nothing. */
export function withLine(lines: readonly Line[], line: Line): Line[] {
  if (lines.some((one) => one.captionId === line.captionId)) return lines as Line[]
  const at = lines.findLastIndex((one) => one.startMs <= line.startMs) + 1
  return [...lines.slice(0, at), line, ...lines.slice(at)]
}
