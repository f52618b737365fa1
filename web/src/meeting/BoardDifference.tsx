import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { TicketChanged, TicketMade, TicketsDifference } from '../api/types'
import { shownValue } from '../board/values'
import { clock } from '../ui/times'
import { PlayButton } from './PlayButton'

interface Props {
  meetingId: number
  difference: TicketsDifference
  names: Map<number, string>
}

/** What another reading of the meeting would change on the board, each with the words it rests on. */
export function BoardDifference({ meetingId, difference, names }: Props) {
  const { t } = useTranslation()
  const { made, changed, takenBack } = difference
  if (made.length + changed.length + takenBack.length === 0) {
    return <p className="text-muted">{t('difference.nothing')}</p>
  }
  return (
    <div className="space-y-4">
      <Part kind="made" count={made.length}>
        {made.map((one, i) => (
          <Item key={i} kind="made" title={one.title}>
            <Fields after={fieldsOf(one)} names={names} />
            <Why meetingId={meetingId} of={one} />
          </Item>
        ))}
      </Part>
      <Part kind="changed" count={changed.length}>
        {changed.map((one) => (
          <Item key={one.ticketId} kind="changed" id={one.ticketId} title={one.title}>
            <Fields before={one.before} after={one.after} names={names} />
            <Why meetingId={meetingId} of={one} />
          </Item>
        ))}
      </Part>
      <Part kind="takenBack" count={takenBack.length}>
        {takenBack.map((one) => (
          <Item key={one.ticketId} kind="takenBack" id={one.ticketId} title={one.title} />
        ))}
      </Part>
    </div>
  )
}

type Kind = 'made' | 'changed' | 'takenBack'

const EDGE: Record<Kind, string> = {
  made: 'border-l-good',
  changed: 'border-l-warn',
  takenBack: 'border-l-danger',
}

function Part({ kind, count, children }: { kind: Kind; count: number; children: ReactNode }) {
  const { t } = useTranslation()
  if (count === 0) return null
  return (
    <section aria-label={t(`difference.${kind}`)}>
      <h4 className="mb-1.5 text-sm font-medium text-muted">
        {t(`difference.${kind}`)} <span className="tabular-nums">{count}</span>
      </h4>
      <ul className="space-y-2">{children}</ul>
    </section>
  )
}

interface ItemProps {
  kind: Kind
  id?: string
  title: string
  children?: ReactNode
}

function Item({ kind, id, title, children }: ItemProps) {
  return (
    <li className={`rounded-md border border-l-4 border-line px-3 py-2 ${EDGE[kind]}`}>
      <p dir="auto" className={`font-medium ${kind === 'takenBack' ? 'line-through' : ''}`}>
        {id && <span className="mr-1.5 text-sm text-muted tabular-nums">{id}</span>}
        {title}
      </p>
      {children}
    </li>
  )
}

/** What a new ticket has besides its title. */
function fieldsOf({ status, assigneeId, due }: TicketMade): Record<string, unknown> {
  return { status, ...(assigneeId ? { assigneeId } : {}), ...(due ? { due } : {}) }
}

interface FieldsProps {
  before?: Record<string, unknown>
  after: Record<string, unknown>
  names: Map<number, string>
}

function Fields({ before, after, names }: FieldsProps) {
  const { t, i18n } = useTranslation()
  const shown = (name: string, value: unknown) => shownValue(name, value, names, t, i18n.language)
  return (
    <dl className="mt-1 flex flex-wrap gap-x-4 gap-y-0.5 text-sm">
      {Object.entries(after).map(([name, value]) => (
        <div key={name} className="flex min-w-0 flex-wrap gap-x-1.5">
          <dt className="text-muted">{t(`ticket.field.${name as 'title'}`)}</dt>
          <dd dir="auto" className="min-w-0">
            {before && <s className="mr-1.5 text-muted">{shown(name, before[name])}</s>}
            {shown(name, value)}
          </dd>
        </div>
      ))}
    </dl>
  )
}

function Why({ meetingId, of: { words, confidence } }: { meetingId: number; of: TicketMade | TicketChanged }) {
  const { t } = useTranslation()
  return (
    <p className="mt-1 flex flex-wrap items-center gap-x-1.5 text-sm text-muted">
      <PlayButton meetingId={meetingId} startMs={words.startMs} endMs={words.endMs} />
      <span className="text-xs tabular-nums">{clock(words.startMs)}</span>
      <q dir="auto" className="line-clamp-2 min-w-0 flex-1 basis-48">
        {words.quote}
      </q>
      <span className="text-xs">{t('ticket.sure', { percent: Math.round(confidence * 100) })}</span>
    </p>
  )
}
