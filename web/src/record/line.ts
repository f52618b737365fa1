/**
 * One recording's line to VORI: sends sound, and keeps what is not acknowledged.
 *
 * The server says how many bytes of the recording are durable. What comes after them stays here,
 * and is sent again from there when the line breaks and comes back. Pure: the socket and the
 * clock are given.
 */

export interface Socket {
  binaryType: BinaryType
  readonly bufferedAmount: number
  onopen: ((event: Event) => void) | null
  onmessage: ((event: MessageEvent) => void) | null
  onclose: ((event: CloseEvent) => void) | null
  send(data: string | Uint8Array<ArrayBuffer>): void
  close(code?: number): void
}

export type Format = { encoding: 's16le'; rateHz: number; channels: 1 }

export interface Opening {
  audioId: string
  groupId: number
  format: Format
  language?: string
  speakerId?: number
}

export interface CaptionMessage {
  type: 'caption'
  seq: number
  captionId?: string
  text: string
  final: boolean
  startMs: number
  endMs: number
}

export interface Notice {
  type: 'error' | 'warning'
  code: string
  message: string
  fatal?: boolean
  retryAfterMs?: number
}

/** away: the line is lost and will be tried again; nothing is lost meanwhile. */
export type State = 'connecting' | 'open' | 'away' | 'finishing' | 'finished' | 'failed'

export interface Told {
  onState?(state: State): void
  onCaption?(caption: CaptionMessage): void
  onNotice?(notice: Notice): void
}

export interface Given {
  connect(): Socket
  later(run: () => void, ms: number): unknown
  never(handle: unknown): void
}

export const FRAME_BYTES = 64 * 1024
export const KEEPALIVE_MS = 5_000
/** So many beats without a word, while sound waits to be acknowledged: the line is dead. */
export const MOST_QUIET_BEATS = 3
const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 8_000

/** Close codes after which trying again changes nothing. */
const FINAL_CODES = new Set([1009, 4400, 4401, 4403, 4409])
/** There is no such meeting, or (`unknown_resume`) the recording is not known any more. */
const NOT_FOUND = 4404

export class Line {
  state: State = 'connecting'
  failure: Notice | null = null
  acknowledgedBytes = 0

  private kept: Uint8Array<ArrayBuffer>[] = []
  private totalBytes = 0
  private sentBytes = 0
  private nextSeq = 0
  private isKnown = false
  private isReady = false
  private isEnding = false
  private isEndSent = false
  private waitMs = FIRST_WAIT_MS
  private retryMs = 0
  private quietBeats = 0
  private socket: Socket | null = null
  private retrying: unknown = null
  private beating: unknown = null

  constructor(
    private readonly opening: Opening,
    private readonly given: Given,
    private readonly told: Told = {},
  ) {}

  /** Bytes that are kept because the server has not acknowledged them yet. */
  get waitingBytes(): number {
    return this.totalBytes - this.acknowledgedBytes
  }

  start(): void {
    this.open()
    this.beat()
  }

  send(sound: Uint8Array<ArrayBuffer>): void {
    if (this.isEnding || this.isOver || sound.byteLength === 0) return
    this.kept.push(sound)
    this.totalBytes += sound.byteLength
    this.flush()
  }

  /** No more sound comes. The rest is sent; the state becomes `finished` when all is settled. */
  end(): void {
    if (this.isOver) return
    this.isEnding = true
    if (this.state === 'open') this.become('finishing')
    this.flush()
  }

  /** Try again now: the browser says that the network is back. */
  retryNow(): void {
    if (this.state === 'away' && this.retrying !== null) {
      this.given.never(this.retrying)
      this.open()
    }
  }

  private get isOver(): boolean {
    return this.state === 'finished' || this.state === 'failed'
  }

  private open(): void {
    this.retrying = null
    this.isReady = false
    this.isEndSent = false
    this.quietBeats = 0
    const socket = this.given.connect()
    this.socket = socket
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => {
      socket.send(JSON.stringify({ type: 'metadata', data: this.metadata() }))
    }
    socket.onmessage = (event) => {
      if (socket !== this.socket) return
      this.quietBeats = 0
      this.hear(JSON.parse(String(event.data)) as Message)
    }
    socket.onclose = (event) => {
      if (socket === this.socket) this.lost(event.code)
    }
  }

  private metadata(): object {
    const resume = this.isKnown ? { resume: { nextSeq: this.nextSeq } } : {}
    return { ...this.opening, partials: true, ...resume }
  }

  private hear(message: Message): void {
    switch (message.type) {
      case 'started':
      case 'resumed':
        this.isKnown = true
        this.isReady = true
        this.waitMs = FIRST_WAIT_MS
        this.acknowledge(message.receivedBytes)
        this.sentBytes = this.acknowledgedBytes
        this.become(this.isEnding ? 'finishing' : 'open')
        this.flush()
        break
      case 'ack':
        this.acknowledge(message.receivedBytes)
        break
      case 'caption':
        if (message.final) this.nextSeq = Math.max(this.nextSeq, message.seq + 1)
        this.told.onCaption?.(message)
        break
      case 'finished':
        this.acknowledge(this.totalBytes)
        this.become('finished')
        break
      case 'error':
      case 'warning':
        if (message.fatal) this.failure = message
        this.retryMs = message.retryAfterMs ?? 0
        this.told.onNotice?.(message)
        break
    }
  }

  private acknowledge(bytes: number): void {
    const until = Math.min(bytes, this.totalBytes)
    if (until <= this.acknowledgedBytes) return
    let over = until - this.acknowledgedBytes
    while (over > 0) {
      const first = this.kept[0]
      if (!first) break
      if (first.byteLength <= over) {
        over -= first.byteLength
        this.kept.shift()
      } else {
        this.kept[0] = first.subarray(over)
        over = 0
      }
    }
    this.acknowledgedBytes = until
  }

  private flush(): void {
    const socket = this.socket
    if (!this.isReady || !socket) return
    let at = this.acknowledgedBytes
    for (const chunk of this.kept) {
      const from = Math.max(0, this.sentBytes - at)
      for (let i = from; i < chunk.byteLength; i += FRAME_BYTES) {
        const frame = chunk.subarray(i, i + FRAME_BYTES)
        socket.send(frame)
        this.sentBytes += frame.byteLength
      }
      at += chunk.byteLength
    }
    if (this.isEnding && !this.isEndSent) {
      this.isEndSent = true
      socket.send('{"type":"end"}')
    }
  }

  private lost(code: number): void {
    this.socket = null
    this.isReady = false
    if (this.isOver) return
    if (FINAL_CODES.has(code) || this.failure?.code === 'not_found') {
      if (this.isEnding && this.waitingBytes === 0) {
        this.become('finished') // the meeting ended while the line was down; nothing is missing
        return
      }
      this.failure ??= { type: 'error', code: 'closed', message: '' }
      this.become('failed')
      return
    }
    if (code === NOT_FOUND) this.isKnown = false
    this.failure = null
    this.become('away')
    const wait = Math.max(this.waitMs, this.retryMs)
    this.waitMs = Math.min(2 * this.waitMs, LONGEST_WAIT_MS)
    this.retryMs = 0
    this.retrying = this.given.later(() => {
      this.open()
    }, wait)
  }

  /** The server closes a line on which nothing comes; quiet clients say that they are there. */
  private beat(): void {
    this.beating = this.given.later(() => {
      this.giveUpDeadLine()
      if (this.isReady && !this.isEndSent) this.socket?.send('{"type":"keepalive"}')
      if (!this.isOver) this.beat()
    }, KEEPALIVE_MS)
  }

  /** After a change of networks a browser may take minutes to see that nobody is there any more. */
  private giveUpDeadLine(): void {
    const socket = this.socket
    const isOwed = !this.isReady || this.waitingBytes > 0
    this.quietBeats = socket && isOwed ? this.quietBeats + 1 : 0
    if (!socket || this.quietBeats < MOST_QUIET_BEATS) return
    this.lost(1006)
    socket.close()
  }

  private become(state: State): void {
    if (state === this.state) return
    this.state = state
    if (this.isOver) this.given.never(this.beating)
    this.told.onState?.(state)
  }
}

type Message =
  | { type: 'started' | 'resumed'; receivedBytes: number; nextSeq: number }
  | { type: 'ack'; receivedBytes: number; durationMs: number }
  | { type: 'finished' }
  | { type: 'ticket' }
  | CaptionMessage
  | Notice

export const inBrowser = (url: string): Given => ({
  connect: () => new WebSocket(url),
  later: (run, ms) => window.setTimeout(run, ms),
  never: (handle) => {
    window.clearTimeout(handle as number)
  },
})
