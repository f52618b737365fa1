import { Fragment } from 'react'
import type { Marked } from '../api/types'

/** Text with what was searched for marked; the marks count code points. */
export function Marks({ marked }: { marked: Marked }) {
  const letters = Array.from(marked.text)
  const ends = marked.marks.map(([, end]) => end)
  return (
    <>
      {marked.marks.map(([start, end], i) => (
        <Fragment key={start}>
          {letters.slice(ends[i - 1] ?? 0, start).join('')}
          <mark className="rounded bg-warn-soft px-0.5 font-medium text-warn">
            {letters.slice(start, end).join('')}
          </mark>
        </Fragment>
      ))}
      {letters.slice(ends.at(-1) ?? 0).join('')}
    </>
  )
}
