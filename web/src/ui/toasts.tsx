import { createContext, useCallback, useContext, useRef, useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Cross } from './icons'
import { IconButton } from './parts'

interface Toast {
  id: number
  text: string
  action?: { label: string; run: () => void }
}

type Say = (text: string, action?: Toast['action']) => void

const Context = createContext<Say>(() => undefined)
const SHOWN_MS = 7_000

export const useSay = (): Say => useContext(Context)

export function Toasts({ children }: { children: ReactNode }) {
  const { t } = useTranslation()
  const [toasts, setToasts] = useState<Toast[]>([])
  const next = useRef(0)

  const drop = useCallback((id: number) => {
    setToasts((all) => all.filter((one) => one.id !== id))
  }, [])
  const say = useCallback<Say>(
    (text, action) => {
      const id = next.current++
      setToasts((all) => [...all.slice(-2), action ? { id, text, action } : { id, text }])
      window.setTimeout(() => {
        drop(id)
      }, SHOWN_MS)
    },
    [drop],
  )

  return (
    <Context value={say}>
      {children}
      <div
        aria-live="polite"
        className="pointer-events-none fixed inset-x-3 bottom-3 z-60 flex flex-col items-center gap-2 sm:inset-x-auto sm:right-4 sm:items-end"
      >
        {toasts.map((toast) => (
          <div
            key={toast.id}
            className="pointer-events-auto flex max-w-md animate-open items-center gap-2 rounded-lg border border-line bg-raised py-1.5 pr-1.5 pl-3 shadow-high"
          >
            <span className="min-w-0">{toast.text}</span>
            {toast.action && (
              <button
                type="button"
                className="shrink-0 rounded px-2 py-1 font-medium text-accent-text hover:bg-hover"
                onClick={() => {
                  toast.action?.run()
                  drop(toast.id)
                }}
              >
                {toast.action.label}
              </button>
            )}
            <IconButton
              label={t('common.close')}
              onClick={() => {
                drop(toast.id)
              }}
            >
              <Cross />
            </IconButton>
          </div>
        ))}
      </div>
    </Context>
  )
}
