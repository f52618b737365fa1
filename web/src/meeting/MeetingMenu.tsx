import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { DropdownMenu } from 'radix-ui'
import { useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { json } from '../api/http'
import { keys } from '../api/queries'
import type { Meeting, MeetingUndo, TicketsDifference } from '../api/types'
import { Dots } from '../ui/icons'
import { Button, Dialog, Field, IconButton, MENU, MENU_ITEM, Notice, Select, useWords } from '../ui/parts'
import { useSay } from '../ui/toasts'
import { BoardDifference } from './BoardDifference'

const DEEDS = ['reread', 'undo', 'delete'] as const
type Deed = (typeof DEEDS)[number]

interface Props {
  meeting: Meeting
  /** Names by user. */
  names: Map<number, string>
}

/** What is seldom done with a meeting; each asks before it changes anything. */
export function MeetingMenu({ meeting, names }: Props) {
  const { t } = useTranslation()
  const [deed, setDeed] = useState<Deed | null>(null)
  const close = () => {
    setDeed(null)
  }
  const possible = DEEDS.filter((one) => one !== 'delete' || meeting.status !== 'LIVE')
  return (
    <>
      <DropdownMenu.Root>
        <DropdownMenu.Trigger asChild>
          <IconButton label={t('deed.more')}>
            <Dots />
          </IconButton>
        </DropdownMenu.Trigger>
        <DropdownMenu.Portal>
          <DropdownMenu.Content align="end" sideOffset={6} className={`${MENU} min-w-52`}>
            {possible.map((one) => (
              <DropdownMenu.Item
                key={one}
                className={`${MENU_ITEM} ${one === 'delete' ? 'text-danger' : ''}`}
                onSelect={() => {
                  setDeed(one)
                }}
              >
                {t(`deed.${one}`)}
              </DropdownMenu.Item>
            ))}
          </DropdownMenu.Content>
        </DropdownMenu.Portal>
      </DropdownMenu.Root>
      {deed === 'reread' && <Reread meeting={meeting} names={names} onClose={close} />}
      {deed === 'undo' && <UndoAll meeting={meeting} onClose={close} />}
      {deed === 'delete' && <Delete meeting={meeting} onClose={close} />}
    </>
  )
}

/** Everything that shows what a meeting led to is asked for again. */
function useRefresh(meetingId: number) {
  const client = useQueryClient()
  return () => {
    void client.invalidateQueries({ queryKey: keys.meeting(meetingId) })
    void client.invalidateQueries({ queryKey: ['tickets'] })
    void client.invalidateQueries({ queryKey: ['history'] })
  }
}

const ENGINES = ['configured', 'local'] as const

/** Read the meeting once more: first what would change, then, if wanted, the change. */
function Reread({ meeting, names, onClose }: Props & { onClose: () => void }) {
  const { t } = useTranslation()
  const words = useWords()
  const say = useSay()
  const refresh = useRefresh(meeting.meetingId)
  const [engine, setEngine] = useState<string>('configured')
  const read = (dryRun: boolean) =>
    json<TicketsDifference>('POST', `/api/meetings/${meeting.meetingId}/reread`, {
      query: { dryRun, engine },
    })
  const look = useMutation({ mutationFn: () => read(true) })
  const apply = useMutation({
    mutationFn: () => read(false),
    onSuccess: () => {
      refresh()
      say(t('deed.rereadDone'))
      onClose()
    },
  })
  const found = look.data
  const isEmpty =
    found && found.made.length + found.changed.length + found.takenBack.length === 0
  const error = look.error ?? apply.error
  return (
    <Dialog wide title={t('deed.reread')} onClose={onClose}>
      <p className="mb-3 text-muted">{t('deed.rereadHint')}</p>
      <div className="flex flex-wrap items-end gap-2">
        <Field label={t('deed.engine')}>
          <Select
            value={engine}
            onChange={(event) => {
              setEngine(event.target.value)
              look.reset()
            }}
          >
            {ENGINES.map((one) => (
              <option key={one} value={one}>
                {t(`deed.engines.${one}`)}
              </option>
            ))}
          </Select>
        </Field>
        <Button
          look={found ? 'plain' : 'primary'}
          disabled={look.isPending}
          onClick={() => {
            look.mutate()
          }}
        >
          {t(look.isPending ? 'deed.reading' : 'deed.look')}
        </Button>
      </div>
      {error && (
        <div className="mt-3">
          <Notice kind="danger">{words(error)}</Notice>
        </div>
      )}
      {found && (
        <div className="mt-4" aria-live="polite">
          <BoardDifference meetingId={meeting.meetingId} difference={found} names={names} />
          <p className="mt-3 text-sm text-muted">{t('difference.policy')}</p>
          <Ask
            onClose={onClose}
            label={t('deed.apply')}
            isDisabled={apply.isPending || isEmpty === true}
            onDo={() => {
              apply.mutate()
            }}
          />
        </div>
      )}
    </Dialog>
  )
}

/** Take back all that machines changed for this meeting. */
function UndoAll({ meeting, onClose }: { meeting: Meeting; onClose: () => void }) {
  const { t } = useTranslation()
  const refresh = useRefresh(meeting.meetingId)
  const undo = useMutation({
    mutationFn: () => json<MeetingUndo>('POST', `/api/meetings/${meeting.meetingId}/undo`),
    onSuccess: refresh,
  })
  if (undo.data) {
    const { undone, left } = undo.data
    return (
      <Dialog title={t('deed.undo')} onClose={onClose}>
        <p>{t('deed.undone', { count: undone.length })}</p>
        {left.length > 0 && (
          <>
            <p className="mt-3 text-muted">{t('deed.left')}</p>
            <ul className="mt-1 list-disc space-y-1 pl-5">
              {left.map((one) => (
                <li key={one.ticketId} dir="auto">
                  {one.ticketId} {one.title}
                </li>
              ))}
            </ul>
          </>
        )}
      </Dialog>
    )
  }
  return (
    <Confirm
      title={t('deed.undo')}
      label={t('deed.undoNow')}
      error={undo.error}
      isDisabled={undo.isPending}
      onClose={onClose}
      onDo={() => {
        undo.mutate()
      }}
    >
      {t('deed.undoHint')}
    </Confirm>
  )
}

function Delete({ meeting, onClose }: { meeting: Meeting; onClose: () => void }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const navigate = useNavigate()
  const remove = useMutation({
    mutationFn: () => json('DELETE', `/api/meetings/${meeting.meetingId}`),
    onSuccess: async () => {
      await navigate({ to: '/meetings' })
      client.removeQueries({ queryKey: keys.meeting(meeting.meetingId) })
      void client.invalidateQueries({ queryKey: keys.meetings(meeting.groupId) })
    },
  })
  return (
    <Confirm
      title={t('deed.delete')}
      label={t('deed.deleteNow')}
      error={remove.error}
      isDisabled={remove.isPending}
      onClose={onClose}
      onDo={() => {
        remove.mutate()
      }}
    >
      {t('deed.deleteHint', { title: meeting.title || t('common.untitled') })}
    </Confirm>
  )
}

interface AskProps {
  label: string
  isDisabled: boolean
  onClose: () => void
  onDo: () => void
}

function Ask({ label, isDisabled, onClose, onDo }: AskProps) {
  const { t } = useTranslation()
  return (
    <div className="mt-4 flex justify-end gap-2">
      <Button onClick={onClose}>{t('common.cancel')}</Button>
      <Button look="primary" disabled={isDisabled} onClick={onDo}>
        {label}
      </Button>
    </div>
  )
}

interface ConfirmProps extends AskProps {
  title: string
  error: unknown
  children: ReactNode
}

export function Confirm({ title, error, children, ...ask }: ConfirmProps) {
  const words = useWords()
  return (
    <Dialog title={title} onClose={ask.onClose}>
      <p className="text-muted">{children}</p>
      {error !== null && (
        <div className="mt-3">
          <Notice kind="danger">{words(error)}</Notice>
        </div>
      )}
      <Ask {...ask} />
    </Dialog>
  )
}
