import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { createContext, useContext, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { json } from '../api/http'
import { keys, minutesQuery } from '../api/queries'
import type { Meeting, Minutes as MinutesText } from '../api/types'
import { Copy, Document, Download, Pencil } from '../ui/icons'
import { Button, Empty, Failure, Loading, Notice, useWords } from '../ui/parts'
import { useSay } from '../ui/toasts'
import { blocks, type Block, type Span } from './markdown'
import { Confirm } from './MeetingMenu'
import { PlayButton } from './PlayButton'
import { save } from './save'

/** The meeting whose times these are. */
const Whose = createContext(0)

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
              id={id}
              onEdit={() => {
                setDraft(minutes.markdown)
              }}
            />
            <Whose value={id}>
              <Rendered markdown={minutes.markdown} language={minutes.language} />
            </Whose>
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

interface HeadProps {
  id: number
  minutes: MinutesText
  onEdit: () => void
}

function Head({ id, minutes, onEdit }: HeadProps) {
  const { t } = useTranslation()
  const say = useSay()
  const words = useWords()
  const client = useQueryClient()
  /** A language to write them anew in, over what a person wrote: asked about first. */
  const [wanted, setWanted] = useState<string | null>(null)
  const rewrite = useMutation({
    mutationFn: (language: string) =>
      json<MinutesText>('POST', `/api/meetings/${id}/minutes`, { body: { language, replace: true } }),
    onSuccess: (written) => {
      client.setQueryData(keys.minutes(id), written)
      setWanted(null)
    },
    onError: (error) => {
      say(words(error))
    },
  })
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
    <div className="mb-3 flex flex-wrap items-center gap-1 text-sm text-muted">
      <span className="min-w-0 flex-1 truncate">
        {minutes.editedBy ? t('minutes.edited') : t('minutes.engine', {
              engine: minutes.engine === 'local' ? t('minutes.local') : minutes.engine,
            })}
      </span>
      <select
        aria-label={t('minutes.rewrite')}
        className="h-7 rounded-md bg-transparent px-1 text-muted hover:bg-hover"
        value={minutes.language}
        disabled={rewrite.isPending}
        onChange={({ target: { value } }) => {
          if (minutes.editedBy) setWanted(value)
          else rewrite.mutate(value)
        }}
      >
        <option value="ko">{t('meetings.ko')}</option>
        <option value="en">{t('meetings.en')}</option>
      </select>
      <Button small look="quiet" onClick={copy}>
        <Copy className="size-3.5" /> {t('common.copy')}
      </Button>
      <Button small look="quiet" onClick={onEdit}>
        <Pencil className="size-3.5" /> {t('common.edit')}
      </Button>
      <Button
        small
        look="quiet"
        onClick={() => {
          save(new Blob([minutes.markdown], { type: 'text/markdown' }), `minutes-${id}.md`)
        }}
      >
        <Download className="size-3.5" /> {t('minutes.download')}
      </Button>
      {wanted !== null && (
        <Confirm
          title={t('minutes.replaceTitle')}
          label={t('minutes.replace')}
          error={rewrite.error}
          isDisabled={rewrite.isPending}
          onClose={() => {
            setWanted(null)
          }}
          onDo={() => {
            rewrite.mutate(wanted)
          }}
        >
          {t('minutes.replaceHint')}
        </Confirm>
      )}
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
        return <Time key={i} ms={span.ms} text={span.text} />
      case 'text':
        return span.text
    }
  })
}

/** A time of the meeting, which is played from there. */
function Time({ ms, text }: { ms: number; text: string }) {
  return (
    <span className="ml-1 inline-flex items-center rounded-full bg-sunken pr-2 align-middle text-xs text-muted tabular-nums">
      <PlayButton meetingId={useContext(Whose)} startMs={ms} />
      <time>{text}</time>
    </span>
  )
}
