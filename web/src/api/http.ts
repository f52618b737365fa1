import { session } from './session'

/** An answer of the API that is an error (RFC 9457), or no answer at all (`away`). */
export class Problem extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status: number,
    readonly requestId: string | null = null,
  ) {
    super(message)
  }

  get isAway(): boolean {
    return this.status === 0
  }
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
export type Query = Record<string, string | number | boolean | undefined>

interface More {
  query?: Query
  body?: unknown
  signal?: AbortSignal
}

async function ask(
  method: Method,
  path: string,
  { query, body, signal }: More = {},
): Promise<Response> {
  const token = session.token()
  let response: Response
  try {
    response = await fetch(address(path, query), {
      method,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new Problem('away', '', 0)
  }
  if (response.ok) return response
  const problem = problemFrom(response.status, await response.text())
  // A wrong password is told where it was given.
  if (problem.status === 401 && problem.code !== 'wrong_password') session.expire()
  throw problem
}

/** What an answer that is an error says. */
export function problemFrom(status: number, text: string): Problem {
  try {
    const body = JSON.parse(text) as { code?: string; detail?: string; requestId?: string }
    return new Problem(body.code ?? 'internal', body.detail ?? '', status, body.requestId ?? null)
  } catch {
    // Not ours: a proxy in between, whose server is away.
    return new Problem('away', '', status >= 500 ? 0 : status)
  }
}

export async function json<T>(
  method: Method,
  path: string,
  more: More = {},
): Promise<T> {
  const response = await ask(method, path, more)
  const text = await response.text()
  return (text ? JSON.parse(text) : null) as T
}

export async function file(path: string, query?: Query): Promise<Blob> {
  return (await ask('GET', path, query ? { query } : {})).blob()
}

export function address(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter((pair): pair is [string, string | number | boolean] => {
    return pair[1] !== undefined && pair[1] !== ''
  })
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)]))
  return search.size ? `${path}?${search}` : path
}

/** For what cannot send headers: WebSockets and media elements. */
export function withToken(path: string, query: Query = {}): string {
  return address(path, { ...query, token: session.token() ?? undefined })
}

export function socketAddress(path: string, query: Query = {}): string {
  return location.origin.replace(/^http/, 'ws') + withToken(path, query)
}
