import { useQuery } from '@tanstack/react-query'
import { useLocation, useParams } from '@tanstack/react-router'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { meetingQuery } from '../api/queries'
import { useRecordingSign } from '../record/store'
import { tellBrowser } from '../ui/notices'

const PAGES = ['meetings', 'board', 'dashboard', 'search', 'settings', 'admin'] as const
const SIGNS = { recording: '● ', silent: '⚠ ', none: '' }

/**
 * The window's title: which page this is, and whether a recording runs or hears nothing. Who looks
 * elsewhere is told by the browser, too, when no sound arrives.
 */
export function useTitle(): void {
  const { t } = useTranslation()
  const sign = useRecordingSign()
  const page = useLocation({ select: ({ pathname }) => pathname.split('/')[1] })
  const { meetingId } = useParams({ strict: false })
  const { data: meeting } = useQuery({
    ...meetingQuery(Number(meetingId)),
    enabled: meetingId !== undefined,
  })
  const known = PAGES.find((one) => one === page)
  const name = (meetingId !== undefined && meeting?.title) || (known ? t(`app.${known}`) : '')
  useEffect(() => {
    document.title = `${SIGNS[sign]}${name ? `${name} · ` : ''}VORI`
  }, [sign, name])
  useEffect(() => {
    if (sign === 'silent') tellBrowser('silence', t('record.silent'))
  }, [sign, t])
}
