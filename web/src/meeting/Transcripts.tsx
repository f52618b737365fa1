import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { json } from '../api/http'
import { differenceQuery, keys, versionTicketsQuery, versionsQuery } from '../api/queries'
import type { Asked, Meeting, Version } from '../api/types'
import { Again, Back } from '../ui/icons'
import {
  Button,
  Dialog,
  Failure,
  Loading,
  Notice,
  SpokenLanguage,
  TextField,
  useWords,
} from '../ui/parts'
import { clock, moment } from '../ui/times'
import { BoardDifference } from './BoardDifference'

interface Props {
  meeting: Meeting
  /** Names by user. */
  names: Map<number, string>
  onClose: () => void
}

/** A meeting's words as they were heard, each time; put into words again, compared, exchanged. */
export function TranscriptsDialog({ meeting, names, onClose }: Props) {
  const { t } = useTranslation()
  const [compared, setCompared] = useState<Version | null>(null)
  return (
    <Dialog wide title={t('versions.title')} onClose={onClose}>
      {compared ? (
        <Difference
          meetingId={meeting.meetingId}
          names={names}
          version={compared}
          onBack={() => {
            setCompared(null)
          }}
        />
      ) : (
        <>
          <HearAgain meeting={meeting} onAsked={onClose} />
          <Versions meetingId={meeting.meetingId} onCompare={setCompared} />
        </>
      )}
    </Dialog>
  )
}

function HearAgain({ meeting, onAsked }: { meeting: Meeting; onAsked: () => void }) {
  const { t } = useTranslation()
  const words = useWords()
  const client = useQueryClient()
  const id = meeting.meetingId
  const [language, setLanguage] = useState(meeting.language ?? '')
  const [model, setModel] = useState('')
  const [isDraft, setDraft] = useState(true)
  const [passed, setPassed] = useState<Asked['passed']>([])
  const ask = useMutation({
    mutationFn: () =>
      json<Asked>('POST', `/api/meetings/${id}/retranscribe`, {
        body: { language: language || null, model: model.trim() || null, apply: !isDraft },
      }),
    onSuccess: (asked) => {
      void client.invalidateQueries({ queryKey: keys.jobs(id) })
      setPassed(asked.passed)
      if (asked.jobs.length > 0) onAsked()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    ask.mutate()
  }
  return (
    <form onSubmit={submit} className="space-y-3">
      <p className="text-muted">{t('versions.hint')}</p>
      <div className="grid gap-3 sm:grid-cols-2">
        <SpokenLanguage value={language} onChoose={setLanguage} />
        <TextField
          label={t('versions.model')}
          maxLength={300}
          placeholder={t('versions.sameModel')}
          value={model}
          onText={setModel}
        />
      </div>
      <label className="flex items-center gap-2">
        <input
          type="checkbox"
          className="size-4 accent-accent"
          checked={isDraft}
          onChange={(event) => {
            setDraft(event.target.checked)
          }}
        />
        {t('versions.draftFirst')}
      </label>
      {passed.map((one) => (
        <Notice key={one.recordingId}>{one.message}</Notice>
      ))}
      {ask.error && <Notice kind="danger">{words(ask.error)}</Notice>}
      <Button type="submit" look="primary" disabled={ask.isPending}>
        <Again /> {t('versions.again')}
      </Button>
    </form>
  )
}

interface VersionsProps {
  meetingId: number
  onCompare: (version: Version) => void
}

function Versions({ meetingId, onCompare }: VersionsProps) {
  const { t, i18n } = useTranslation()
  const { data: versions, error, refetch } = useQuery(versionsQuery(meetingId))
  if (error) return <Failure error={error} onRetry={() => void refetch()} />
  if (!versions) return <Loading />
  return (
    <ul className="mt-4 divide-y divide-line border-t border-line">
      {versions.map((one) => (
        <li key={`${one.recordingId} ${one.number}`} className="flex items-center gap-2 py-2 text-sm">
          <span className="min-w-0 flex-1">
            <span className="font-medium">
              {t(`versions.origin.${one.origin}`)} {one.number}
            </span>{' '}
            <span className="text-muted">
              {moment(one.createdAt, i18n.language)} · {t('versions.captions', { count: one.captions })}
              {one.model && ` · ${one.model}`}
            </span>
          </span>
          <span className="text-muted">{t(`versions.state.${one.state}`)}</span>
          {one.state !== 'CURRENT' && (
            <Button
              small
              onClick={() => {
                onCompare(one)
              }}
            >
              {t('versions.compare')}
            </Button>
          )}
        </li>
      ))}
    </ul>
  )
}

interface DifferenceProps {
  meetingId: number
  names: Map<number, string>
  version: Version
  onBack: () => void
}

function Difference({ meetingId, names, version, onBack }: DifferenceProps) {
  const { t } = useTranslation()
  const words = useWords()
  const client = useQueryClient()
  const { recordingId, number } = version
  const { data, error, refetch } = useQuery(differenceQuery(meetingId, recordingId, number))
  const tickets = useQuery(versionTicketsQuery(meetingId, recordingId, number))
  const apply = useMutation({
    mutationFn: () =>
      json(
        'POST',
        `/api/meetings/${meetingId}/recordings/${recordingId}/versions/${number}/apply`,
      ),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.meeting(meetingId) })
      void client.invalidateQueries({ queryKey: ['tickets'] })
      onBack()
    },
  })
  return (
    <div>
      <div className="mb-3 flex items-center gap-2">
        <Button small look="quiet" onClick={onBack}>
          <Back className="size-3.5" /> {t('versions.all')}
        </Button>
        <Button
          small
          look="primary"
          className="ml-auto"
          disabled={apply.isPending}
          onClick={() => {
            apply.mutate()
          }}
        >
          {t('versions.apply')}
        </Button>
      </div>
      {apply.error && <Notice kind="danger">{words(apply.error)}</Notice>}
      {error ? (
        <Failure error={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <Loading />
      ) : (
        <>
          <h3 className="mb-1 font-semibold">{t('versions.words')}</h3>
          <p className="mb-3 text-sm text-muted">
            {t('versions.difference', {
              before: data.wordsBefore,
              after: data.wordsAfter,
              same: data.wordsSame,
            })}
          </p>
          {data.stretches.length === 0 && <p>{t('versions.equal')}</p>}
          <ol className="space-y-2">
            {data.stretches.map((stretch) => (
              <li key={stretch.startMs} className="rounded-md bg-sunken px-3 py-2">
                <span className="mr-2 inline-flex items-center text-xs text-muted tabular-nums">
                  {clock(stretch.startMs)}
                </span>
                <span dir="auto">
                  {stretch.changes.map((change, i) =>
                    change.kind === 'same' ? (
                      <span key={i}>{change.after} </span>
                    ) : (
                      <span key={i}>
                        {change.before && (
                          <del className="rounded bg-danger-soft px-0.5 text-danger">
                            {change.before}
                          </del>
                        )}{' '}
                        {change.after && (
                          <ins className="rounded bg-good-soft px-0.5 text-good no-underline">
                            {change.after}
                          </ins>
                        )}{' '}
                      </span>
                    ),
                  )}
                </span>
              </li>
            ))}
          </ol>
          <h3 className="mt-5 mb-2 font-semibold">{t('versions.onBoard')}</h3>
          {tickets.error ? (
            <Failure error={tickets.error} onRetry={() => void tickets.refetch()} />
          ) : tickets.data ? (
            <BoardDifference meetingId={meetingId} difference={tickets.data} names={names} />
          ) : (
            <Loading />
          )}
        </>
      )}
    </div>
  )
}
