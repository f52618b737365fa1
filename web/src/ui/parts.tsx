import { Dialog as Radix } from 'radix-ui'
import type {
  ButtonHTMLAttributes,
  InputHTMLAttributes,
  ReactNode,
  SelectHTMLAttributes,
} from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '../api/http'
import { Alert, Cross } from './icons'

const LOOKS = {
  primary: 'bg-accent text-on-accent hover:bg-accent-hover',
  plain: 'border border-line bg-raised hover:bg-hover shadow-card',
  quiet: 'text-muted hover:bg-hover hover:text-text',
  danger: 'border border-line bg-raised text-danger hover:bg-danger-soft shadow-card',
}

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & {
  look?: keyof typeof LOOKS
  small?: boolean
}

export function Button({ look = 'plain', small, className = '', ...rest }: ButtonProps) {
  const size = small ? 'h-7 px-2 text-sm' : 'h-8 px-3'
  return (
    <button
      type="button"
      className={`inline-flex shrink-0 items-center justify-center gap-1.5 rounded-md font-medium whitespace-nowrap transition-colors disabled:pointer-events-none disabled:opacity-50 ${size} ${LOOKS[look]} ${className}`}
      {...rest}
    />
  )
}

/** A button that is only a picture; `label` is its name. */
export function IconButton({
  label,
  className = '',
  ...rest
}: ButtonHTMLAttributes<HTMLButtonElement> & { label: string }) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      className={`inline-flex size-7 shrink-0 items-center justify-center rounded-md text-muted transition-colors hover:bg-hover hover:text-text disabled:pointer-events-none disabled:opacity-50 ${className}`}
      {...rest}
    />
  )
}

export const MENU =
  'z-50 max-h-[70dvh] animate-open overflow-y-auto rounded-lg border border-line bg-raised p-1 shadow-high'
export const MENU_ITEM =
  'flex items-center gap-2 rounded px-2 py-1.5 outline-none data-[highlighted]:bg-hover cursor-pointer'

export const INPUT =
  'w-full rounded-md border border-line-strong bg-raised px-2.5 py-1.5 text-text placeholder:text-faint focus:border-accent focus:outline-2 focus:outline-offset-0 focus:outline-accent/30'

export function Field({ label, children }: { label: string; children: ReactNode }) {
  return (
    <label className="block">
      <span className="mb-1 block text-sm font-medium text-muted">{label}</span>
      {children}
    </label>
  )
}

type TextFieldProps = Omit<InputHTMLAttributes<HTMLInputElement>, 'onChange'> & {
  label: string
  value: string
  onText: (text: string) => void
}

/** One line of text with its label; Hebrew and the like run from the right. */
export function TextField({ label, className = '', onText, ...rest }: TextFieldProps) {
  return (
    <Field label={label}>
      <input
        className={`${INPUT} h-9 ${className}`}
        dir="auto"
        onChange={(event) => {
          onText(event.target.value)
        }}
        {...rest}
      />
    </Field>
  )
}

export function Select({ className = '', ...rest }: SelectHTMLAttributes<HTMLSelectElement>) {
  return (
    <select
      className={`h-8 min-w-0 rounded-md border border-line bg-raised px-2 text-text shadow-card ${className}`}
      {...rest}
    />
  )
}

/** Which language is spoken; '' is for VORI to find out. */
export function SpokenLanguage({
  value,
  onChoose,
}: {
  value: string
  onChoose: (language: string) => void
}) {
  const { t } = useTranslation()
  return (
    <Field label={t('meetings.spoken')}>
      <Select
        className="h-9 w-full"
        value={value}
        onChange={(event) => {
          onChoose(event.target.value)
        }}
      >
        <option value="">{t('meetings.auto')}</option>
        <option value="ko">{t('meetings.ko')}</option>
        <option value="en">{t('meetings.en')}</option>
      </Select>
    </Field>
  )
}

export function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section
      aria-label={title}
      className="rounded-xl border border-line bg-raised p-4 shadow-card"
    >
      <h2 className="mb-3 font-semibold">{title}</h2>
      {children}
    </section>
  )
}

interface Pages {
  hasNextPage: boolean
  isFetchingNextPage: boolean
  fetchNextPage: () => Promise<unknown>
}

/** Below a list: the next page of it, if there is one. */
export function More({ of }: { of: Pages }) {
  const { t } = useTranslation()
  if (!of.hasNextPage) return null
  return (
    <Button
      className="mt-3 w-full"
      disabled={of.isFetchingNextPage}
      onClick={() => void of.fetchNextPage()}
    >
      {t('search.more')}
    </Button>
  )
}

export function Dialog({
  title,
  onClose,
  children,
  wide,
}: {
  title: ReactNode
  onClose: () => void
  children: ReactNode
  wide?: boolean
}) {
  const { t } = useTranslation()
  return (
    <Radix.Root
      open
      onOpenChange={(open) => {
        if (!open) onClose()
      }}
    >
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-[rgb(10_10_20/0.35)]" />
        <Radix.Content
          aria-describedby={undefined}
          className={`fixed inset-x-0 bottom-0 z-50 flex max-h-[92dvh] animate-open flex-col rounded-t-xl border border-line bg-raised shadow-high sm:inset-x-auto sm:top-[12dvh] sm:bottom-auto sm:left-1/2 sm:max-h-[80dvh] sm:-translate-x-1/2 sm:rounded-xl ${wide ? 'sm:w-[42rem]' : 'sm:w-[28rem]'}`}
        >
          <div className="flex items-center justify-between gap-2 py-2.5 pr-2.5 pl-4">
            <Radix.Title className="min-w-0 truncate font-semibold">{title}</Radix.Title>
            <Radix.Close asChild>
              <IconButton label={t('common.close')}>
                <Cross />
              </IconButton>
            </Radix.Close>
          </div>
          <div className="min-h-0 overflow-y-auto px-4 pb-4">{children}</div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}

const HUES = [255, 200, 160, 25, 330, 90, 290]

export function Avatar({ name, className = 'size-5 text-[0.625rem]' }: { name: string; className?: string }) {
  const hue = HUES[[...name].reduce((sum, c) => sum + (c.codePointAt(0) ?? 0), 0) % HUES.length]
  return (
    <span
      aria-hidden="true"
      className={`inline-flex shrink-0 items-center justify-center rounded-full font-semibold text-on-accent ${className}`}
      style={{ backgroundColor: `oklch(0.5 0.13 ${String(hue)})` }}
    >
      {initials(name)}
    </span>
  )
}

/** Two letters of a name in Latin script; of a Korean one, its given name. */
export function initials(name: string): string {
  const trimmed = name.trim()
  if (/^[가-힣]{2,4}$/.test(trimmed)) return trimmed.slice(-2)
  const words = trimmed.split(/\s+/)
  const letters = [words[0], words.length > 1 ? words.at(-1) : '']
  return letters.map((word) => [...(word ?? '')][0] ?? '').join('').toUpperCase()
}

/** What went wrong is said at once, what to know when there is time for it. */
export function Notice({ kind = 'warn', children }: { kind?: 'warn' | 'danger'; children: ReactNode }) {
  const look = kind === 'danger' ? 'bg-danger-soft text-danger' : 'bg-warn-soft text-warn'
  return (
    <div
      role={kind === 'danger' ? 'alert' : 'status'}
      className={`flex items-center gap-2 rounded-md px-3 py-2 text-sm ${look}`}
    >
      <Alert />
      <span className="min-w-0 flex-1">{children}</span>
    </div>
  )
}

export function useWords() {
  const { t } = useTranslation()
  return (error: unknown): string => {
    if (!(error instanceof Problem)) return error instanceof Error ? error.message : String(error)
    if (error.isAway) return t('error.away')
    if (error.status === 404 && error.code !== 'no_sound') return t('error.notFound')
    return error.message || error.code
  }
}

/** In place of what could not be loaded. */
export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { t } = useTranslation()
  const words = useWords()
  return (
    <div role="alert" className="mx-auto flex max-w-md flex-col items-center gap-3 px-6 py-16 text-center">
      <Alert className="size-6 text-danger" />
      <p className="font-medium">{t('error.title')}</p>
      <p className="text-muted">{words(error)}</p>
      {error instanceof Problem && error.requestId && (
        <p className="text-xs text-faint">{t('error.request', { id: error.requestId })}</p>
      )}
      {onRetry && <Button onClick={onRetry}>{t('common.retry')}</Button>}
    </div>
  )
}

export function Empty({ icon, title, children }: { icon: ReactNode; title: string; children?: ReactNode }) {
  return (
    <div className="mx-auto flex max-w-sm flex-col items-center gap-2 px-6 py-16 text-center">
      <span className="mb-1 text-faint">{icon}</span>
      <p className="font-medium">{title}</p>
      <div className="text-muted">{children}</div>
    </div>
  )
}

export function Loading() {
  const { t } = useTranslation()
  return (
    <p role="status" className="px-6 py-16 text-center text-faint">
      {t('common.loading')}
    </p>
  )
}
