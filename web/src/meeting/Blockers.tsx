import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { blockersQuery } from '../api/queries'
import { Block } from '../ui/icons'
import { clock } from '../ui/times'
import { PlayButton } from './PlayButton'

/** What people said that stops their work. */
export function Blockers({ meetingId }: { meetingId: number }) {
  const { t } = useTranslation()
  const { data: blockers = [] } = useQuery(blockersQuery(meetingId))
  if (blockers.length === 0) return null
  return (
    <section className="mb-4" aria-label={t('live.blockers')}>
      <h3 className="mb-1.5 flex items-center gap-1.5 px-1 text-sm font-medium text-muted">
        <Block className="size-3 text-danger" /> {t('live.blockers')}
        <span className="tabular-nums">{blockers.length}</span>
      </h3>
      <ul className="space-y-2">
        {blockers.map((one) => (
          <li
            key={one.blockerId}
            className="animate-arrive rounded-lg border border-line bg-danger-soft px-3 py-2"
          >
            {one.about && (
              <p dir="auto" className="font-medium">
                {one.about}
              </p>
            )}
            <blockquote dir="auto" className="line-clamp-4 text-sm">
              “{one.quote}”
            </blockquote>
            <p className="mt-1 flex items-center gap-2 text-xs text-muted">
              <PlayButton
                meetingId={meetingId}
                captionId={one.captionIds[0]}
                startMs={one.startMs}
                endMs={one.endMs}
              />
              <span className="tabular-nums">{clock(one.startMs)}</span>
              {one.speaker && (
                <span dir="auto" className="truncate">
                  {one.speaker}
                </span>
              )}
            </p>
          </li>
        ))}
      </ul>
    </section>
  )
}
