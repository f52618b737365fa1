import { useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Chart, Table as TableIcon } from './icons'
import { Button } from './parts'

interface Props {
  title: string
  /** What the numbers say, or why there are none yet. */
  note?: ReactNode
  columns: string[]
  rows: (string | number)[][]
  /** None: the table is the figure. */
  children?: ReactNode
}

/** A picture of numbers, and the numbers. */
export function Figure({ title, note, columns, rows, children }: Props) {
  const { t } = useTranslation()
  const [isTable, setTable] = useState(!children)
  return (
    <section
      aria-label={title}
      className="min-w-0 rounded-xl border border-line bg-raised p-4 shadow-card"
    >
      <div className="mb-2 flex items-center gap-2">
        <h2 className="min-w-0 flex-1 font-semibold">{title}</h2>
        {children && rows.length > 0 && (
          <Button
            small
            look="quiet"
            aria-pressed={isTable}
            onClick={() => {
              setTable(!isTable)
            }}
          >
            {isTable ? <Chart className="size-3.5" /> : <TableIcon className="size-3.5" />}
            {t(isTable ? 'dashboard.asChart' : 'dashboard.asTable')}
          </Button>
        )}
      </div>
      {note && <p className="mb-2 text-sm text-muted">{note}</p>}
      {rows.length === 0 ? (
        <p className="py-6 text-center text-muted">{t('dashboard.nothing')}</p>
      ) : isTable ? (
        <div className="overflow-x-auto" tabIndex={0} role="group" aria-label={title}>
          <table className="w-full text-sm">
            <thead>
              <tr className="border-b border-line text-left text-muted">
                {columns.map((column, i) => (
                  <th
                    key={column}
                    scope="col"
                    className={`px-2 py-1.5 font-medium ${i > 0 ? 'text-right' : ''}`}
                  >
                    {column}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row, y) => (
                <tr key={y} className="border-b border-line last:border-0">
                  {row.map((cell, x) =>
                    x === 0 ? (
                      <th key={x} scope="row" dir="auto" className="px-2 py-1.5 text-left font-normal">
                        {cell}
                      </th>
                    ) : (
                      <td key={x} className="px-2 py-1.5 text-right tabular-nums">
                        {cell}
                      </td>
                    ),
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        // The table says the same in words.
        <div aria-hidden="true">{children}</div>
      )}
    </section>
  )
}
