import type { Ticket } from '../api/types'

export interface Filter {
  text: string
  /** A user, nobody, or everybody (null). */
  assignee: number | 'nobody' | null
}

export const NO_FILTER: Filter = { text: '', assignee: null }

export function matches(ticket: Ticket, filter: Filter): boolean {
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
