import { useMutation, useQuery } from '@tanstack/react-query'
import { useState, useSyncExternalStore, type FormEvent, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { json } from '../api/http'
import { sessionQuery } from '../api/queries'
import { session } from '../api/session'
import type { LinkInfo, SessionState } from '../api/types'
import { choose, LANGUAGES, type Language } from '../i18n'
import { Wave } from '../ui/icons'
import { Button, Failure, Loading, Notice, TextField, useWords } from '../ui/parts'

/** Shows the page to whoever is signed in, and the way in to everybody else. */
export function SignInGate({ children }: { children: ReactNode }) {
  const isOver = useSyncExternalStore(session.subscribe, session.isOver)
  const { data: state, error, failureReason, refetch } = useQuery(sessionQuery)
  const isWelcome = location.pathname === '/welcome' && location.hash.length > 1
  if (isWelcome) return <Welcome link={location.hash.slice(1)} />
  if (!state) {
    const problem = error ?? failureReason
    return problem ? <Failure error={problem} onRetry={() => void refetch()} /> : <Loading />
  }
  if (state.user && !isOver) return children
  return <SignIn state={state} />
}

function Frame({ title, children }: { title: string; children: ReactNode }) {
  const { i18n } = useTranslation()
  return (
    <main className="grid min-h-full place-items-center px-4 py-10">
      <div className="w-full max-w-sm space-y-4 rounded-xl border border-line bg-raised p-6 shadow-high">
        <div className="flex items-center gap-2.5">
          <span className="grid size-8 shrink-0 place-items-center rounded-lg bg-accent text-on-accent">
            <Wave />
          </span>
          <h1 className="text-[1.0625rem] font-semibold">{title}</h1>
        </div>
        {children}
        <div className="flex justify-center gap-1 border-t border-line pt-3">
          {Object.entries(LANGUAGES).map(([language, name]) => (
            <button
              key={language}
              type="button"
              lang={language}
              aria-pressed={i18n.language === language}
              className="rounded px-2 py-1 text-sm text-muted hover:bg-hover aria-pressed:font-semibold aria-pressed:text-text"
              onClick={() => {
                void choose(language as Language)
              }}
            >
              {name}
            </button>
          ))}
        </div>
      </div>
    </main>
  )
}

function SignIn({ state }: { state: SessionState }) {
  const { t } = useTranslation()
  const words = useWords()
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const signIn = useMutation({
    mutationFn: () =>
      json<SessionState>('POST', '/api/session', { body: { email: email.trim(), password } }),
    onSuccess: () => {
      session.begin()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    signIn.mutate()
  }
  const problem = useProblem()
  const isWrongToken = session.token() !== null
  return (
    <Frame title={t('signIn.title')}>
      {isWrongToken && <Notice kind="danger">{t('signIn.wrong')}</Notice>}
      {!isWrongToken && session.isOver() && !signIn.isError && (
        <p className="text-muted">{t('signIn.over')}</p>
      )}
      {problem && <Notice kind="danger">{problem}</Notice>}
      {state.user && (
        <Button
          look="primary"
          className="w-full"
          onClick={() => {
            session.begin()
          }}
        >
          {t('signIn.goOn', { name: state.user.name })}
        </Button>
      )}
      {state.needsFirstAdmin && <Notice>{t('signIn.firstAdmin')}</Notice>}
      {state.methods.map((method) => (
        <a
          key={method.startPath}
          href={method.startPath}
          className="flex h-9 items-center justify-center rounded-md border border-line bg-raised px-3 font-medium shadow-card hover:bg-hover"
        >
          {t('signIn.with', { name: method.label })}
        </a>
      ))}
      {state.password && (
        <form onSubmit={submit} className="space-y-3">
          <TextField
            label={t('signIn.email')}
            type="email"
            required
            autoComplete="username"
            value={email}
            autoFocus
            onText={setEmail}
          />
          <TextField
            label={t('signIn.password')}
            type="password"
            required
            autoComplete="current-password"
            value={password}
            onText={setPassword}
          />
          {signIn.error && <Notice kind="danger">{words(signIn.error)}</Notice>}
          <Button type="submit" look="primary" className="w-full" disabled={signIn.isPending}>
            {t('signIn.button')}
          </Button>
        </form>
      )}
      <WithToken />
    </Frame>
  )
}

const PROBLEMS = ['bad_sign_in', 'not_invited', 'provider_away'] as const

/** Why a sign-in at a provider did not come off; it sends people back with `?problem=`. */
function useProblem(): string | null {
  const { t } = useTranslation()
  const code = new URLSearchParams(location.search).get('problem')
  if (code === null) return null
  const known = PROBLEMS.find((one) => one === code)
  return known ? t(`signIn.problem.${known}`) : t('signIn.problem.other', { code })
}

function WithToken() {
  const { t } = useTranslation()
  const [token, setToken] = useState('')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (token.trim()) session.useToken(token.trim())
  }
  return (
    <details className="text-sm" open={session.token() !== null}>
      <summary className="cursor-pointer text-muted">{t('signIn.byToken')}</summary>
      <form onSubmit={submit} className="mt-2 space-y-2">
        <TextField
          label={t('signIn.label')}
          className="font-mono"
          type="password"
          autoComplete="off"
          placeholder="vori_…"
          value={token}
          onText={setToken}
        />
        <Button type="submit" className="w-full" disabled={!token.trim()}>
          {t('signIn.useToken')}
        </Button>
        <p className="text-muted">{t('signIn.kept')}</p>
      </form>
    </details>
  )
}

/** A one-time link: choose a password, or become the first administrator. */
function Welcome({ link }: { link: string }) {
  const { t, i18n } = useTranslation()
  const words = useWords()
  const look = useQuery({
    queryKey: ['link', link],
    queryFn: () => json<LinkInfo>('POST', '/api/links/look', { body: { link } }),
    retry: false,
    staleTime: Infinity,
  })
  const [name, setName] = useState('')
  const [email, setEmail] = useState('')
  const [groupName, setGroupName] = useState('')
  const [password, setPassword] = useState('')
  const isFirst = look.data?.kind === 'first_admin'
  const follow = useMutation({
    mutationFn: () =>
      json<SessionState>('POST', '/api/links', {
        body: {
          link,
          password,
          language: i18n.language,
          timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
          ...(isFirst ? { name, email, ...(groupName ? { groupName } : {}) } : {}),
        },
      }),
    onSuccess: () => {
      session.begin()
      location.replace('/')
    },
  })
  if (look.error) {
    return (
      <Frame title={t('welcome.title')}>
        <Notice kind="danger">{words(look.error)}</Notice>
        <a href="/" className="block text-accent-text hover:underline">
          {t('signIn.title')}
        </a>
      </Frame>
    )
  }
  if (!look.data) return <Loading />
  const submit = (event: FormEvent) => {
    event.preventDefault()
    follow.mutate()
  }
  return (
    <Frame title={t('welcome.title')}>
      <p className="text-muted">
        {isFirst
          ? t('welcome.firstAdmin')
          : t('welcome.password', { name: look.data.name, email: look.data.email })}
      </p>
      <form onSubmit={submit} className="space-y-3">
        {isFirst && (
          <>
            <TextField
              label={t('profile.name')}
              required
              maxLength={200}
              autoComplete="name"
              value={name}
              onText={setName}
            />
            <TextField
              label={t('signIn.email')}
              type="email"
              required
              maxLength={320}
              autoComplete="username"
              value={email}
              onText={setEmail}
            />
            <TextField
              label={t('welcome.group')}
              maxLength={200}
              value={groupName}
              onText={setGroupName}
            />
          </>
        )}
        <TextField
          label={t('welcome.newPassword')}
          type="password"
          required
          autoComplete="new-password"
          value={password}
          onText={setPassword}
        />
        {follow.error && <Notice kind="danger">{words(follow.error)}</Notice>}
        <Button type="submit" look="primary" className="w-full" disabled={follow.isPending}>
          {t('welcome.button')}
        </Button>
      </form>
    </Frame>
  )
}
