import { describe, expect, it } from 'vitest'
import { FRAME_BYTES, KEEPALIVE_MS, Line, MOST_QUIET_BEATS, type Notice, type Socket, type State } from './line'

class FakeSocket implements Socket {
  binaryType: BinaryType = 'blob'
  bufferedAmount = 0
  onopen: ((event: Event) => void) | null = null
  onmessage: ((event: MessageEvent) => void) | null = null
  onclose: ((event: CloseEvent) => void) | null = null
  texts: { type: string; data?: { resume?: { nextSeq: number }; audioId?: string } }[] = []
  bytes: number[] = []
  frames: number[] = []

  send(data: string | Uint8Array): void {
    if (typeof data === 'string') {
      this.texts.push(JSON.parse(data) as (typeof this.texts)[number])
    } else {
      this.bytes.push(...data)
      this.frames.push(data.byteLength)
    }
  }

  close(): void {
    this.lose(1000)
  }

  tell(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) } as MessageEvent)
  }

  begin(receivedBytes = 0, type = 'started'): this {
    this.onopen?.({} as Event)
    this.tell({ type, receivedBytes, nextSeq: 0 })
    return this
  }

  lose(code = 1006): void {
    this.onclose?.({ code } as CloseEvent)
  }
}

class House {
  sockets: FakeSocket[] = []
  waiting: { run: () => void; ms: number }[] = []
  states: State[] = []
  notices: Notice[] = []
  line = new Line(
    { audioId: 'mic', groupId: 1, format: { encoding: 's16le', rateHz: 16000, channels: 1 } },
    {
      connect: () => {
        const socket = new FakeSocket()
        this.sockets.push(socket)
        return socket
      },
      later: (run, ms) => {
        const handle = { run, ms }
        this.waiting.push(handle)
        return handle
      },
      never: (handle) => {
        this.waiting = this.waiting.filter((one) => one !== handle)
      },
    },
    {
      onState: (state) => this.states.push(state),
      onNotice: (notice) => this.notices.push(notice),
    },
  )

  get socket(): FakeSocket {
    const last = this.sockets.at(-1)
    if (!last) throw new Error('no socket yet')
    return last
  }

  /** Let what waits for exactly so long happen. */
  pass(isDue: (ms: number) => boolean): number {
    const due = this.waiting.filter((one) => isDue(one.ms))
    this.waiting = this.waiting.filter((one) => !due.includes(one))
    due.forEach((one) => {
      one.run()
    })
    return due[0]?.ms ?? 0
  }

  reconnect(): number {
    return this.pass((ms) => ms !== KEEPALIVE_MS)
  }
}

const sound = (...bytes: number[]) => Uint8Array.from(bytes)

function started(): House {
  const house = new House()
  house.line.start()
  house.socket.begin()
  return house
}

describe('a recording line', () => {
  it('says what the recording is before any sound, and holds sound back until it may send', () => {
    const house = new House()
    house.line.start()
    house.line.send(sound(1, 2))
    house.socket.onopen?.({} as Event)
    expect(house.socket.texts[0]).toMatchObject({ type: 'metadata', data: { audioId: 'mic' } })
    expect(house.socket.texts[0]?.data?.resume).toBeUndefined()
    expect(house.socket.bytes).toEqual([])
    house.socket.tell({ type: 'started', receivedBytes: 0, nextSeq: 0 })
    expect(house.socket.bytes).toEqual([1, 2])
    expect(house.line.state).toBe('open')
  })

  it('keeps what is not acknowledged and sends it again from where the server is', () => {
    const house = started()
    house.line.send(sound(1, 2, 3, 4))
    house.line.send(sound(5, 6))
    house.socket.tell({ type: 'ack', receivedBytes: 3, durationMs: 0 })
    expect(house.line.waitingBytes).toBe(3)
    house.socket.lose()
    expect(house.line.state).toBe('away')
    house.line.send(sound(7, 8)) // said while the line is down
    house.reconnect()
    house.socket.begin(5, 'resumed')
    expect(house.socket.texts[0]?.data?.resume).toEqual({ nextSeq: 0 })
    expect(house.socket.bytes).toEqual([6, 7, 8])
    expect(house.line.waitingBytes).toBe(3)
  })

  it('never loses or doubles a byte, wherever the line breaks', () => {
    for (let cut = 0; cut <= 12; cut++) {
      const house = started()
      const heard: number[] = []
      for (let i = 0; i < 12; i++) {
        if (i === cut) {
          const durable = Math.floor(house.socket.bytes.length / 2)
          heard.push(...house.socket.bytes.slice(0, durable))
          house.socket.lose()
          house.line.send(sound(i))
          house.reconnect()
          house.socket.begin(heard.length, 'resumed')
        } else house.line.send(sound(i))
      }
      heard.push(...house.socket.bytes)
      expect(heard, `cut at ${String(cut)}`).toEqual([...Array(12).keys()])
    }
  })

  it('asks for the captions it has not heard', () => {
    const house = started()
    const caption = { type: 'caption', text: 'x', startMs: 0, endMs: 1 }
    house.socket.tell({ ...caption, seq: 0, final: true })
    house.socket.tell({ ...caption, seq: 1, final: true })
    house.socket.tell({ ...caption, seq: 2, final: false })
    house.socket.lose(1001)
    house.reconnect()
    house.socket.onopen?.({} as Event)
    expect(house.socket.texts[0]?.data?.resume).toEqual({ nextSeq: 2 })
  })

  it('cuts long sound into frames', () => {
    const house = started()
    house.line.send(new Uint8Array(2 * FRAME_BYTES + 10))
    expect(house.socket.frames).toEqual([FRAME_BYTES, FRAME_BYTES, 10])
  })

  it('ends after everything was sent, and is finished when the server says so', () => {
    const house = started()
    house.socket.lose()
    house.line.send(sound(1, 2))
    house.line.end()
    house.line.send(sound(3)) // too late
    house.reconnect()
    house.socket.begin(0, 'resumed')
    expect(house.socket.bytes).toEqual([1, 2])
    expect(house.socket.texts.at(-1)).toEqual({ type: 'end' })
    expect(house.line.state).toBe('finishing')
    house.socket.tell({ type: 'finished', captions: 0, durationMs: 0 })
    house.socket.lose(1000)
    expect(house.line.state).toBe('finished')
    expect(house.line.waitingBytes).toBe(0)
    expect(house.waiting).toEqual([])
  })

  it('says the end again when the line broke before the server was finished', () => {
    const house = started()
    house.line.send(sound(1))
    house.line.end()
    house.socket.lose()
    house.reconnect()
    house.socket.begin(1, 'resumed')
    expect(house.socket.bytes).toEqual([])
    expect(house.socket.texts.at(-1)).toEqual({ type: 'end' })
  })

  it('waits longer each time, at least as long as the server asks', () => {
    const house = started()
    const waits: number[] = []
    for (let i = 0; i < 6; i++) {
      house.socket.lose()
      waits.push(house.reconnect())
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 8000])
    house.socket.tell({ type: 'error', code: 'full', message: '', fatal: true, retryAfterMs: 30_000 })
    house.socket.lose(1013)
    expect(house.reconnect()).toBe(30_000)
  })

  it('gives up where trying again changes nothing, and says why', () => {
    const house = started()
    house.socket.tell({ type: 'error', code: 'meeting_ended', message: 'It ended.', fatal: true })
    house.socket.lose(4400)
    expect(house.line.state).toBe('failed')
    expect(house.line.failure?.code).toBe('meeting_ended')
    expect(house.waiting).toEqual([])
  })

  it('is finished when the meeting ended meanwhile and everything was acknowledged', () => {
    const house = started()
    house.line.send(sound(1, 2))
    house.line.end()
    house.socket.tell({ type: 'ack', receivedBytes: 2, durationMs: 0 })
    house.socket.lose()
    house.reconnect()
    house.socket.tell({ type: 'error', code: 'meeting_ended', message: '', fatal: true })
    house.socket.lose(4400)
    expect(house.line.state).toBe('finished')
  })

  it('starts anew when the server knows nothing to resume', () => {
    const house = started()
    house.line.send(sound(1, 2))
    house.socket.lose()
    house.reconnect()
    house.socket.onopen?.({} as Event)
    house.socket.lose(4404)
    house.reconnect()
    house.socket.begin(0)
    expect(house.socket.texts[0]?.data?.resume).toBeUndefined()
    expect(house.socket.bytes).toEqual([1, 2])
  })

  it('gives up when there is no such meeting', () => {
    const house = started()
    house.socket.tell({ type: 'error', code: 'not_found', message: '', fatal: true })
    house.socket.lose(4404)
    expect(house.line.state).toBe('failed')
  })

  it('says that it is there', () => {
    const house = started()
    house.pass((ms) => ms === KEEPALIVE_MS)
    expect(house.socket.texts.at(-1)).toEqual({ type: 'keepalive' })
  })

  const beat = (house: House) => house.pass((ms) => ms === KEEPALIVE_MS)

  it('gives up a line on which nobody answers, and sends its sound again on another', () => {
    const house = started()
    house.line.send(sound(1, 2, 3, 4))
    house.socket.tell({ type: 'ack', receivedBytes: 2, durationMs: 0 })
    for (let i = 0; i < MOST_QUIET_BEATS; i++) beat(house)
    expect(house.line.state).toBe('away')
    house.reconnect()
    house.socket.begin(2, 'resumed')
    expect(house.socket.bytes).toEqual([3, 4])
    expect(house.line.state).toBe('open')
  })

  it('waits for a line that owes nothing, or says something', () => {
    const house = started()
    for (let i = 0; i < 2 * MOST_QUIET_BEATS; i++) beat(house)
    house.line.send(sound(1, 2))
    for (let i = 0; i < 2 * MOST_QUIET_BEATS; i++) {
      beat(house)
      house.socket.tell({ type: 'warning', code: 'disk_full', message: '' })
    }
    expect(house.line.state).toBe('open')
    expect(house.sockets).toHaveLength(1)
  })
})
