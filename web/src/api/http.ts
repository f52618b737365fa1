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

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'
type Query = Record<string, string | number | boolean | undefined>

async function ask(method: Method, path: string, query?: Query, body?: unknown): Promise<Response> {
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
    })
  } catch {
    throw new Problem('away', '', 0)
  }
  if (response.ok) return response
  const problem = await problemOf(response)
  if (problem.status === 401) session.expire()
  throw problem
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    const body = (await response.json()) as { code?: string; detail?: string; requestId?: string }
    return new Problem(
      body.code ?? 'internal',
      body.detail ?? '',
      response.status,
      body.requestId ?? null,
    )
  } catch {
    // Not ours: a proxy in between, whose server is away.
    return new Problem('away', '', response.status >= 500 ? 0 : response.status)
  }
}

export async function json<T>(
  method: Method,
  path: string,
  more: { query?: Query; body?: unknown } = {},
): Promise<T> {
  const response = await ask(method, path, more.query, more.body)
  const text = await response.text()
  return (text ? JSON.parse(text) : null) as T
}

export async function file(path: string, query?: Query): Promise<Blob> {
  return (await ask('GET', path, query)).blob()
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
