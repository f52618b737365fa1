import { useMutation } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { json } from '../api/http'
import { Button, Notice, TextField, useWords } from '../ui/parts'

interface Props<Made> {
  /** Where a person is added, by e-mail address. */
  path: string
  /** Without it the server names them after their address. */
  isNameNeeded?: boolean
  onMade: (made: Made) => void
}

/** Below a list of people: one more. */
export function AddPerson<Made>({ path, isNameNeeded = false, onMade }: Props<Made>) {
  const { t } = useTranslation()
  const words = useWords()
  const [name, setName] = useState('')
  const [email, setEmail] = useState('')
  const add = useMutation({
    mutationFn: () =>
      json<Made>('POST', path, {
        body: { email: email.trim(), ...(name.trim() ? { name: name.trim() } : {}) },
      }),
    onSuccess: (made) => {
      setName('')
      setEmail('')
      onMade(made)
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    add.mutate()
  }
  return (
    <form onSubmit={submit} className="mt-3 space-y-2 border-t border-line pt-3">
      <div className="flex flex-wrap items-end gap-2">
        <div className="min-w-0 flex-1 basis-40">
          <TextField
            label={t('signIn.email')}
            type="email"
            required
            maxLength={320}
            value={email}
            onText={setEmail}
          />
        </div>
        <div className="min-w-0 flex-1 basis-40">
          <TextField
            label={t('profile.name')}
            required={isNameNeeded}
            maxLength={200}
            value={name}
            onText={setName}
          />
        </div>
        <Button type="submit" className="h-9" disabled={add.isPending}>
          {t('settings.addMember')}
        </Button>
      </div>
      {add.error && <Notice kind="danger">{words(add.error)}</Notice>}
    </form>
  )
}
