/** Which line, and which word of it, is heard at a time. Pure. */

import type { Line, Word } from '../api/types'

/** The last line that has begun by `ms`, of `audioId` if given; -1 for none. `lines` are by time. */
export function lineAt(lines: readonly Line[], ms: number, audioId?: string): number {
  let low = 0
  let high = lines.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((lines[middle]?.startMs ?? 0) <= ms) low = middle + 1
    else high = middle
  }
  for (let at = low - 1; at >= 0; at--) {
    if (!audioId || lines[at]?.audioId === audioId) return at
  }
  return -1
}

/** The last word that has begun by `ms`; -1 for none. */
export function wordAt(words: readonly Word[], ms: number): number {
  return words.findLastIndex((word) => word.startMs <= ms)
}

export interface Piece {
  text: string
  /** Which word it is; null: it is none. */
  word: number | null
}

/** The text cut where its words are; signs and blanks between them belong to no word. */
export function piecesOf(text: string, words: readonly Word[]): Piece[] {
  const out: Piece[] = []
  let at = 0
  words.forEach((word, i) => {
    const said = word.text.trim()
    const start = said ? text.indexOf(said, at) : -1
    if (start < 0) return
    if (start > at) out.push({ text: text.slice(at, start), word: null })
    out.push({ text: said, word: i })
    at = start + said.length
  })
  if (at < text.length) out.push({ text: text.slice(at), word: null })
  return out
}
