import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { historyQuery, ticketsQuery, useChangeTicket } from '../api/queries'
import { STATUSES, type Meeting, type Status, type Ticket } from '../api/types'
import { ReceiptView } from '../board/Receipt'
import { TicketCard } from '../board/TicketCard'
import { TicketDialog, useUndo } from '../board/TicketDialog'
import { Blockers } from './Blockers'
import { Proposals } from './Proposals'
import { Plus, Spark, StatusIcon, Undo } from '../ui/icons'
import { Button, Failure, IconButton, useWords } from '../ui/parts'
import { useSay } from '../ui/toasts'

/** What this meeting led to so far, each with why. */
export function MeetingTickets({ meeting, names }: { meeting: Meeting; names: Map<number, string> }) {
  const { t } = useTranslation()
  const { data: tickets = [], error, refetch } = useQuery(
    ticketsQuery({ touchedIn: meeting.meetingId }),
  )
  const [openId, setOpenId] = useState<string | 'new' | null>(null)
  const opened = tickets.find((one) => one.ticketId === openId)
  return (
    <section aria-label={t('live.tickets')} className="flex min-h-0 flex-1 flex-col">
      <header className="flex h-11 shrink-0 items-center gap-2 border-b border-line pr-2 pl-4">
        <h2 className="font-medium">{t('live.tickets')}</h2>
        <span className="text-sm text-faint tabular-nums">{tickets.length}</span>
        <IconButton
          label={t('live.newTicket')}
          className="ml-auto"
          onClick={() => {
            setOpenId('new')
          }}
        >
          <Plus />
        </IconButton>
      </header>
      <div className="min-h-0 flex-1 overflow-y-auto p-3" aria-live="polite">
        <Proposals meeting={meeting} names={names} />
        {error && tickets.length === 0 && <Failure error={error} onRetry={() => void refetch()} />}
        {!error && tickets.length === 0 && (
          <p className="px-4 py-10 text-center text-muted">
            <Spark className="mx-auto mb-2 size-5 text-faint" />
            {t('live.noTickets')}
          </p>
        )}
        {STATUSES.map((status) => (
          <Group
            key={status}
            status={status}
            tickets={tickets.filter((one) => one.status === status)}
            names={names}
            onOpen={setOpenId}
          />
        ))}
        <Blockers meetingId={meeting.meetingId} />
      </div>
      {(openId === 'new' || opened) && (
        <TicketDialog
          key={openId}
          groupId={meeting.groupId}
          meetingId={meeting.meetingId}
          {...(opened ? { ticket: opened } : {})}
          onClose={() => {
            setOpenId(null)
          }}
        />
      )}
    </section>
  )
}

interface GroupProps {
  status: Status
  tickets: Ticket[]
  names: Map<number, string>
  onOpen: (ticketId: string) => void
}

function Group({ status, tickets, names, onOpen }: GroupProps) {
  const { t } = useTranslation()
  if (tickets.length === 0) return null
  return (
    <div className="mb-4">
      <h3 className="mb-1.5 flex items-center gap-1.5 px-1 text-sm font-medium text-muted">
        <StatusIcon status={status} className="size-3" /> {t(`ticket.status.${status}`)}
        <span className="text-faint tabular-nums">{tickets.length}</span>
      </h3>
      <ul className="space-y-2">
        {tickets.map((ticket) => (
          <li key={ticket.ticketId} className="animate-arrive rounded-lg">
            <Item
              ticket={ticket}
              assignee={
                ticket.assigneeId ? (names.get(ticket.assigneeId) ?? ticket.assignee ?? null) : null
              }
              onOpen={onOpen}
            />
          </li>
        ))}
      </ul>
    </div>
  )
}

interface ItemProps {
  ticket: Ticket
  assignee: string | null
  onOpen: (ticketId: string) => void
}

function Item({ ticket, assignee, onOpen }: ItemProps) {
  const { t } = useTranslation()
  const words = useWords()
  const say = useSay()
  const change = useChangeTicket()
  const undo = useUndo()
  const { data: changes = [] } = useQuery(historyQuery(ticket.ticketId))
  const latest = [...changes]
    .sort((a, b) => b.at.localeCompare(a.at))
    .find((one) => one.receipt && !one.undoneAt)
  return (
    <div className="group" data-ticket={ticket.ticketId}>
      <TicketCard ticket={ticket} assignee={assignee}>
        {latest?.receipt && (
          <div className="mt-2">
            <ReceiptView receipt={latest.receipt} meetingId={latest.meetingId} />
          </div>
        )}
        <div className="mt-2 -mb-1 -ml-1.5 flex items-center gap-0.5">
          <select
            aria-label={`${t('ticket.statusLabel')}: ${ticket.title}`}
            className="h-7 rounded-md bg-transparent px-1 text-sm text-muted hover:bg-hover"
            value={ticket.status}
            onChange={(event) => {
              change.mutate(
                { ticket, change: { status: event.target.value as Status } },
                {
                  onError: (error) => {
                    say(words(error))
                  },
                },
              )
            }}
          >
            {STATUSES.map((status) => (
              <option key={status} value={status}>
                {t(`ticket.status.${status}`)}
              </option>
            ))}
          </select>
          <Button
            small
            look="quiet"
            onClick={() => {
              onOpen(ticket.ticketId)
            }}
          >
            {t('common.edit')}
          </Button>
          {latest && (
            <Button
              small
              look="quiet"
              className="ml-auto"
              disabled={undo.isPending}
              onClick={() => {
                undo.mutate({ ticketId: ticket.ticketId, historyId: latest.historyId })
              }}
            >
              <Undo className="size-3.5" /> {t('common.undo')}
            </Button>
          )}
        </div>
      </TicketCard>
    </div>
  )
}
