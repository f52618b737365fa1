import { memo, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { Ticket } from '../api/types'
import { Calendar, Spark } from '../ui/icons'
import { Avatar } from '../ui/parts'
import { day, today } from '../ui/times'

interface Props {
  ticket: Ticket
  assignee: string | null
  /** The ticket came out of a meeting by itself. */
  children?: ReactNode
}

/** What a card shows; whoever places it says what it does. */
export const TicketCard = memo(function TicketCard({ ticket, assignee, children }: Props) {
  const { t, i18n } = useTranslation()
  const isOverdue = ticket.due && ticket.status !== 'DONE' && ticket.due < today()
  return (
    <div className="rounded-lg border border-line bg-raised px-3 py-2.5 shadow-card transition-colors group-hover:border-line-strong">
      <div className="flex items-center gap-1.5 text-xs text-faint">
        <span className="tabular-nums">{ticket.ticketId}</span>
        {ticket.meetingId && (
          <span title={t('ticket.fromMeeting')}>
            <Spark className="size-3" />
            <span className="sr-only">{t('ticket.fromMeeting')}</span>
          </span>
        )}
        {assignee && (
          <span className="ml-auto flex min-w-0 items-center gap-1.5">
            <span className="max-w-28 truncate">{assignee}</span>
            <Avatar name={assignee} />
          </span>
        )}
      </div>
      <p
        dir="auto"
        className={`mt-1 line-clamp-3 font-medium ${ticket.status === 'DONE' ? 'text-muted' : ''}`}
      >
        {ticket.title}
      </p>
      {ticket.due && (
        <p
          className={`mt-1.5 inline-flex items-center gap-1 rounded px-1.5 py-0.5 text-xs ${isOverdue ? 'bg-danger-soft text-danger' : 'bg-sunken text-muted'}`}
        >
          <Calendar className="size-3" />
          {day(ticket.due, i18n.language)}
          {isOverdue && <span>· {t('ticket.overdue')}</span>}
        </p>
      )}
      {children}
    </div>
  )
})
