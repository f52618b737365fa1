import type { ReactNode } from 'react'

function icon(paths: ReactNode) {
  return function Icon({ className = 'size-4' }: { className?: string }) {
    return (
      <svg
        viewBox="0 0 16 16"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        strokeLinecap="round"
        strokeLinejoin="round"
        className={`shrink-0 ${className}`}
        aria-hidden="true"
      >
        {paths}
      </svg>
    )
  }
}

export const Microphone = icon(
  <>
    <rect x="5.75" y="1.75" width="4.5" height="7.5" rx="2.25" />
    <path d="M3.25 7.5a4.75 4.75 0 0 0 9.5 0M8 12.25v2" />
  </>,
)
export const Stop = icon(<rect x="4" y="4" width="8" height="8" rx="1.5" fill="currentColor" />)
export const Play = icon(<path d="M5 3.25v9.5L12.5 8z" fill="currentColor" />)
export const Pause = icon(
  <>
    <rect x="4" y="3.5" width="2.75" height="9" rx="0.75" fill="currentColor" />
    <rect x="9.25" y="3.5" width="2.75" height="9" rx="0.75" fill="currentColor" />
  </>,
)
export const Chart = icon(<path d="M2.5 13.5h11M4.25 11V8M8 11V3.5M11.75 11V6" />)
export const Bell = icon(<path d="M3.5 11.5h9c-.9-.9-1.25-2-1.25-4.25a3.25 3.25 0 0 0-6.5 0c0 2.25-.35 3.35-1.25 4.25M6.75 13.75h2.5" />)
export const Gear = icon(
  <>
    <circle cx="8" cy="8" r="2.25" />
    <path d="M8 1.75v1.75M8 12.5v1.75M1.75 8H3.5M12.5 8h1.75M3.6 3.6l1.2 1.2M11.2 11.2l1.2 1.2M3.6 12.4l1.2-1.2M11.2 4.8l1.2-1.2" />
  </>,
)
export const Shield = icon(<path d="M8 1.9 3 3.75V7.5c0 3.2 2.1 5.5 5 6.6 2.9-1.1 5-3.4 5-6.6V3.75zM5.75 7.9l1.6 1.6 2.9-3" />)
export const Again = icon(<path d="M13 4.5V7.5h-3M12.7 7.3A5 5 0 1 0 12.5 10" />)
export const Block = icon(
  <>
    <circle cx="8" cy="8" r="5.75" />
    <path d="m4 12 8-8" />
  </>,
)
export const Table = icon(<path d="M2.5 3h11v10h-11zM2.5 6.5h11M2.5 9.75h11M6.5 6.5V13" />)
export const Plus = icon(<path d="M8 3v10M3 8h10" />)
export const Dots = icon(<path d="M3.5 8h.01M8 8h.01M12.5 8h.01" strokeWidth="2" />)
export const Cross = icon(<path d="m4 4 8 8M12 4l-8 8" />)
export const Check = icon(<path d="m3 8.5 3.25 3.25L13 5" />)
export const Search = icon(
  <>
    <circle cx="7" cy="7" r="4.25" />
    <path d="m10.25 10.25 3 3" />
  </>,
)
export const Calendar = icon(
  <>
    <rect x="2.5" y="3.25" width="11" height="10.25" rx="1.75" />
    <path d="M2.5 6.5h11M5.5 1.75v2.5M10.5 1.75v2.5" />
  </>,
)
export const Board = icon(
  <>
    <rect x="2" y="2.5" width="3.25" height="11" rx="1" />
    <rect x="6.4" y="2.5" width="3.25" height="7" rx="1" />
    <rect x="10.8" y="2.5" width="3.25" height="9" rx="1" />
  </>,
)
export const Wave = icon(<path d="M2 7v2M5 4.5v7M8 2v12M11 5v6M14 7v2" />)
export const Back = icon(<path d="M9.75 3.5 5.25 8l4.5 4.5" />)
export const Down = icon(<path d="M8 3v10M4 9l4 4 4-4" />)
export const Upload = icon(<path d="M8 10V2.5M4.75 5.5 8 2.25l3.25 3.25M2.5 10.5v2A1.25 1.25 0 0 0 3.75 13.75h8.5a1.25 1.25 0 0 0 1.25-1.25v-2" />)
export const Download = icon(<path d="M8 2.25v7.5M4.75 6.75 8 10l3.25-3.25M2.5 10.5v2A1.25 1.25 0 0 0 3.75 13.75h8.5a1.25 1.25 0 0 0 1.25-1.25v-2" />)
export const Copy = icon(
  <>
    <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
    <path d="M10.5 5.5V4A1.5 1.5 0 0 0 9 2.5H4A1.5 1.5 0 0 0 2.5 4v5A1.5 1.5 0 0 0 4 10.5h1.5" />
  </>,
)
export const Pencil = icon(<path d="m9.75 3.75 2.5 2.5M2.75 13.25l.6-2.9 7.3-7.3a1.4 1.4 0 0 1 2 0l.3.3a1.4 1.4 0 0 1 0 2l-7.3 7.3z" />)
export const Undo = icon(<path d="M5.5 3 2.75 5.75 5.5 8.5M3 5.75h6.5a3.75 3.75 0 0 1 0 7.5H6" />)
export const Document = icon(
  <>
    <path d="M9.25 2H4.75a1.25 1.25 0 0 0-1.25 1.25v9.5A1.25 1.25 0 0 0 4.75 14h6.5a1.25 1.25 0 0 0 1.25-1.25v-7.5z" />
    <path d="M9.25 2v3.25h3.25M6 8.5h4M6 11h4" />
  </>,
)
export const Spark = icon(<path d="M8 2.25 9.35 6.65 13.75 8l-4.4 1.35L8 13.75 6.65 9.35 2.25 8l4.4-1.35z" />)
export const Person = icon(
  <>
    <circle cx="8" cy="5.25" r="2.75" />
    <path d="M2.75 13.75c.5-2.75 2.6-4.25 5.25-4.25s4.75 1.5 5.25 4.25" />
  </>,
)
export const Alert = icon(<path d="M8 5.5V8.75M8 11.25v.01M6.85 2.65 1.9 11.25a1.33 1.33 0 0 0 1.15 2h9.9a1.33 1.33 0 0 0 1.15-2L9.15 2.65a1.33 1.33 0 0 0-2.3 0z" />)

/** To do: a ring; in progress: half full; done: a tick. */
export function StatusIcon({ status, className = 'size-3.5' }: { status: string; className?: string }) {
  const colour =
    status === 'DONE' ? 'text-good' : status === 'IN_PROGRESS' ? 'text-warn' : 'text-faint'
  return (
    <svg viewBox="0 0 14 14" className={`shrink-0 ${className} ${colour}`} aria-hidden="true">
      {status === 'DONE' ? (
        <>
          <circle cx="7" cy="7" r="6.5" fill="currentColor" />
          <path
            d="m4.25 7.25 2 2 3.5-4"
            fill="none"
            stroke="var(--raised)"
            strokeWidth="1.5"
            strokeLinecap="round"
            strokeLinejoin="round"
          />
        </>
      ) : (
        <>
          <circle cx="7" cy="7" r="5.75" fill="none" stroke="currentColor" strokeWidth="1.5" />
          {status === 'IN_PROGRESS' && <path d="M7 3.5a3.5 3.5 0 0 1 0 7z" fill="currentColor" />}
        </>
      )}
    </svg>
  )
}
