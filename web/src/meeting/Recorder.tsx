import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { meQuery } from '../api/queries'
import type { Meeting } from '../api/types'
import { microphones } from '../record/microphone'
import { isRunning, record, stop, upload, useRecording, type Recording } from '../record/store'
import { Microphone, Stop, Upload } from '../ui/icons'
import { Button, Notice, Select } from '../ui/parts'
import { clock } from '../ui/times'
import { useNow } from '../pages/Shell'

export function Recorder({ meeting }: { meeting: Meeting }) {
  const recording = useRecording()
  const here = recording?.meetingId === meeting.meetingId ? recording : null
  return (
    <div className="space-y-2 border-b border-line px-4 py-2.5">
      {here && isRunning(here) ? (
        <Running recording={here} />
      ) : (
        <Choice meeting={meeting} isElsewhere={isRunning(recording)} />
      )}
      {here && <Troubles recording={here} />}
    </div>
  )
}

function Choice({ meeting, isElsewhere }: { meeting: Meeting; isElsewhere: boolean }) {
  const { t } = useTranslation()
  const { data: me } = useQuery(meQuery)
  const [devices, setDevices] = useState<MediaDeviceInfo[]>([])
  const [deviceId, setDeviceId] = useState('')
  const [isMine, setMine] = useState(false)
  const picker = useRef<HTMLInputElement>(null)

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
      <Button
        look="primary"
        disabled={isElsewhere}
        onClick={() => {
          void record(wanted, deviceId || null)
        }}
      >
        <Microphone /> {t('record.record')}
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
      <Button
        look="quiet"
        className="sm:ml-auto"
        disabled={isElsewhere}
        onClick={() => picker.current?.click()}
      >
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
          if (sound) void upload(wanted, sound)
        }}
      />
    </div>
  )
}

function Running({ recording }: { recording: Recording }) {
  const { t } = useTranslation()
  const now = useNow(1000)
  const [since] = useState(() => Date.now())
  const { state } = recording
  const isEnding = state === 'finishing'
  const words = t(`record.state.${state}`, { time: clock(recording.waitingMs) })
  return (
    <div className="flex items-center gap-3">
      {recording.kind === 'microphone' ? (
        <>
          <Button look="danger" onClick={stop} disabled={isEnding}>
            <Stop /> {t('record.stop')}
          </Button>
          <Meter level={recording.level} />
          <span className="text-sm text-muted tabular-nums">{clock(now - since)}</span>
        </>
      ) : (
        <>
          <progress
            className="h-1.5 w-32 shrink-0 overflow-hidden rounded-full accent-accent"
            value={recording.progress}
            aria-label={t('record.uploading', { name: recording.fileName ?? '' })}
          />
          <span className="min-w-0 truncate text-sm text-muted">{recording.fileName}</span>
        </>
      )}
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
  if (isSilent) return <Notice>{t('record.silent')}</Notice>
  if (notice && isRunning(recording)) return <Notice>{notice.message}</Notice>
  return null
}
