import {
  closestCenter,
  DndContext,
  DragOverlay,
  KeyboardCode,
  KeyboardSensor,
  MouseSensor,
  pointerWithin,
  TouchSensor,
  useDraggable,
  useDroppable,
  useSensor,
  useSensors,
  type Announcements,
  type CollisionDetection,
  type KeyboardCoordinateGetter,
} from '@dnd-kit/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual'
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '../api/http'
import {
  itemsOf,
  meetingsQuery,
  membersQuery,
  MOST_TICKETS,
  ticketQuery,
  ticketsQuery,
  useChangeTicket,
} from '../api/queries'
import { STATUSES, type Member, type Status, type Ticket } from '../api/types'
import { asQuery, DUES, matches, NO_FILTER, type Due, type Filter } from '../board/filter'
import { TicketCard } from '../board/TicketCard'
import { TicketDialog } from '../board/TicketDialog'
import { chooseGroup, useGroup } from '../ui/group'
import { Board as BoardIcon, Plus, Search, StatusIcon } from '../ui/icons'
import { Button, Empty, Failure, IconButton, Loading, Select, useWords } from '../ui/parts'
import { today } from '../ui/times'
import { useSay } from '../ui/toasts'
import { PageHead } from './Shell'

export function BoardPage() {
  const { t } = useTranslation()
  const { group, isLoading, error } = useGroup()
  if (error) return <Failure error={error} />
  if (isLoading) return <Loading />
  if (!group) return <Empty icon={<BoardIcon className="size-6" />} title={t('meetings.noGroup')} />
  return <GroupBoard key={group.groupId} groupId={group.groupId} />
}

/** On a phone the filters share a row below the words to find. */
const CHOICE = 'order-1 min-w-0 flex-1 sm:order-none sm:flex-none'
const NONE: Ticket[] = []

function GroupBoard({ groupId }: { groupId: number }) {
  const { t } = useTranslation()
  const navigate = useNavigate({ from: '/board' })
  const { ticket: openId } = useSearch({ from: '/board' })
  const { data: tickets, error, refetch } = useQuery(ticketsQuery({ groupId }))
  const { data: members = [] } = useQuery(membersQuery(groupId))
  const [filter, setFilter] = useState<Filter>(NO_FILTER)
  const [newIn, setNewIn] = useState<Status | null>(null)
  const used = useDeferredValue(filter)
  const day = today()
  // Of more tickets than the board has, those that a filter asks for are fetched.
  const asked = asQuery(used, day)
  const { data: older = NONE } = useQuery({
    ...ticketsQuery({ groupId, ...asked }),
    enabled: asked !== null && tickets !== undefined && tickets.length >= MOST_TICKETS,
    placeholderData: (before) => before,
  })
  const found = useMemo(() => {
    const here = new Set(tickets?.map((one) => one.ticketId))
    const all = [...(tickets ?? []), ...older.filter((one) => !here.has(one.ticketId))]
    return all.filter((one) => matches(one, used, day))
  }, [tickets, older, used, day])
  const { data: meetings } = useInfiniteQuery(meetingsQuery(groupId))

  const open = useCallback(
    (ticketId?: string) => {
      void navigate({ search: ticketId ? { ticket: ticketId } : {}, replace: !ticketId })
    },
    [navigate],
  )
  const known = tickets?.find((one) => one.ticketId === openId)
  // Somebody came for a ticket that is not on this board: of another group, or an old one.
  const { data: fetched, error: unknown } = useQuery({
    ...ticketQuery(openId ?? ''),
    enabled: openId !== undefined && tickets !== undefined && !known,
  })
  const opened = known ?? (openId === fetched?.ticketId ? fetched : undefined)
  const elsewhere = opened && opened.groupId !== groupId ? opened.groupId : null
  useEffect(() => {
    if (elsewhere !== null) chooseGroup(elsewhere)
  }, [elsewhere])
  const say = useSay()
  const words = useWords()
  useEffect(() => {
    if (openId && unknown) say(words(unknown))
  }, [openId, unknown]) // eslint-disable-line react-hooks/exhaustive-deps -- told once

  return (
    <div className="flex h-full flex-col">
      <PageHead>
        <h1 className="font-semibold">{t('board.title')}</h1>
        <span className="hidden text-sm text-faint md:inline">
          {tickets && t('board.count', { count: found.length })}
        </span>
        <div className="relative order-1 w-full sm:order-none sm:ml-auto sm:w-auto sm:min-w-24 sm:max-w-56 sm:flex-1">
          <Search className="pointer-events-none absolute top-2 left-2 size-4 text-faint" />
          <input
            type="search"
            aria-label={t('board.search')}
            placeholder={t('board.search')}
            className="h-8 w-full rounded-md border border-line bg-raised pr-2 pl-8 shadow-card placeholder:text-faint"
            value={filter.text}
            onChange={(event) => {
              setFilter({ ...filter, text: event.target.value })
            }}
          />
        </div>
        <Select
          aria-label={t('board.assignee')}
          className={`${CHOICE} sm:max-w-36`}
          value={filter.assignee ?? ''}
          onChange={({ target: { value } }) => {
            const assignee = value === '' ? null : value === 'nobody' ? value : Number(value)
            setFilter({ ...filter, assignee })
          }}
        >
          <option value="">{t('board.everybody')}</option>
          <option value="nobody">{t('board.unassigned')}</option>
          {members.map((member) => (
            <option key={member.userId} value={member.userId}>
              {member.name}
            </option>
          ))}
        </Select>
        <Select
          aria-label={t('board.due')}
          className={CHOICE}
          value={filter.due ?? ''}
          onChange={({ target: { value } }) => {
            setFilter({ ...filter, due: value === '' ? null : (value as Due) })
          }}
        >
          <option value="">{t('board.anyDue')}</option>
          {DUES.map((due) => (
            <option key={due} value={due}>
              {t(`board.dues.${due}`)}
            </option>
          ))}
        </Select>
        <Select
          aria-label={t('board.meeting')}
          className={`${CHOICE} sm:max-w-36`}
          value={filter.meeting ?? ''}
          onChange={({ target: { value } }) => {
            const meeting = value === '' ? null : value === 'none' ? value : Number(value)
            setFilter({ ...filter, meeting })
          }}
        >
          <option value="">{t('board.anyMeeting')}</option>
          <option value="none">{t('board.noMeeting')}</option>
          {itemsOf(meetings).map((meeting) => (
            <option key={meeting.meetingId} value={meeting.meetingId}>
              {meeting.title || t('common.untitled')}
            </option>
          ))}
        </Select>
        <Button
          look="primary"
          className="ml-auto sm:ml-0"
          onClick={() => {
            setNewIn('TODO')
          }}
        >
          <Plus /> <span className="sr-only sm:not-sr-only">{t('ticket.new')}</span>
        </Button>
      </PageHead>
      {tickets && tickets.length >= MOST_TICKETS && (
        <p role="note" className="bg-warn-soft px-4 py-1.5 text-sm text-warn">
          {t('board.most', { count: tickets.length })}{' '}
          <Link to="/search" className="underline">
            {t('app.search')}
          </Link>
        </p>
      )}
      {tickets && found.length === 0 && tickets.length > 0 && (
        <p role="status" className="flex items-center gap-2 px-4 pt-3 text-muted">
          {t('board.noMatch')}
          <Button
            small
            onClick={() => {
              setFilter(NO_FILTER)
            }}
          >
            {t('board.clear')}
          </Button>
        </p>
      )}
      {error && !tickets ? (
        <Failure error={error} onRetry={() => void refetch()} />
      ) : !tickets ? (
        <Loading />
      ) : (
        <Columns tickets={found} members={members} onOpen={open} onNew={setNewIn} />
      )}
      {(newIn !== null || opened) && (
        <TicketDialog
          key={opened?.ticketId ?? 'new'}
          groupId={groupId}
          {...(opened ? { ticket: opened } : {})}
          status={newIn ?? 'TODO'}
          onClose={() => {
            setNewIn(null)
            open()
          }}
        />
      )}
    </div>
  )
}

const isColumn = (id: unknown): id is Status => STATUSES.includes(id as Status)

/** By the pointer, a card falls where the pointer is; by keys, into the nearest column. */
const collide: CollisionDetection = (given) =>
  given.pointerCoordinates ? pointerWithin(given) : closestCenter(given)

/** Left and right go by columns. */
const byColumns: KeyboardCoordinateGetter = (event, { context, currentCoordinates }) => {
  const step = event.code === KeyboardCode.Right || event.code === KeyboardCode.Down ? 1 : event.code === KeyboardCode.Left || event.code === KeyboardCode.Up ? -1 : 0
  if (step === 0) return undefined
  event.preventDefault()
  const { over, collisionRect, droppableRects } = context
  const at = STATUSES.indexOf(isColumn(over?.id) ? over.id : 'TODO')
  const next = STATUSES[Math.max(0, Math.min(STATUSES.length - 1, at + step))]
  const rect = next && droppableRects.get(next)
  if (!rect || !collisionRect) return currentCoordinates
  return {
    x: rect.left + (rect.width - collisionRect.width) / 2,
    y: rect.top + (rect.height - collisionRect.height) / 2,
  }
}

interface ColumnsProps {
  tickets: Ticket[]
  members: Member[]
  onOpen: (ticketId: string) => void
  onNew: (status: Status) => void
}

function Columns({ tickets, members, onOpen, onNew }: ColumnsProps) {
  const { t } = useTranslation()
  const words = useWords()
  const say = useSay()
  const change = useChangeTicket()
  const [draggedId, setDraggedId] = useState<string | null>(null)
  const dragged = tickets.find((one) => one.ticketId === draggedId)
  const names = useMemo(() => new Map(members.map((one) => [one.userId, one.name])), [members])

  const sensors = useSensors(
    useSensor(MouseSensor, { activationConstraint: { distance: 5 } }),
    useSensor(TouchSensor, { activationConstraint: { delay: 220, tolerance: 8 } }),
    useSensor(KeyboardSensor, {
      coordinateGetter: byColumns,
      keyboardCodes: {
        start: [KeyboardCode.Space],
        cancel: [KeyboardCode.Esc],
        end: [KeyboardCode.Space, KeyboardCode.Enter],
      },
    }),
  )

  const move = (ticket: Ticket, status: Status) => {
    if (ticket.status === status) return
    change.mutate(
      { ticket, change: { status } },
      {
        onError: (error) => {
          const isConflict = error instanceof Problem && error.code === 'version_conflict'
          say(isConflict ? t('error.conflict', { id: ticket.ticketId }) : words(error))
        },
      },
    )
  }

  const titleOf = (id: unknown) => tickets.find((one) => one.ticketId === id)?.title ?? ''
  const announcements: Announcements = {
    onDragStart: ({ active }) => t('board.picked', { title: titleOf(active.id) }),
    onDragOver: ({ active, over }) =>
      isColumn(over?.id)
        ? t('board.over', { title: titleOf(active.id), column: t(`ticket.status.${over.id}`) })
        : undefined,
    onDragEnd: ({ active, over }) =>
      isColumn(over?.id)
        ? t('board.dropped', { title: titleOf(active.id), column: t(`ticket.status.${over.id}`) })
        : t('board.cancelled', { title: titleOf(active.id) }),
    onDragCancel: ({ active }) => t('board.cancelled', { title: titleOf(active.id) }),
  }

  return (
    <DndContext
      sensors={sensors}
      collisionDetection={collide}
      accessibility={{ announcements, screenReaderInstructions: { draggable: t('board.help') } }}
      onDragStart={({ active }) => {
        setDraggedId(String(active.id))
      }}
      onDragCancel={() => {
        setDraggedId(null)
      }}
      onDragEnd={({ active, over }) => {
        setDraggedId(null)
        const ticket = tickets.find((one) => one.ticketId === active.id)
        if (ticket && isColumn(over?.id)) move(ticket, over.id)
      }}
    >
      <div className="flex min-h-0 flex-1 snap-x snap-mandatory gap-3 overflow-x-auto p-3 sm:snap-none sm:p-4">
        {STATUSES.map((status) => (
          <Column
            key={status}
            status={status}
            tickets={tickets.filter((one) => one.status === status)}
            names={names}
            draggedId={draggedId}
            onOpen={onOpen}
            onNew={onNew}
          />
        ))}
      </div>
      <DragOverlay dropAnimation={null}>
        {dragged && (
          <div className="rotate-2 cursor-grabbing rounded-lg shadow-high">
            <TicketCard ticket={dragged} assignee={nameOf(dragged, names)} />
          </div>
        )}
      </DragOverlay>
    </DndContext>
  )
}

interface ColumnProps {
  status: Status
  tickets: Ticket[]
  names: Map<number, string>
  draggedId: string | null
  onOpen: (ticketId: string) => void
  onNew: (status: Status) => void
}

const CARD_PX = 88
const GAP_PX = 8

/** Draws the cards that are seen, and the one that is dragged. */
function Column({ status, tickets, names, draggedId, onOpen, onNew }: ColumnProps) {
  const { t } = useTranslation()
  const { setNodeRef, isOver } = useDroppable({ id: status })
  const box = useRef<HTMLDivElement>(null)
  const draggedAt = tickets.findIndex((one) => one.ticketId === draggedId)
  // eslint-disable-next-line react-hooks/incompatible-library -- the rows it gives are not memoised
  const rows = useVirtualizer({
    count: tickets.length,
    getScrollElement: () => box.current,
    estimateSize: () => CARD_PX,
    gap: GAP_PX,
    overscan: 8,
    getItemKey: (i) => tickets[i]?.ticketId ?? i,
    rangeExtractor: (range) => {
      const seen = defaultRangeExtractor(range)
      return draggedAt < 0 || seen.includes(draggedAt)
        ? seen
        : [...seen, draggedAt].sort((a, b) => a - b)
    },
  })
  const name = t(`ticket.status.${status}`)
  return (
    <section
      ref={setNodeRef}
      aria-label={name}
      data-status={status}
      className={`flex w-[85vw] shrink-0 snap-center flex-col rounded-xl bg-sunken transition-shadow sm:w-auto sm:min-w-60 sm:flex-1 ${isOver ? 'ring-2 ring-accent ring-inset' : ''}`}
    >
      <header className="flex h-10 shrink-0 items-center gap-2 pr-1.5 pl-3">
        <StatusIcon status={status} />
        <h2 className="font-medium">{name}</h2>
        <span className="text-sm text-faint tabular-nums">{tickets.length}</span>
        <IconButton
          className="ml-auto"
          label={`${t('ticket.new')}: ${name}`}
          onClick={() => {
            onNew(status)
          }}
        >
          <Plus />
        </IconButton>
      </header>
      <div ref={box} className="min-h-0 flex-1 overflow-y-auto px-2 pb-3">
        {tickets.length === 0 ? (
          <p className="py-6 text-center text-sm text-faint">{t('board.empty')}</p>
        ) : (
          <ul className="relative" style={{ height: rows.getTotalSize() }}>
            {rows.getVirtualItems().map(({ index, key, start }) => {
              const ticket = tickets[index]
              return (
                ticket && (
                  <li
                    key={key}
                    ref={rows.measureElement}
                    data-index={index}
                    aria-setsize={tickets.length}
                    aria-posinset={index + 1}
                    className="absolute inset-x-0 top-0"
                    style={{ transform: `translateY(${String(start)}px)` }}
                  >
                    <Draggable
                      ticket={ticket}
                      assignee={nameOf(ticket, names)}
                      isDragged={ticket.ticketId === draggedId}
                      onOpen={onOpen}
                    />
                  </li>
                )
              )
            })}
          </ul>
        )}
      </div>
    </section>
  )
}

interface DraggableProps {
  ticket: Ticket
  assignee: string | null
  isDragged: boolean
  onOpen: (ticketId: string) => void
}

function Draggable({ ticket, assignee, isDragged, onOpen }: DraggableProps) {
  const { attributes, listeners, setNodeRef } = useDraggable({ id: ticket.ticketId })
  return (
    <div
      ref={setNodeRef}
      {...attributes}
      {...listeners}
      data-ticket={ticket.ticketId}
      onClick={() => {
        onOpen(ticket.ticketId)
      }}
      onKeyDown={(event) => {
        if (event.code === 'Enter' && !isDragged) {
          event.preventDefault()
          onOpen(ticket.ticketId)
        } else {
          listeners?.onKeyDown?.(event)
        }
      }}
      className={`group cursor-grab touch-manipulation rounded-lg select-none ${isDragged ? 'opacity-40' : ''}`}
    >
      <TicketCard ticket={ticket} assignee={assignee} />
    </div>
  )
}

function nameOf(ticket: Ticket, names: Map<number, string>): string | null {
  if (!ticket.assigneeId) return null
  return names.get(ticket.assigneeId) ?? ticket.assignee ?? null
}
