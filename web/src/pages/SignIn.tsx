import { useQuery } from '@tanstack/react-query'
import { useState, useSyncExternalStore, type FormEvent, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '../api/http'
import { meQuery } from '../api/queries'
import { session } from '../api/session'
import { Button, Failure, Field, INPUT, Loading, Notice } from '../ui/parts'
import { Wave } from '../ui/icons'

/** Shows the page to whoever is signed in, and the way in to everybody else. */
export function SignInGate({ children }: { children: ReactNode }) {
  const isSignedOut = useSyncExternalStore(session.subscribe, session.isSignedOut)
  const me = useQuery({ ...meQuery, enabled: !isSignedOut })
  if (isSignedOut) return <SignIn />
  if (me.data) return children
  if (me.error instanceof Problem && me.error.status === 401) return <SignIn />
  if (me.error ?? me.failureReason) {
    return <Failure error={me.error ?? me.failureReason} onRetry={() => void me.refetch()} />
  }
  return <Loading />
}

function SignIn() {
  const { t } = useTranslation()
  const [token, setToken] = useState('')
  const isWrong = session.token() !== null

  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (token.trim()) session.signIn(token.trim())
  }

  return (
    <main className="grid min-h-full place-items-center px-4 py-10">
      <form
        onSubmit={submit}
        className="w-full max-w-sm space-y-4 rounded-xl border border-line bg-raised p-6 shadow-high"
      >
        <div className="flex items-center gap-2.5">
          <span className="grid size-8 place-items-center rounded-lg bg-accent text-on-accent">
            <Wave />
          </span>
          <h1 className="text-[1.0625rem] font-semibold">{t('signIn.title')}</h1>
        </div>
        {isWrong && <Notice kind="danger">{t('signIn.wrong')}</Notice>}
        <Field label={t('signIn.label')}>
          <input
            className={`${INPUT} font-mono`}
            type="password"
            autoComplete="off"
            placeholder="vori_…"
            value={token}
            onChange={(event) => {
              setToken(event.target.value)
            }}
            autoFocus
          />
        </Field>
        <Button type="submit" look="primary" className="w-full" disabled={!token.trim()}>
          {t('signIn.button')}
        </Button>
        <div className="space-y-1.5 text-sm text-muted">
          <p>{t('signIn.hint')}</p>
          <code className="block rounded-md bg-sunken px-2.5 py-1.5 text-xs">
            vori token create --user EMAIL
          </code>
          <p className="text-faint">{t('signIn.kept')}</p>
        </div>
      </form>
    </main>
  )
}
