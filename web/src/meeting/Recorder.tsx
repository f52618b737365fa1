import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { keys, meQuery, recordingsQuery } from '../api/queries'
import type { Meeting } from '../api/types'
import { microphones } from '../record/microphone'
import {
  isRunning,
  pause,
  record,
  resume,
  stop,
  useRecording,
  type Recording,
} from '../record/store'
import { forgetUpload, isUploading, upload, useUpload } from '../record/upload'
import { Alert, Cross, Microphone, Pause, Stop, Upload } from '../ui/icons'
import { Button, IconButton, Notice, Select, useWords } from '../ui/parts'
import { clock } from '../ui/times'
import { useNow } from '../pages/Shell'

/** How often a page asks which microphones are on; nothing tells of them. */
const OTHERS_EVERY_MS = 10_000

export function Recorder({ meeting, names }: { meeting: Meeting; names: Map<number, string> }) {
  const recording = useRecording()
  const { data: recordings = [] } = useQuery({
    ...recordingsQuery(meeting.meetingId),
    refetchInterval: meeting.status === 'LIVE' ? OTHERS_EVERY_MS : false,
  })
  const others = recordings.filter((one) => one.status === 'OPEN')
  const here = recording?.meetingId === meeting.meetingId ? recording : null
  return (
    <div className="space-y-2 border-b border-line px-4 py-2.5">
      {here && isRunning(here) ? (
        <Running recording={here} />
      ) : (
        <Choice
          meeting={meeting}
          isElsewhere={isRunning(recording)}
          others={others.map((one) => (one.userId ? names.get(one.userId) : null) ?? null)}
        />
      )}
      {here && <Troubles recording={here} />}
    </div>
  )
}

interface ChoiceProps {
  meeting: Meeting
  isElsewhere: boolean
  /** Whose microphones are on already; null is the room's. */
  others: (string | null)[]
}

function Choice({ meeting, isElsewhere, others }: ChoiceProps) {
  const { t } = useTranslation()
  const { data: me } = useQuery(meQuery)
  const [devices, setDevices] = useState<MediaDeviceInfo[]>([])
  const [deviceId, setDeviceId] = useState('')
  const [chosenMine, setMine] = useState<boolean | null>(null)

  useEffect(() => {
    if (!('mediaDevices' in navigator)) return
    const look = () => {
      void microphones().then(setDevices)
    }
    look()
    navigator.mediaDevices.addEventListener('devicechange', look)
    return () => {
      navigator.mediaDevices.removeEventListener('devicechange', look)
    }
  }, [])

  // The room has a microphone already: one more is most likely somebody's own.
  const isMine = chosenMine ?? others.length > 0
  const wanted = {
    meetingId: meeting.meetingId,
    groupId: meeting.groupId,
    language: meeting.language,
    speakerId: isMine ? me?.userId : undefined,
  }
  // Their names are told only after the browser has allowed a microphone once.
  const named = devices.filter((device) => device.deviceId && device.label)
  return (
    <div className="flex flex-wrap items-center gap-2">
      {others.length > 0 && (
        <p className="flex w-full items-center gap-1.5 text-sm text-muted">
          <span className="size-2 animate-pulse-soft rounded-full bg-danger" aria-hidden="true" />
          {t('record.others', {
            names: others.map((name) => name ?? t('record.room')).join(', '),
          })}
        </p>
      )}
      <Button
        look="primary"
        disabled={isElsewhere}
        onClick={() => {
          void record(wanted, deviceId || null)
        }}
      >
        <Microphone /> {t(others.length > 0 ? 'record.join' : 'record.record')}
      </Button>
      <Select
        aria-label={t('record.microphone')}
        className="max-w-44"
        value={deviceId}
        onChange={(event) => {
          setDeviceId(event.target.value)
        }}
      >
        <option value="">{t('record.standard')}</option>
        {named.map((device) => (
          <option key={device.deviceId} value={device.deviceId}>
            {device.label}
          </option>
        ))}
      </Select>
      <Select
        aria-label={t('record.whose')}
        value={isMine ? 'mine' : 'room'}
        onChange={(event) => {
          setMine(event.target.value === 'mine')
        }}
      >
        <option value="room">{t('record.room')}</option>
        <option value="mine">{t('record.mine')}</option>
      </Select>
      <span className="sm:ml-auto">
        <UploadButton meeting={meeting} speakerId={isMine ? me?.userId : undefined} />
      </span>
    </div>
  )
}

interface UploadButtonProps {
  meeting: Meeting
  speakerId?: number | undefined
}

/** Puts a sound file into the meeting, also into one that is over. */
export function UploadButton({ meeting, speakerId }: UploadButtonProps) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const now = useUpload()
  const picker = useRef<HTMLInputElement>(null)
  const id = meeting.meetingId
  const send = (sound: File) => {
    upload({ meetingId: id, language: meeting.language, speakerId }, sound).then(
      () => {
        void client.invalidateQueries({ queryKey: keys.jobs(id) })
        void client.invalidateQueries({ queryKey: keys.recordings(id) })
      },
      () => undefined, // shown where the file was
    )
  }
  return (
    <>
      <Button look="quiet" disabled={isUploading(now)} onClick={() => picker.current?.click()}>
        <Upload /> {t('record.upload')}
      </Button>
      <input
        ref={picker}
        type="file"
        hidden
        accept="audio/*,video/webm,video/mp4"
        aria-label={t('record.upload')}
        onChange={(event) => {
          const sound = event.target.files?.[0]
          event.target.value = ''
          if (sound) send(sound)
        }}
      />
    </>
  )
}

/** How far the file is, or why it did not come through. */
export function Uploading({ meetingId }: { meetingId: number }) {
  const { t } = useTranslation()
  const words = useWords()
  const now = useUpload()
  if (now?.meetingId !== meetingId) return null
  const close = (
    <IconButton
      label={now.problem ? t('common.close') : t('common.cancel')}
      className="ml-auto"
      onClick={forgetUpload}
    >
      <Cross />
    </IconButton>
  )
  if (now.problem) {
    return (
      <div className="flex items-center gap-2 px-4 pt-2">
        <div className="min-w-0 flex-1">
          <Notice kind="danger">
            <span dir="auto">{now.name}</span>: {words(now.problem)}
          </Notice>
        </div>
        {close}
      </div>
    )
  }
  return (
    <div className="flex items-center gap-3 border-b border-line px-4 py-2 text-sm">
      <progress
        className="h-1.5 w-32 shrink-0 overflow-hidden rounded-full accent-accent"
        value={now.progress}
        aria-label={t('record.uploading', { name: now.name })}
      />
      <span className="text-muted tabular-nums">{Math.floor(100 * now.progress)} %</span>
      <span dir="auto" className="min-w-0 truncate text-muted">
        {now.name}
      </span>
      {close}
    </div>
  )
}

function Running({ recording }: { recording: Recording }) {
  const { t } = useTranslation()
  const now = useNow(1000)
  const { state, since, pausedAt } = recording
  const isEnding = state === 'finishing'
  const isPaused = state === 'paused'
  const words = t(`record.state.${state}`, { time: clock(recording.waitingMs) })
  return (
    <div className="flex flex-wrap items-center gap-3">
      <Button look="danger" onClick={stop} disabled={isEnding}>
        <Stop /> {t('record.stop')}
      </Button>
      {isPaused ? (
        <Button look="primary" onClick={() => void resume()}>
          <Microphone /> {t('record.resume')}
        </Button>
      ) : (
        <Button onClick={pause} disabled={isEnding}>
          <Pause /> {t('record.pause')}
        </Button>
      )}
      {!isPaused && <Meter level={recording.level} />}
      <span className="text-sm text-muted tabular-nums">{clock((pausedAt ?? now) - since)}</span>
      <span
        role="status"
        className={`ml-auto min-w-0 truncate text-sm ${state === 'away' ? 'font-medium text-warn' : 'text-muted'}`}
      >
        {words}
      </span>
    </div>
  )
}

const BARS = 12

/** How loud it is, in steps of 4 dB up from -48 dB. */
function Meter({ level }: { level: number }) {
  const { t } = useTranslation()
  const db = level > 0 ? 20 * Math.log10(level) : -100
  const lit = Math.max(0, Math.min(BARS, Math.round((db + 48) / 4)))
  return (
    <div
      role="meter"
      aria-label={t('record.level')}
      aria-valuemin={0}
      aria-valuemax={BARS}
      aria-valuenow={lit}
      className="flex h-4 items-center gap-0.5"
    >
      {Array.from({ length: BARS }, (_, i) => (
        <span
          key={i}
          className={`h-full w-1 rounded-full transition-colors duration-75 ${i < lit ? (i > 9 ? 'bg-warn' : 'bg-good') : 'bg-line-strong'}`}
        />
      ))}
    </div>
  )
}

function Troubles({ recording }: { recording: Recording }) {
  const { t } = useTranslation()
  const { trouble, notice, isSilent, state } = recording
  if (trouble) {
    return <Notice kind="danger">{t(`record.${trouble.kind}`, { why: trouble.why })}</Notice>
  }
  if (state === 'failed' && notice) return <Notice kind="danger">{notice.message}</Notice>
  if (isSilent) {
    return (
      <div
        role="alert"
        className="flex items-center gap-3 rounded-lg border-2 border-danger bg-danger-soft px-4 py-3 font-semibold text-danger"
      >
        <Alert className="size-6" /> {t('record.silent')}
      </div>
    )
  }
  if (notice && isRunning(recording)) return <Notice>{notice.message}</Notice>
  return null
}
