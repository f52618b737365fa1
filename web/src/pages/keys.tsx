import { useNavigate } from '@tanstack/react-router'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { Dialog } from '../ui/parts'

/** After `g`: where to. */
const PLACES = { m: '/meetings', b: '/board', d: '/dashboard', s: '/settings' } as const
const SHOWN = [
  ['/', 'search'],
  ['Ctrl K', 'search'],
  ['g m', 'meetings'],
  ['g b', 'board'],
  ['g d', 'dashboard'],
  ['g s', 'settings'],
  ['Space ← → Space', 'move'],
  ['Enter', 'open'],
  ['Esc', 'close'],
  ['?', 'help'],
] as const
const SECOND_KEY_MS = 1_500

/** Keys that count everywhere but where one types. */
export function useKeys(showHelp: (isShown: boolean) => void) {
  const navigate = useNavigate()
  useEffect(() => {
    let goAt = -Infinity
    const press = (event: KeyboardEvent) => {
      const at = event.target as HTMLElement
      const isTyping = at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName)
      const isControl = event.ctrlKey || event.metaKey
      if (event.defaultPrevented || event.altKey) return
      const isSearch = event.key === 'k' && isControl
      if (isSearch || (event.key === '/' && !isTyping && !isControl)) {
        event.preventDefault()
        void navigate({ to: '/search' })
        return
      }
      // A dialog keeps its keys to itself.
      if (isTyping || isControl || at.closest('[role=dialog], [role=menu]')) return
      const place = event.key in PLACES ? PLACES[event.key as keyof typeof PLACES] : null
      if (place && event.timeStamp - goAt < SECOND_KEY_MS) {
        goAt = -Infinity
        event.preventDefault()
        void navigate({ to: place })
      } else if (event.key === 'g') {
        goAt = event.timeStamp
      } else if (event.key === '?') {
        event.preventDefault()
        showHelp(true)
      }
    }
    window.addEventListener('keydown', press)
    return () => {
      window.removeEventListener('keydown', press)
    }
  }, [navigate, showHelp])
}

export function KeysDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation()
  return (
    <Dialog title={t('keys.title')} onClose={onClose}>
      <dl className="grid grid-cols-[auto_1fr] items-center gap-x-4 gap-y-2">
        {SHOWN.map(([keys, deed]) => (
          <div key={keys} className="contents">
            <dt className="flex gap-1">
              {keys.split(' ').map((key, i) => (
                <kbd
                  key={i}
                  className="rounded border border-line-strong bg-sunken px-1.5 font-sans text-sm"
                >
                  {key}
                </kbd>
              ))}
            </dt>
            <dd className="text-muted">{t(`keys.${deed}`)}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
