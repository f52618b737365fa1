import { describe, expect, it } from 'vitest'
import type { Line, Word } from '../api/types'
import { lineAt, piecesOf, wordAt } from './follow'

const word = (text: string, startMs: number): Word => ({
  text,
  startMs,
  endMs: startMs + 200,
  probability: 1,
})
const line = (startMs: number, audioId = 'mic'): Line => ({
  captionId: String(startMs),
  audioId,
  text: '',
  language: 'en',
  startMs,
  endMs: startMs + 900,
  speakerId: null,
  speaker: null,
  words: [],
})

describe('what is heard', () => {
  it('is the last line that has begun, of the microphone that plays', () => {
    const lines = [line(0), line(1000, 'other'), line(2000)]
    expect(lineAt(lines, -1)).toBe(-1)
    expect(lineAt(lines, 1500)).toBe(1)
    expect(lineAt(lines, 1500, 'mic')).toBe(0)
    expect(lineAt(lines, 9999)).toBe(2)
    expect(lineAt([], 5)).toBe(-1)
  })

  it('is the last word that has begun', () => {
    const words = [word('good', 100), word('morning', 400)]
    expect(wordAt(words, 50)).toBe(-1)
    expect(wordAt(words, 399)).toBe(0)
    expect(wordAt(words, 5000)).toBe(1)
  })

  it('stands where the text has it, with signs and blanks of no word', () => {
    expect(piecesOf('Good, morning.', [word('Good', 0), word(' morning', 300)])).toEqual([
      { text: 'Good', word: 0 },
      { text: ', ', word: null },
      { text: 'morning', word: 1 },
      { text: '.', word: null },
    ])
    expect(piecesOf('다 같이', [word('없음', 0)])).toEqual([{ text: '다 같이', word: null }])
  })
})
