import type { Ticket } from '../api/types'

export const DUES = ['overdue', 'week', 'later', 'none'] as const
export type Due = (typeof DUES)[number]

const WEEK = 7
const DAY_MS = 86_400_000

/** The API's own filters; dates are included. */
export interface Asked {
  q?: string
  assigneeId?: number
  meetingId?: number
  dueAfter?: string
  dueBefore?: string
}

export interface Filter {
  text: string
  /** A user, nobody, or everybody (null). */
  assignee: number | 'nobody' | null
  /** A meeting, none, or any (null). */
  meeting: number | 'none' | null
  due: Due | null
}

export const NO_FILTER: Filter = { text: '', assignee: null, meeting: null, due: null }

/** `today` is the reader's date, `2026-03-16`. */
export function matches(ticket: Ticket, filter: Filter, today: string): boolean {
  if (filter.meeting === 'none' && ticket.meetingId) return false
  if (typeof filter.meeting === 'number' && ticket.meetingId !== filter.meeting) return false
  if (filter.due && dueOf(ticket, today) !== filter.due) return false
  if (filter.assignee === 'nobody' && ticket.assigneeId) return false
  if (typeof filter.assignee === 'number' && ticket.assigneeId !== filter.assignee) return false
  const words = fold(filter.text).split(/\s+/).filter(Boolean)
  const text = fold(`${ticket.ticketId} ${ticket.title} ${ticket.content} ${ticket.assignee ?? ''}`)
  return words.every((word) => text.includes(word))
}

/** What the API is asked for, at least; `matches` has the last word. null: nothing it could filter by. */
export function asQuery(filter: Filter, today: string): Asked | null {
  const word = fold(filter.text)
    .split(/\s+/)
    .reduce((longest, one) => (one.length > longest.length ? one : longest), '')
  const asked: Asked = {
    ...(word ? { q: word } : {}),
    ...(typeof filter.assignee === 'number' ? { assigneeId: filter.assignee } : {}),
    ...(typeof filter.meeting === 'number' ? { meetingId: filter.meeting } : {}),
    ...(filter.due === 'overdue' ? { dueBefore: daysAfter(today, -1) } : {}),
    ...(filter.due === 'week' ? { dueAfter: today, dueBefore: daysAfter(today, WEEK - 1) } : {}),
    ...(filter.due === 'later' ? { dueAfter: daysAfter(today, WEEK) } : {}),
  }
  return Object.keys(asked).length > 0 ? asked : null
}

function daysAfter(date: string, days: number): string {
  return new Date(Date.parse(date) + days * DAY_MS).toISOString().slice(0, 10)
}

/** Letters as people compare them: no case, and Hangul as one composed syllable each. */
function fold(text: string): string {
  return text.normalize('NFC').toLowerCase()
}

/** Overdue, within seven days, later, or never; what is done is never overdue. */
export function dueOf(ticket: Pick<Ticket, 'due' | 'status'>, today: string): Due {
  if (!ticket.due) return 'none'
  if (ticket.due < today) return ticket.status === 'DONE' ? 'later' : 'overdue'
  const days = (Date.parse(ticket.due) - Date.parse(today)) / DAY_MS
  return days < WEEK ? 'week' : 'later'
}
