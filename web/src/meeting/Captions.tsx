import { memo, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Line } from '../api/types'
import { Down, Wave } from '../ui/icons'
import { Avatar, Button, Empty } from '../ui/parts'
import { clock } from '../ui/times'
import { PlayButton } from './Player'

interface Props {
  meetingId: number
  lines: Line[]
  /** What is being said now and may still change. */
  partial: string | null
  /** Names by user. */
  names: Map<number, string>
  isEnded: boolean
  isRecording: boolean
}

const NEAR_PX = 60

/** What was said, newest below. Follows what comes until somebody scrolls up. */
export function Captions({ meetingId, lines, partial, names, isEnded, isRecording }: Props) {
  const { t } = useTranslation()
  const box = useRef<HTMLDivElement>(null)
  const [isFollowing, setFollowing] = useState(!isEnded)
  const count = lines.length

  useLayoutEffect(() => {
    if (isFollowing && box.current) box.current.scrollTop = box.current.scrollHeight
  }, [count, partial, isFollowing])

  // A line that is laid out for the first time may be taller than was thought.
  useEffect(() => {
    const element = box.current
    if (!element || !isFollowing) return
    const watching = new ResizeObserver(() => {
      element.scrollTop = element.scrollHeight
    })
    if (element.firstElementChild) watching.observe(element.firstElementChild)
    return () => {
      watching.disconnect()
    }
  }, [isFollowing, count === 0]) // eslint-disable-line react-hooks/exhaustive-deps -- the list appears

  if (count === 0 && !partial) {
    const title = isEnded ? 'live.quietEnded' : isRecording ? 'live.listening' : 'live.quiet'
    return (
      <Empty icon={<Wave className="size-6" />} title={t(title)}>
        {!isEnded && !isRecording && t('live.quietHint')}
      </Empty>
    )
  }
  return (
    <div className="relative min-h-0 flex-1">
      <div
        ref={box}
        tabIndex={0}
        role="log"
        aria-label={t('live.captions')}
        className="h-full overflow-y-auto outline-offset-[-2px]"
        onScroll={({ currentTarget: at }) => {
          setFollowing(at.scrollHeight - at.scrollTop - at.clientHeight < NEAR_PX)
        }}
      >
        <ol className="mx-auto max-w-3xl px-2 py-3 sm:px-4">
          {lines.map((line, i) => (
            <Row
              key={line.captionId}
              meetingId={meetingId}
              line={line}
              speaker={nameOf(line, names)}
              isSame={isSameSpeaker(lines[i - 1], line)}
            />
          ))}
          {partial && (
            <li aria-hidden="true" className="py-1.5 pr-2 pl-[5.75rem] text-faint italic">
              {partial}
            </li>
          )}
        </ol>
      </div>
      {!isFollowing && !isEnded && (
        <Button
          small
          look="primary"
          className="absolute bottom-3 left-1/2 -translate-x-1/2 rounded-full shadow-high"
          onClick={() => {
            setFollowing(true)
          }}
        >
          <Down className="size-3.5" /> {t('live.follow')}
        </Button>
      )}
    </div>
  )
}

interface RowProps {
  meetingId: number
  line: Line
  speaker: string | null
  isSame: boolean
}

const Row = memo(function Row({ meetingId, line, speaker, isSame }: RowProps) {
  return (
    <li
      className={`caption-line group flex items-start gap-2 rounded-md px-2 py-1 hover:bg-sunken ${isSame ? '' : 'mt-2'}`}
    >
      <span className="flex w-[4.75rem] shrink-0 items-center gap-1 text-xs leading-6 text-faint tabular-nums">
        <PlayButton
          quiet
          meetingId={meetingId}
          captionId={line.captionId}
          startMs={line.startMs}
          endMs={line.endMs}
        />
        {clock(line.startMs)}
      </span>
      <span className="min-w-0 flex-1 leading-6">
        {speaker && !isSame && (
          <span className="mr-2 inline-flex items-center gap-1.5 align-middle text-sm font-semibold">
            <Avatar name={speaker} />
            {speaker}
          </span>
        )}
        <span dir="auto" lang={line.language}>
          {line.text}
        </span>
      </span>
    </li>
  )
})

function nameOf(line: Line, names: Map<number, string>): string | null {
  return line.speaker ?? (line.speakerId ? (names.get(line.speakerId) ?? null) : null)
}

/** The same voice goes on: its name need not be said again. */
function isSameSpeaker(before: Line | undefined, line: Line): boolean {
  if (!before) return false
  return before.speakerId === line.speakerId && line.startMs - before.endMs < 15_000
}
