import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { json } from '../api/http'
import { keys, membersQuery, proposalsQuery, refreshTicket } from '../api/queries'
import type { Edits, Meeting, Proposal, Status } from '../api/types'
import { ReceiptView } from '../board/Receipt'
import { Fields, type TicketFields } from '../board/Fields'
import { shownValue } from '../board/values'
import { Check, Cross, Pencil, Spark } from '../ui/icons'
import { Button, Dialog, Notice, useWords } from '../ui/parts'
import { useSay } from '../ui/toasts'

interface Props {
  meeting: Meeting
  names: Map<number, string>
}

/** What VORI would do and waits to be told: accept, accept otherwise, or dismiss. */
export function Proposals({ meeting, names }: Props) {
  const { t } = useTranslation()
  const { data: proposals = [] } = useQuery(proposalsQuery(meeting.meetingId))
  const [editedId, setEditedId] = useState<number | null>(null)
  const edited = proposals.find((one) => one.proposalId === editedId)
  if (proposals.length === 0) return null
  return (
    <section className="mb-4" aria-label={t('proposal.title')}>
      <h3 className="mb-1.5 flex items-center gap-1.5 px-1 text-sm font-medium text-accent-text">
        <Spark className="size-3" /> {t('proposal.title')}
        <span className="tabular-nums">{proposals.length}</span>
      </h3>
      <ul className="space-y-2">
        {proposals.map((one) => (
          <li key={one.proposalId} className="animate-arrive rounded-lg">
            <Item
              proposal={one}
              names={names}
              onEdit={() => {
                setEditedId(one.proposalId)
              }}
            />
          </li>
        ))}
      </ul>
      {edited && (
        <EditDialog
          proposal={edited}
          onClose={() => {
            setEditedId(null)
          }}
        />
      )}
    </section>
  )
}

function useDecision(proposal: Proposal, onDone?: () => void) {
  const words = useWords()
  const say = useSay()
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ verdict, edits }: { verdict: 'accept' | 'dismiss'; edits?: Edits }) =>
      json<Proposal>('POST', `/api/proposals/${proposal.proposalId}/${verdict}`, {
        ...(edits ? { body: edits } : {}),
      }),
    onSuccess: (decided) => {
      if (decided.ticketId) void refreshTicket(client, decided.ticketId).catch(() => undefined)
      onDone?.()
    },
    onError: (error) => {
      say(words(error))
    },
    onSettled: () => client.invalidateQueries({ queryKey: keys.proposals(proposal.meetingId) }),
  })
}

interface ItemProps {
  proposal: Proposal
  names: Map<number, string>
  onEdit: () => void
}

function Item({ proposal, names, onEdit }: ItemProps) {
  const { t, i18n } = useTranslation()
  const decide = useDecision(proposal)
  const { kind, ticketId, title, before, after } = proposal
  const name = text(after.title) ?? title ?? ''
  const shown = (field: string, value: unknown) =>
    shownValue(field, value, names, t, i18n.language)
  const changes = Object.entries(after).filter(
    ([field, value]) =>
      field in FIELD_NAMES && value !== null && !(kind === 'create' && field === 'title'),
  )
  return (
    <div
      data-proposal={proposal.proposalId}
      className="rounded-lg border border-dashed border-accent bg-raised px-3 py-2.5"
    >
      <p className="text-xs text-muted">
        {t(`proposal.kind.${kind}`)} {ticketId}
      </p>
      <p dir="auto" className="mt-0.5 line-clamp-3 font-medium">
        {name}
      </p>
      {kind !== 'withdraw' && changes.length > 0 && (
        <dl className="mt-1 space-y-0.5 text-sm text-muted">
          {changes.map(([field, value]) => (
            <div key={field} className="flex flex-wrap gap-1.5">
              <dt>{t(`ticket.field.${FIELD_NAMES[field] ?? 'title'}`)}</dt>
              <dd className="min-w-0 text-text" dir="auto">
                {kind !== 'create' && before[field] !== undefined && (
                  <s className="mr-1.5 text-muted">{shown(field, before[field])}</s>
                )}
                <span className="line-clamp-2">{shown(field, value)}</span>
              </dd>
            </div>
          ))}
        </dl>
      )}
      <div className="mt-2">
        <ReceiptView receipt={proposal.receipt} meetingId={proposal.meetingId} />
      </div>
      <div className="mt-2 flex flex-wrap gap-1.5">
        <Button
          small
          look="primary"
          disabled={decide.isPending}
          onClick={() => {
            decide.mutate({ verdict: 'accept' })
          }}
        >
          <Check className="size-3.5" /> {t('proposal.accept')}
        </Button>
        {kind !== 'withdraw' && (
          <Button small disabled={decide.isPending} onClick={onEdit}>
            <Pencil className="size-3.5" /> {t('common.edit')}
          </Button>
        )}
        <Button
          small
          look="quiet"
          disabled={decide.isPending}
          onClick={() => {
            decide.mutate({ verdict: 'dismiss' })
          }}
        >
          <Cross className="size-3.5" /> {t('proposal.dismiss')}
        </Button>
      </div>
    </div>
  )
}

const FIELD_NAMES: Record<string, 'title' | 'content' | 'status' | 'assigneeId' | 'due'> = {
  title: 'title',
  content: 'content',
  status: 'status',
  assigneeId: 'assigneeId',
  due: 'due',
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)

function EditDialog({ proposal, onClose }: { proposal: Proposal; onClose: () => void }) {
  const { t } = useTranslation()
  const words = useWords()
  const { data: members = [] } = useQuery(membersQuery(proposal.groupId))
  const { before, after } = proposal
  const proposed = { ...before, ...after }
  const [start] = useState<TicketFields>({
    title: text(proposed.title) ?? proposal.title ?? '',
    content: text(proposed.content) ?? '',
    status: (text(proposed.status) ?? 'TODO') as Status,
    assigneeId: typeof proposed.assigneeId === 'number' ? proposed.assigneeId : null,
    due: text(proposed.due),
  })
  const [fields, setFields] = useState(start)
  const decide = useDecision(proposal, onClose)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const edits = Object.fromEntries(
      Object.entries(fields).filter(([name, value]) => value !== start[name as keyof TicketFields]),
    ) as Edits
    decide.mutate({ verdict: 'accept', edits })
  }
  return (
    <Dialog wide title={t('proposal.edit')} onClose={onClose}>
      <form onSubmit={submit} className="space-y-3">
        <Fields
          fields={fields}
          members={members}
          onChange={(changes) => {
            setFields((all) => ({ ...all, ...changes }))
          }}
        />
        {decide.error && <Notice kind="danger">{words(decide.error)}</Notice>}
        <div className="flex justify-end gap-2 pt-1">
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button
            look="primary"
            type="submit"
            disabled={decide.isPending || !fields.title.trim()}
          >
            {t('proposal.accept')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
