import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState, type FormEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { json } from '../api/http'
import { healthQuery, itemsOf, keys, meetingsQuery } from '../api/queries'
import type { Meeting } from '../api/types'
import { useGroup } from '../ui/group'
import { Calendar, Document, Microphone, Plus } from '../ui/icons'
import {
  Button,
  Dialog,
  Empty,
  Failure,
  Loading,
  More,
  Notice,
  SpokenLanguage,
  TextField,
  useWords,
} from '../ui/parts'
import { clock, moment } from '../ui/times'
import { PageHead, useNow } from './Shell'

export function MeetingsPage() {
  const { t } = useTranslation()
  const { group, isLoading, error } = useGroup()
  const [isNew, setNew] = useState(false)
  if (error) return <Failure error={error} />
  if (isLoading) return <Loading />
  if (!group) {
    return (
      <Empty icon={<Calendar className="size-6" />} title={t('meetings.noGroup')}>
        <Link to="/settings" search={{ part: 'group' }} className="text-accent-text hover:underline">
          {t('settings.newGroup')}
        </Link>
      </Empty>
    )
  }
  return (
    <>
      <PageHead>
        <h1 className="font-semibold">{t('meetings.title')}</h1>
        <Button
          look="primary"
          className="ml-auto"
          onClick={() => {
            setNew(true)
          }}
        >
          <Plus /> {t('meetings.new')}
        </Button>
      </PageHead>
      <DemoNotice />
      <List groupId={group.groupId} />
      {isNew && (
        <NewMeeting
          groupId={group.groupId}
          onClose={() => {
            setNew(false)
          }}
        />
      )}
    </>
  )
}

function List({ groupId }: { groupId: number }) {
  const { t } = useTranslation()
  const list = useInfiniteQuery(meetingsQuery(groupId))
  const { data, error, refetch } = list
  if (error && !data) return <Failure error={error} onRetry={() => void refetch()} />
  if (!data) return <Loading />
  const meetings = itemsOf(data)
  if (meetings.length === 0) {
    return (
      <Empty icon={<Calendar className="size-6" />} title={t('meetings.empty')}>
        {t('meetings.emptyHint')}
      </Empty>
    )
  }
  return (
    <div className="mx-auto max-w-4xl p-2 sm:p-4">
      <ul>
        {meetings.map((meeting) => (
          <li key={meeting.meetingId}>
            <Row meeting={meeting} />
          </li>
        ))}
      </ul>
      <More of={list} />
    </div>
  )
}

/** The demo model hears synthetic voices only: nobody should wonder why it mishears theirs. */
export function DemoNotice() {
  const { t } = useTranslation()
  const { data: health } = useQuery(healthQuery)
  if (!health?.workers.transcribe?.message?.startsWith('demo model')) return null
  return (
    <p role="note" className="bg-warn-soft px-4 py-1.5 text-sm text-warn">
      {t('admin.demoModel')}
    </p>
  )
}

function Row({ meeting }: { meeting: Meeting }) {
  const { t, i18n } = useTranslation()
  const now = useNow(1000)
  const start = meeting.startedAt ? Date.parse(meeting.startedAt) : null
  const end = meeting.endedAt ? Date.parse(meeting.endedAt) : now
  return (
    <Link
      to="/meetings/$meetingId"
      params={{ meetingId: String(meeting.meetingId) }}
      className="flex min-h-11 items-center gap-3 rounded-lg px-3 py-2 hover:bg-hover"
    >
      <StatusDot status={meeting.status} />
      <span className="min-w-0 flex-1">
        <span dir="auto" className="block truncate font-medium">
          {meeting.title || t('common.untitled')}
        </span>
        <span className="block text-sm text-muted">
          {moment(meeting.startedAt ?? meeting.createdAt, i18n.language)}
          {start !== null && ` · ${clock(end - start)}`}
        </span>
      </span>
      {meeting.hasMinutes && (
        <span className="flex items-center gap-1 text-sm text-muted">
          <Document className="size-3.5" />
          <span className="hidden sm:inline">{t('meetings.minutesReady')}</span>
        </span>
      )}
      {meeting.status === 'LIVE' && (
        <span className="hidden items-center gap-1 text-sm font-medium text-accent-text sm:flex">
          <Microphone className="size-3.5" /> {t('meetings.join')}
        </span>
      )}
      <StatusBadge status={meeting.status} />
    </Link>
  )
}

function StatusDot({ status }: { status: Meeting['status'] }) {
  const look =
    status === 'LIVE' ? 'bg-danger animate-pulse-soft' : status === 'ENDED' ? 'bg-line-strong' : 'border border-line-strong'
  return <span aria-hidden="true" className={`size-2 shrink-0 rounded-full ${look}`} />
}

export function StatusBadge({ status }: { status: Meeting['status'] }) {
  const { t } = useTranslation()
  const look = status === 'LIVE' ? 'bg-danger-soft text-danger' : 'bg-sunken text-muted'
  return (
    <span className={`shrink-0 rounded-full px-2 py-0.5 text-xs font-medium ${look}`}>
      {t(`meetings.status.${status}`)}
    </span>
  )
}

function NewMeeting({ groupId, onClose }: { groupId: number; onClose: () => void }) {
  const { t } = useTranslation()
  const words = useWords()
  const client = useQueryClient()
  const navigate = useNavigate()
  const [title, setTitle] = useState('')
  const [language, setLanguage] = useState('')
  const create = useMutation({
    mutationFn: () =>
      json<Meeting>('POST', '/api/meetings', {
        body: { groupId, title, language: language || null },
      }),
    onSuccess: async (meeting) => {
      void client.invalidateQueries({ queryKey: keys.meetings(groupId) })
      client.setQueryData(keys.meeting(meeting.meetingId), meeting)
      await navigate({
        to: '/meetings/$meetingId',
        params: { meetingId: String(meeting.meetingId) },
      })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    create.mutate()
  }
  return (
    <Dialog title={t('meetings.new')} onClose={onClose}>
      <form onSubmit={submit} className="space-y-3">
        <TextField
          label={t('meetings.name')}
          value={title}
          maxLength={200}
          placeholder={t('meetings.namePlaceholder')}
          onText={setTitle}
        />
        <SpokenLanguage value={language} onChoose={setLanguage} />
        {create.error && <Notice kind="danger">{words(create.error)}</Notice>}
        <div className="flex justify-end gap-2 pt-1">
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button look="primary" type="submit" disabled={create.isPending}>
            {t('meetings.create')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
