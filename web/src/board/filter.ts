import type { Ticket } from '../api/types'

export const DUES = ['overdue', 'week', 'later', 'none'] as const
export type Due = (typeof DUES)[number]

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

/** Letters as people compare them: no case, and Hangul as one composed syllable each. */
function fold(text: string): string {
  return text.normalize('NFC').toLowerCase()
}

/** Overdue, within seven days, later, or never; what is done is never overdue. */
export function dueOf(ticket: Pick<Ticket, 'due' | 'status'>, today: string): Due {
  if (!ticket.due) return 'none'
  if (ticket.due < today) return ticket.status === 'DONE' ? 'later' : 'overdue'
  const days = (Date.parse(ticket.due) - Date.parse(today)) / 86_400_000
  return days < 7 ? 'week' : 'later'
}
