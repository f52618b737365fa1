import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState, type FormEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { json, Problem } from '../api/http'
import {
  dropTicket,
  historyQuery,
  keepTicket,
  membersQuery,
  refreshTicket,
  useChangeTicket,
} from '../api/queries'
import type { Change, Member, NewTicket, Status, Ticket, TicketChange } from '../api/types'
import { Person, Spark, Undo } from '../ui/icons'
import { Button, Dialog, Notice, useWords } from '../ui/parts'
import { moment } from '../ui/times'
import { useSay } from '../ui/toasts'
import { Fields, type TicketFields } from './Fields'
import { ReceiptView } from './Receipt'
import { shownValue } from './values'

interface Props {
  groupId: number
  meetingId?: number
  /** None: a new one. */
  ticket?: Ticket
  status?: Status
  onClose: () => void
}

export function TicketDialog({ groupId, meetingId, ticket, status = 'TODO', onClose }: Props) {
  const { t } = useTranslation()
  const words = useWords()
  const say = useSay()
  const client = useQueryClient()
  const { data: members = [] } = useQuery(membersQuery(groupId))
  const [start] = useState<TicketFields>({
    title: ticket?.title ?? '',
    content: ticket?.content ?? '',
    status: ticket?.status ?? status,
    assigneeId: ticket?.assigneeId ?? null,
    due: ticket?.due ?? null,
  })
  const [fields, setFields] = useState(start)
  const set = (changes: Partial<TicketFields>) => {
    setFields((all) => ({ ...all, ...changes }))
  }

  const create = useMutation({
    mutationFn: (body: NewTicket) => json<Ticket>('POST', '/api/tickets', { body }),
    onSuccess: (made) => {
      keepTicket(client, made)
      onClose()
    },
  })
  const change = useChangeTicket()
  const dismiss = useDismiss(onClose)

  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!ticket) {
      create.mutate({ ...fields, ...(meetingId ? { meetingId } : { groupId }) })
      return
    }
    const changed = changedFields(start, fields)
    if (Object.keys(changed).length === 0) {
      onClose()
      return
    }
    change.mutate(
      { ticket, change: changed },
      {
        onSuccess: onClose,
        onError: (error) => {
          if (error instanceof Problem && error.code === 'version_conflict') {
            say(t('error.conflict', { id: ticket.ticketId }))
            onClose()
          }
        },
      },
    )
  }

  const error = create.error ?? change.error ?? dismiss.error
  return (
    <Dialog
      wide
      title={ticket ? t('ticket.edit', { id: ticket.ticketId }) : t('ticket.new')}
      onClose={onClose}
    >
      <form onSubmit={submit} className="space-y-3">
        <Fields fields={fields} members={members} onChange={set} />
        {error && <Notice kind="danger">{words(error)}</Notice>}
        <div className="flex items-center gap-2 pt-1">
          {ticket && (
            <Button
              look="danger"
              onClick={() => {
                dismiss.mutate(ticket)
              }}
            >
              {t('ticket.dismiss')}
            </Button>
          )}
          {ticket?.meetingId && ticket.meetingId !== meetingId && (
            <Link
              to="/meetings/$meetingId"
              params={{ meetingId: String(ticket.meetingId) }}
              className="text-sm text-accent-text hover:underline"
            >
              {t('ticket.openMeeting')}
            </Link>
          )}
          <span className="ml-auto" />
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button
            look="primary"
            type="submit"
            disabled={create.isPending || change.isPending || !fields.title.trim()}
          >
            {ticket ? t('common.save') : t('ticket.create')}
          </Button>
        </div>
      </form>
      {ticket && <History ticket={ticket} members={members} />}
    </Dialog>
  )
}

function changedFields(before: TicketFields, now: TicketFields): TicketChange {
  const changed = Object.entries(now).filter(([name, value]) => {
    return before[name as keyof TicketFields] !== value
  })
  return Object.fromEntries(changed) as TicketChange
}

/** Throw a ticket away, with a way back. */
export function useDismiss(onDone?: () => void) {
  const { t } = useTranslation()
  const say = useSay()
  const client = useQueryClient()
  const undo = useUndo()
  return useMutation({
    mutationFn: (ticket: Ticket) => json('DELETE', `/api/tickets/${ticket.ticketId}`),
    onSuccess: async (_, ticket) => {
      dropTicket(client, ticket.ticketId)
      onDone?.()
      const history = await client.fetchQuery({ ...historyQuery(ticket.ticketId), staleTime: 0 })
      const dismissal = history.filter((change) => change.kind === 'dismissed').at(-1)
      say(t('ticket.dismissed', { id: ticket.ticketId }), {
        label: t('common.undo'),
        run: () => {
          undo.mutate({ ticketId: ticket.ticketId, historyId: dismissal?.historyId })
        },
      })
    },
  })
}

/** Take back one change, or the machine's latest. */
export function useUndo() {
  const { t } = useTranslation()
  const words = useWords()
  const say = useSay()
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ ticketId, historyId }: { ticketId: string; historyId?: string }) =>
      json<Ticket>('POST', `/api/tickets/${ticketId}/undo`, { query: { historyId } }),
    onSuccess: (ticket) => {
      keepTicket(client, ticket)
      say(t('common.undone'))
    },
    onError: (error, { ticketId }) => {
      say(words(error))
      void refreshTicket(client, ticketId).catch(() => undefined)
    },
  })
}

function History({ ticket, members }: { ticket: Ticket; members: Member[] }) {
  const { t } = useTranslation()
  const { data: changes = [] } = useQuery(historyQuery(ticket.ticketId))
  if (changes.length === 0) return null
  return (
    <section className="mt-5 border-t border-line pt-3">
      <h3 className="mb-1 text-sm font-semibold text-muted">{t('ticket.history')}</h3>
      <ol className="divide-y divide-line">
        {[...changes]
          .sort((a, b) => b.at.localeCompare(a.at))
          .map((change) => (
            <Step key={change.historyId} change={change} members={members} />
          ))}
      </ol>
    </section>
  )
}

function Step({ change, members }: { change: Change; members: Member[] }) {
  const { t, i18n } = useTranslation()
  const undo = useUndo()
  const names = new Map(members.map((one) => [one.userId, one.name]))
  const shown = (field: string, value: unknown) =>
    shownValue(field, value, names, t, i18n.language)
  const isMachine = change.actor === 'machine'
  const fields = change.kind === 'updated' ? Object.keys(change.after) : []
  return (
    <li className={`py-2.5 text-sm ${change.undoneAt ? 'opacity-60' : ''}`}>
      <div className="flex items-center gap-1.5">
        {isMachine ? <Spark className="size-3.5 text-accent-text" /> : <Person className="size-3.5 text-faint" />}
        <span className="font-medium">
          {isMachine ? t('ticket.byMachine') : (change.user ?? t('ticket.somebody'))}
        </span>
        <span className="text-muted">{t(`ticket.kind.${change.kind}`)}</span>
        <span className="ml-auto shrink-0 text-xs text-faint">
          {change.undoneAt ? t('ticket.wasUndone') : moment(change.at, i18n.language)}
        </span>
        {!change.undoneAt && (
          <Button
            small
            look="quiet"
            disabled={undo.isPending}
            onClick={() => {
              undo.mutate({ ticketId: change.ticketId, historyId: change.historyId })
            }}
          >
            <Undo className="size-3.5" /> {t('common.undo')}
          </Button>
        )}
      </div>
      {fields.length > 0 && (
        <ul className="mt-1 ml-5 space-y-0.5 text-muted">
          {fields.map((name) => (
            <li key={name} className="flex flex-wrap gap-1.5">
              <span className="text-faint">{t(`ticket.field.${name as 'title'}`)}</span>
              <s className="line-clamp-1 text-faint">{shown(name, change.before[name])}</s>
              <span>→</span>
              <span className="line-clamp-2 text-text">{shown(name, change.after[name])}</span>
            </li>
          ))}
        </ul>
      )}
      {change.receipt && (
        <div className="mt-1.5 ml-5">
          <ReceiptView receipt={change.receipt} meetingId={change.meetingId} />
        </div>
      )}
    </li>
  )
}
