import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { recordingsQuery } from '../api/queries'
import type { Recording } from '../api/types'
import { Pause, Play } from '../ui/icons'
import { Button, Select } from '../ui/parts'
import { clock } from '../ui/times'
import { useSay } from '../ui/toasts'
import { player, useIsPaused, usePassage, useRate, useTime } from './player'

const STEP_MS = 1000

/** Plays the whole meeting, one microphone at a time. */
export function PlayerBar({ meetingId, names }: { meetingId: number; names: Map<number, string> }) {
  const { t } = useTranslation()
  const say = useSay()
  const { data: recordings = [] } = useQuery(recordingsQuery(meetingId))
  const heard = recordings.filter((one) => one.durationMs > 0)
  const passage = usePassage()
  const isPaused = useIsPaused()
  const rate = useRate()
  const here = passage?.meetingId === meetingId ? passage : null
  const recording = heard.find((one) => one.audioId === here?.audioId) ?? heard[0]
  const positionMs = useTime((ms) => (here && ms !== null ? Math.floor(ms / 250) * 250 : null))
  if (!recording) return null

  const open = (one: Recording, fromMs: number) => {
    player.play(
      {
        id: `${meetingId}:all`,
        meetingId,
        audioId: one.audioId,
        offsetMs: one.offsetMs,
        fromMs,
        untilMs: null,
      },
      () => {
        say(t('live.noSound'))
      },
    )
  }
  const start = recording.offsetMs
  const end = recording.offsetMs + recording.durationMs
  const at = Math.min(Math.max(positionMs ?? start, start), end)
  const isPlaying = here !== null && !isPaused

  return (
    <div
      role="group"
      aria-label={t('player.title')}
      className="flex shrink-0 items-center gap-2 border-t border-line bg-sunken px-3 py-2"
    >
      <button
        type="button"
        aria-label={isPlaying ? t('player.pause') : t('player.play')}
        title={isPlaying ? t('player.pause') : t('player.play')}
        className="inline-flex size-8 shrink-0 items-center justify-center rounded-full bg-accent text-on-accent hover:bg-accent-hover"
        onClick={() => {
          if (here) player.toggle()
          else open(recording, start)
        }}
      >
        {isPlaying ? <Pause /> : <Play />}
      </button>
      <span className="text-xs text-muted tabular-nums">{clock(at)}</span>
      <input
        type="range"
        aria-label={t('player.position')}
        aria-valuetext={clock(at)}
        className="min-w-0 flex-1 accent-accent"
        min={start}
        max={end}
        step={STEP_MS}
        value={at}
        onChange={(event) => {
          const ms = Number(event.target.value)
          if (here) player.seek(ms)
          else open(recording, ms)
        }}
      />
      <span className="text-xs text-muted tabular-nums">{clock(end)}</span>
      <Button
        small
        look="quiet"
        aria-label={t('player.rate', { rate })}
        onClick={() => {
          player.nextRate()
        }}
      >
        {rate}×
      </Button>
      {heard.length > 1 && (
        <Select
          aria-label={t('player.microphone')}
          className="max-w-36"
          value={recording.audioId}
          onChange={(event) => {
            const one = heard.find((other) => other.audioId === event.target.value)
            if (one) open(one, Math.max(at, one.offsetMs))
          }}
        >
          {heard.map((one, i) => (
            <option key={one.audioId} value={one.audioId}>
              {one.userId ? (names.get(one.userId) ?? t('record.room')) : t('record.room')} {i + 1}
            </option>
          ))}
        </Select>
      )}
    </div>
  )
}
