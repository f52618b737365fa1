import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { json } from '../api/http'
import { keys, minutesQuery } from '../api/queries'
import type { Meeting, Minutes as MinutesText } from '../api/types'
import { Copy, Document, Pencil } from '../ui/icons'
import { Button, Empty, Failure, Loading, Notice, useWords } from '../ui/parts'
import { useSay } from '../ui/toasts'
import { blocks, type Block, type Span } from './markdown'

export function Minutes({ meeting }: { meeting: Meeting }) {
  const { t } = useTranslation()
  const id = meeting.meetingId
  const isEnded = meeting.status === 'ENDED'
  const { data: minutes, error, refetch } = useQuery({
    ...minutesQuery(id),
    refetchInterval: ({ state }) => (state.data === null && isEnded ? 3000 : false),
  })
  const [draft, setDraft] = useState<string | null>(null)
  if (error) return <Failure error={error} onRetry={() => void refetch()} />
  if (minutes === undefined) return <Loading />
  if (minutes === null) {
    return (
      <Empty
        icon={<Document className="size-6" />}
        title={t(isEnded ? 'minutes.writing' : 'minutes.none')}
      />
    )
  }
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto max-w-3xl px-4 py-4 sm:px-6">
        {draft === null ? (
          <>
            <Head
              minutes={minutes}
              onEdit={() => {
                setDraft(minutes.markdown)
              }}
            />
            <Rendered markdown={minutes.markdown} language={minutes.language} />
          </>
        ) : (
          <Editor
            id={id}
            draft={draft}
            onDraft={setDraft}
            onClose={() => {
              setDraft(null)
            }}
          />
        )}
      </div>
    </div>
  )
}

function Head({ minutes, onEdit }: { minutes: MinutesText; onEdit: () => void }) {
  const { t } = useTranslation()
  const say = useSay()
  const copy = () => {
    navigator.clipboard.writeText(minutes.markdown).then(
      () => {
        say(t('common.copied'))
      },
      (error: unknown) => {
        say(String(error))
      },
    )
  }
  return (
    <div className="mb-3 flex items-center gap-1 text-sm text-faint">
      <span className="min-w-0 flex-1 truncate">
        {minutes.editedBy ? t('minutes.edited') : t('minutes.engine', { engine: minutes.engine })}
      </span>
      <Button small look="quiet" onClick={copy}>
        <Copy className="size-3.5" /> {t('common.copy')}
      </Button>
      <Button small look="quiet" onClick={onEdit}>
        <Pencil className="size-3.5" /> {t('common.edit')}
      </Button>
    </div>
  )
}

interface EditorProps {
  id: number
  draft: string
  onDraft: (text: string) => void
  onClose: () => void
}

function Editor({ id, draft, onDraft, onClose }: EditorProps) {
  const { t } = useTranslation()
  const words = useWords()
  const client = useQueryClient()
  const save = useMutation({
    mutationFn: () =>
      json<MinutesText>('PATCH', `/api/meetings/${id}/minutes`, { body: { markdown: draft } }),
    onSuccess: (saved) => {
      client.setQueryData(keys.minutes(id), saved)
      onClose()
    },
  })
  return (
    <div className="space-y-3">
      <textarea
        autoFocus
        aria-label={t('minutes.text')}
        className="min-h-[55dvh] w-full resize-y rounded-lg border border-line-strong bg-raised p-3 font-mono text-sm leading-6"
        value={draft}
        onChange={(event) => {
          onDraft(event.target.value)
        }}
      />
      {save.error && <Notice kind="danger">{words(save.error)}</Notice>}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>{t('common.cancel')}</Button>
        <Button
          look="primary"
          disabled={save.isPending}
          onClick={() => {
            save.mutate()
          }}
        >
          {t('common.save')}
        </Button>
      </div>
    </div>
  )
}

function Rendered({ markdown, language }: { markdown: string; language: string }) {
  const found = useMemo(() => blocks(markdown), [markdown])
  return (
    <article lang={language} className="leading-6">
      {found.map((block, i) => (
        <One key={i} block={block} />
      ))}
    </article>
  )
}

function One({ block }: { block: Block }) {
  switch (block.kind) {
    case 'heading':
      return block.level === 1 ? (
        <h2 className="mb-2 text-xl font-semibold tracking-tight">
          <Spans spans={block.spans} />
        </h2>
      ) : (
        <h3 className="mt-5 mb-1.5 font-semibold">
          <Spans spans={block.spans} />
        </h3>
      )
    case 'list': {
      const List = block.isNumbered ? 'ol' : 'ul'
      return (
        <List className={`space-y-1 pl-5 ${block.isNumbered ? 'list-decimal' : 'list-disc'} marker:text-faint`}>
          {block.items.map((item, i) => (
            <li key={i} dir="auto">
              <Spans spans={item} />
            </li>
          ))}
        </List>
      )
    }
    case 'quote':
      return (
        <blockquote className="my-2 border-l-2 border-line-strong pl-3 text-muted">
          <Spans spans={block.spans} />
        </blockquote>
      )
    case 'rule':
      return <hr className="my-4 border-line" />
    case 'text':
      return (
        <p dir="auto" className="my-2">
          <Spans spans={block.spans} />
        </p>
      )
  }
}

function Spans({ spans }: { spans: Span[] }) {
  return spans.map((span, i) => {
    switch (span.kind) {
      case 'strong':
        return <strong key={i}>{span.text}</strong>
      case 'emphasis':
        return <em key={i}>{span.text}</em>
      case 'code':
        return (
          <code key={i} className="rounded bg-sunken px-1 text-[0.9em]">
            {span.text}
          </code>
        )
      case 'time':
        return (
          <time key={i} className="ml-0.5 rounded bg-sunken px-1 text-xs text-faint tabular-nums">
            {span.text}
          </time>
        )
      case 'text':
        return span.text
    }
  })
}
