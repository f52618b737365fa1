import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useParams, useSearch } from '@tanstack/react-router'
import { DropdownMenu, Tabs } from 'radix-ui'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { file, json } from '../api/http'
import { keys, meetingQuery, membersQuery, transcriptQuery } from '../api/queries'
import type { Meeting, MeetingChange } from '../api/types'
import { Captions } from '../meeting/Captions'
import { Confirm, MeetingMenu } from '../meeting/MeetingMenu'
import { MeetingTickets } from '../meeting/MeetingTickets'
import { Minutes } from '../meeting/Minutes'
import { PlayerBar } from '../meeting/PlayerBar'
import { Jobs } from '../meeting/Jobs'
import { Recorder, UploadButton, Uploading } from '../meeting/Recorder'
import { save } from '../meeting/save'
import { TranscriptsDialog } from '../meeting/Transcripts'
import { isRunning, stop, useOfRecording } from '../record/store'
import { Again, Back, Download } from '../ui/icons'
import { Button, Failure, IconButton, Loading, MENU, MENU_ITEM, useWords } from '../ui/parts'
import { day } from '../ui/times'
import { useSay } from '../ui/toasts'
import { DemoNotice, StatusBadge } from './Meetings'
import { PageHead } from './Shell'

export function MeetingPage() {
  const { meetingId } = useParams({ from: '/meetings/$meetingId' })
  const id = Number(meetingId)
  const { caption } = useSearch({ from: '/meetings/$meetingId' })
  const { data: meeting, error, refetch } = useQuery(meetingQuery(id))
  if (error && !meeting) return <Failure error={error} onRetry={() => void refetch()} />
  if (!meeting) return <Loading />
  return <One key={`${id} ${caption ?? ''}`} meeting={meeting} goTo={caption} />
}

const TAB =
  'flex h-11 items-center border-b-2 border-transparent px-1 font-medium text-muted hover:text-text data-[state=active]:border-accent data-[state=active]:text-text'

function One({ meeting, goTo }: { meeting: Meeting; goTo: string | undefined }) {
  const { t } = useTranslation()
  const id = meeting.meetingId
  const { data: members = [] } = useQuery(membersQuery(meeting.groupId))
  const names = useMemo(() => new Map(members.map((one) => [one.userId, one.name])), [members])
  const isEnded = meeting.status === 'ENDED'
  const [tab, setTab] = useState(isEnded && meeting.hasMinutes && !goTo ? 'minutes' : 'captions')

  return (
    <div className="flex h-full flex-col">
      <Head
        meeting={meeting}
        names={names}
        onEnded={() => {
          setTab('minutes')
        }}
      />
      <Told meeting={meeting} />
      <div className="flex min-h-0 flex-1">
        <Tabs.Root value={tab} onValueChange={setTab} className="flex min-h-0 min-w-0 flex-1 flex-col">
          <Tabs.List className="flex shrink-0 gap-4 border-b border-line px-4" aria-label={meeting.title}>
            <Tabs.Trigger value="captions" className={TAB}>
              {t('live.captions')}
            </Tabs.Trigger>
            <Tabs.Trigger value="tickets" className={`${TAB} lg:hidden`}>
              {t('live.tickets')}
            </Tabs.Trigger>
            <Tabs.Trigger value="minutes" className={TAB}>
              {t('live.minutes')}
            </Tabs.Trigger>
          </Tabs.List>
          <Tabs.Content value="captions" tabIndex={-1} className="flex min-h-0 flex-1 flex-col outline-none data-[state=inactive]:hidden">
            {!isEnded && <DemoNotice />}
            {!isEnded && <Recorder meeting={meeting} names={names} />}
            <Uploading meetingId={id} />
            <Jobs meetingId={id} />
            <Said meeting={meeting} names={names} goTo={goTo} />
          </Tabs.Content>
          <Tabs.Content value="tickets" tabIndex={-1} className="flex min-h-0 flex-1 flex-col outline-none data-[state=inactive]:hidden lg:hidden">
            <MeetingTickets meeting={meeting} names={names} />
          </Tabs.Content>
          <Tabs.Content value="minutes" tabIndex={-1} className="flex min-h-0 flex-1 flex-col outline-none data-[state=inactive]:hidden">
            <Minutes meeting={meeting} />
          </Tabs.Content>
          {isEnded && <PlayerBar meetingId={id} names={names} />}
        </Tabs.Root>
        <aside className="hidden w-96 shrink-0 border-l border-line bg-sunken lg:flex">
          <MeetingTickets meeting={meeting} names={names} />
        </aside>
      </div>
    </div>
  )
}

interface SaidProps {
  meeting: Meeting
  names: Map<number, string>
  goTo: string | undefined
}

/** What was said; by itself, so that a new line draws nothing else anew. */
function Said({ meeting, names, goTo }: SaidProps) {
  const id = meeting.meetingId
  const { data: lines, error, refetch } = useQuery(transcriptQuery(id))
  const partial = useOfRecording(id, (here) => here.partial?.text ?? null)
  const isRecording = useOfRecording(id, isRunning) ?? false
  if (error && !lines) return <Failure error={error} onRetry={() => void refetch()} />
  if (!lines) return <Loading />
  return (
    <Captions
      meetingId={id}
      lines={lines}
      partial={partial}
      names={names}
      isEnded={meeting.status === 'ENDED'}
      isRecording={isRecording}
      goTo={goTo}
    />
  )
}

/** What people should know about the last reading, and what is not there any more. */
function Told({ meeting }: { meeting: Meeting }) {
  const { t, i18n } = useTranslation()
  const { notes = [], wordsDeletedAt, soundDeletedAt } = meeting
  const gone = wordsDeletedAt ?? soundDeletedAt
  if (notes.length === 0 && !gone) return null
  return (
    <div role="note" className="space-y-1 bg-warn-soft px-4 py-1.5 text-sm text-warn">
      {gone && (
        <p>
          {t(wordsDeletedAt ? 'live.wordsDeleted' : 'live.soundDeleted', {
            day: day(gone, i18n.language),
          })}
        </p>
      )}
      {notes.map((note) => (
        <p key={note} dir="auto">
          {note}
        </p>
      ))}
    </div>
  )
}

const FORMATS = ['md', 'json', 'srt', 'vtt', 'csv', 'ics'] as const

interface HeadProps {
  meeting: Meeting
  names: Map<number, string>
  onEnded: () => void
}

function Head({ meeting, names, onEnded }: HeadProps) {
  const { t } = useTranslation()
  const words = useWords()
  const say = useSay()
  const client = useQueryClient()
  const [isEnding, setEnding] = useState(false)
  const [isVersions, setVersions] = useState(false)
  const id = meeting.meetingId
  const change = useMutation({
    mutationFn: (body: MeetingChange) => json<Meeting>('PATCH', `/api/meetings/${id}`, { body }),
    onSuccess: (changed) => {
      client.setQueryData(keys.meeting(id), changed)
    },
    onError: (error) => {
      say(words(error))
    },
  })

  const download = async (format: (typeof FORMATS)[number]) => {
    try {
      save(await file(`/api/meetings/${id}/export`, { format }), `meeting-${id}.${format}`)
    } catch (error) {
      say(words(error))
    }
  }

  return (
    <PageHead>
      <Link
        to="/meetings"
        aria-label={t('live.back')}
        title={t('live.back')}
        className="-ml-1.5 inline-flex size-7 items-center justify-center rounded-md text-muted hover:bg-hover hover:text-text"
      >
        <Back />
      </Link>
      <input
        key={meeting.title}
        aria-label={t('live.rename')}
        className="min-w-24 flex-1 truncate rounded-md bg-transparent px-1.5 py-1 font-semibold hover:bg-hover focus:bg-raised"
        dir="auto"
        maxLength={200}
        defaultValue={meeting.title}
        placeholder={t('common.untitled')}
        onKeyDown={(event) => {
          if (event.key === 'Enter') event.currentTarget.blur()
          if (event.key === 'Escape') {
            event.currentTarget.value = meeting.title
            event.currentTarget.blur()
          }
        }}
        onBlur={(event) => {
          const title = event.target.value.trim()
          if (title !== meeting.title) change.mutate({ title })
        }}
      />
      <StatusBadge status={meeting.status} />
      <DropdownMenu.Root modal={false}>
        <DropdownMenu.Trigger asChild>
          <IconButton label={t('live.export')}>
            <Download />
          </IconButton>
        </DropdownMenu.Trigger>
        <DropdownMenu.Portal>
          <DropdownMenu.Content
            align="end"
            sideOffset={6}
            className={MENU}
          >
            {FORMATS.map((format) => (
              <DropdownMenu.Item
                key={format}
                onSelect={() => void download(format)}
                className={MENU_ITEM}
              >
                <span className="w-9 font-medium uppercase">{format}</span>
                <span className="text-sm text-muted">{t(`live.format.${format}`)}</span>
              </DropdownMenu.Item>
            ))}
          </DropdownMenu.Content>
        </DropdownMenu.Portal>
      </DropdownMenu.Root>
      <IconButton
        label={t('versions.title')}
        onClick={() => {
          setVersions(true)
        }}
      >
        <Again />
      </IconButton>
      {isVersions && (
        <TranscriptsDialog
          meeting={meeting}
          names={names}
          onClose={() => {
            setVersions(false)
          }}
        />
      )}
      <MeetingMenu meeting={meeting} names={names} />
      {meeting.status === 'ENDED' && <UploadButton meeting={meeting} />}
      {meeting.status === 'ENDED' ? (
        <Button
          disabled={change.isPending}
          onClick={() => {
            change.mutate({ status: 'LIVE' })
          }}
        >
          {t('live.reopen')}
        </Button>
      ) : (
        <Button
          look="danger"
          onClick={() => {
            setEnding(true)
          }}
        >
          {t('live.end')}
        </Button>
      )}
      {isEnding && (
        <EndDialog
          meeting={meeting}
          onClose={() => {
            setEnding(false)
          }}
          onEnded={onEnded}
        />
      )}
    </PageHead>
  )
}

interface EndProps {
  meeting: Meeting
  onClose: () => void
  onEnded: () => void
}

function EndDialog({ meeting, onClose, onEnded }: EndProps) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const id = meeting.meetingId
  const isHere = useOfRecording(id, isRunning) ?? false
  const end = useMutation({
    mutationFn: () => {
      if (isHere) stop()
      return json<Meeting>('POST', `/api/meetings/${id}/end`)
    },
    onSuccess: (ended) => {
      client.setQueryData(keys.meeting(id), ended)
      void client.invalidateQueries({ queryKey: keys.meetings(meeting.groupId) })
      onClose()
      onEnded()
    },
  })
  return (
    <Confirm
      title={t('live.endTitle')}
      label={t('live.end')}
      error={end.error}
      isDisabled={end.isPending}
      onClose={onClose}
      onDo={() => {
        end.mutate()
      }}
    >
      {t('live.endBody')}
    </Confirm>
  )
}
