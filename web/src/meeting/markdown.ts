/** The Markdown that minutes use, as blocks: headings, lists, quotes, rules and text. Pure. */

export type Span =
  | { kind: 'text' | 'strong' | 'emphasis' | 'code'; text: string }
  /** `[03:25]`: a time of the meeting. */
  | { kind: 'time'; text: string; ms: number }

export type Block =
  | { kind: 'heading'; level: number; spans: Span[] }
  | { kind: 'list'; isNumbered: boolean; items: Span[][] }
  | { kind: 'quote' | 'text'; spans: Span[] }
  | { kind: 'rule' }

export function blocks(markdown: string): Block[] {
  const out: Block[] = []
  let isOpen = false // whether a line goes on with the paragraph before it
  for (const line of markdown.split(/\r?\n/)) {
    const heading = /^(#{1,6})\s+(.*)$/.exec(line)
    const item = /^\s*(?:[-*+]|(\d+)[.)])\s+(.*)$/.exec(line)
    const quote = /^>\s?(.*)$/.exec(line)
    const last = out.at(-1)
    if (!line.trim()) {
      isOpen = false
    } else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) {
      out.push({ kind: 'rule' })
      isOpen = false
    } else if (heading) {
      out.push({ kind: 'heading', level: heading[1]?.length ?? 1, spans: spans(heading[2] ?? '') })
      isOpen = false
    } else if (item) {
      const isNumbered = item[1] !== undefined
      const found = spans(item[2] ?? '')
      if (last?.kind === 'list' && last.isNumbered === isNumbered) last.items.push(found)
      else out.push({ kind: 'list', isNumbered, items: [found] })
      isOpen = false
    } else if (quote) {
      out.push({ kind: 'quote', spans: spans(quote[1] ?? '') })
      isOpen = false
    } else if (isOpen && last?.kind === 'text') {
      last.spans.push({ kind: 'text', text: ' ' }, ...spans(line.trim()))
    } else {
      out.push({ kind: 'text', spans: spans(line.trim()) })
      isOpen = true
    }
  }
  return out
}

const INLINE =
  /\\([!-/:-@[-`{-~])|\*\*(.+?)\*\*|(?<!\w)[*_]([^*_\s][^*_]*?)[*_](?!\w)|`([^`]+)`|\[(?:(\d+):)?(\d{1,2}):(\d{2})\]/g

export function spans(text: string): Span[] {
  const out: Span[] = []
  const plain = (more: string) => {
    const last = out.at(-1)
    if (!more) return
    if (last?.kind === 'text') last.text += more
    else out.push({ kind: 'text', text: more })
  }
  let at = 0
  for (const match of text.matchAll(INLINE)) {
    plain(text.slice(at, match.index))
    at = match.index + match[0].length
    const [whole, escaped, strong, emphasis, code, hours, minutes, seconds] = match
    if (escaped) plain(escaped)
    else if (strong) out.push({ kind: 'strong', text: strong })
    else if (emphasis) out.push({ kind: 'emphasis', text: emphasis })
    else if (code) out.push({ kind: 'code', text: code })
    else {
      const ms = (Number(hours ?? 0) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000
      out.push({ kind: 'time', text: whole.slice(1, -1), ms })
    }
  }
  plain(text.slice(at))
  return out
}
