import { useTranslation } from 'react-i18next'
import type { Receipt } from '../api/types'
import { PlayButton } from '../meeting/PlayButton'
import { clock } from '../ui/times'
import { reasonFor } from './reasons'

/** Why the machine changed something: what was said, when, how sure it is; playable. */
export function ReceiptView({ receipt, meetingId }: { receipt: Receipt; meetingId: number | null }) {
  const { t, i18n } = useTranslation()
  return (
    <figure className="rounded-md border-l-2 border-accent bg-sunken py-1.5 pr-2 pl-2.5 text-sm">
      <blockquote dir="auto" className="line-clamp-4 text-text">
        “{receipt.quote}”
      </blockquote>
      <figcaption className="mt-1 flex flex-wrap items-center gap-x-2 gap-y-0.5 text-xs text-muted">
        {meetingId !== null && (
          <PlayButton
            meetingId={meetingId}
            captionId={receipt.captionIds[0]}
            startMs={receipt.startMs}
            endMs={receipt.endMs}
          />
        )}
        <span className="tabular-nums">{clock(receipt.startMs)}</span>
        <span>{t('ticket.sure', { percent: Math.round(receipt.confidence * 100) })}</span>
        <span>{receipt.engine === 'local' ? t('minutes.local') : receipt.engine}</span>
        {receipt.reason && (
          <span className="min-w-0">{reasonFor(receipt.reason, i18n.language)}</span>
        )}
      </figcaption>
    </figure>
  )
}
